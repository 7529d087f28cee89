// One side of a comparison: a target on its host, the namespaces that it has, and ways to what is in them.

import { namespaceKinds, type NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { gap, value, type Host, type Reading } from '../../kernel/host.ts';
import { doorOf } from '../../namespaces/discover/door-of.ts';
import { isOwn } from '../../namespaces/own.ts';
import { findTarget } from '../process-in.ts';
import { resolveTarget, type NamespaceTarget, type ProcessTarget, type ResolvedTarget } from '../resolve-target.ts';
import { firstProcess, initialNamespace, inodeOf } from '../initial-namespace.ts';
import { requireSameProcess, startTicksOf } from '../start-ticks.ts';

/** A namespace of a target. */
export interface SeenNamespace {
  readonly kind: NamespaceKind;
  /** Its number; a gap where the link is closed to us. */
  readonly inode: Reading<bigint>;
  /** A file that is the namespace. Absent (null): none was found. */
  readonly door: string | null;
  /** Processes in it, those first whose files tell the most. */
  readonly pids: readonly number[];
}

/** A target on its host. */
export interface Side {
  readonly host: Host;
  /** Whose fields are compared besides the namespaces. Absent (null): the target is a namespace and has none. */
  readonly process: Reading<number> | null;
  /** Is it the host itself, not one of its processes? */
  readonly isHost: boolean;
  /** When that process started. Absent (null) when unreadable. */
  readonly startTicks: bigint | null;
  /** Those that the target has and this kernel knows. */
  readonly namespaces: ReadonlyMap<NamespaceKind, SeenNamespace>;
}

/** The target that a word means on this host. Errors: those of resolveTarget. */
export function sideOf(host: Host, word: string): Side {
  return sideOfTarget(host, resolveTarget(host, word));
}

export function sideOfTarget(host: Host, target: ResolvedTarget): Side {
  if (target.type === 'host') return initialSide(host);
  return target.type === 'process' ? processSide(host, target) : namespaceSide(host, target);
}

/** Errors: NO_PROCESS, when the process is no more. */
export function requireLasting({ host, process, startTicks }: Side): void {
  if (process?.ok === true) requireSameProcess(host, process.value, startTicks);
}

function processSide(host: Host, { pid, startTicks }: ProcessTarget): Side {
  const namespaces = kindsOf(host).map((kind): [NamespaceKind, SeenNamespace] => {
    const door = `/proc/${pid}/ns/${kind}`;
    return [kind, { kind, inode: inodeOf(host, door), door, pids: [pid] }];
  });
  return { host, process: value(pid), isHost: false, startTicks: startTicks ?? null, namespaces: new Map(namespaces) };
}

function namespaceSide(host: Host, target: NamespaceTarget): Side {
  const { namespace } = findTarget(host, target);
  const { kind, inode, pids } = namespace;
  const door = doorOf(namespace)?.at;
  const seen: SeenNamespace = { kind, inode: value(inode), door: typeof door === 'string' ? door : null, pids };
  return { host, process: null, isHost: false, startTicks: null, namespaces: new Map([[kind, seen]]) };
}

/** The initial namespaces, seen through who is in them: process 1, the kernel's threads, or we. */
function initialSide(host: Host): Side {
  const namespaces = kindsOf(host).map((kind) => [kind, { kind, ...initialNamespace(host, kind) }] as const);
  const process = firstProcess(host);
  return {
    host,
    process,
    isHost: true,
    startTicks: process.ok ? startTicksOf(host, process.value) : null,
    namespaces: new Map(namespaces),
  };
}

/** A kind that this kernel lacks is not there for us either. */
function kindsOf(host: Host): readonly NamespaceKind[] {
  return namespaceKinds
    .map(({ kind }) => kind)
    .filter((kind) => {
      const own = host.readLink(`/proc/self/ns/${kind}`);
      return own.ok || own.gap.reason !== 'gone';
    });
}

/** Are we in it ourselves? Then it can be asked without a door, which a plain user may not go through. */
export function isOurs(host: Host, { kind, inode }: SeenNamespace): boolean {
  return inode.ok && isOwn(host, kind, inode.value);
}

/** A file of a process in the namespace: the answer of the first of them that gives one. */
export function readThrough<T>(
  { host }: Side,
  { kind, inode, pids }: SeenNamespace,
  read: (host: Host, pid: number) => Reading<T>,
): Reading<T> {
  let refused: Reading<T> | undefined;
  // Of a namespace with thousands of processes the others will not tell either.
  for (const pid of pids.slice(0, MAX_TRIED)) {
    const reading = read(host, pid);
    if (reading.ok) return reading;
    refused ??= reading;
  }
  const name = `${kind}:${inode.ok ? inode.value : '?'}`;
  return refused ?? gap({ reason: 'unsupported', what: `${name}: no process that we see is in it` });
}

const MAX_TRIED = 8;
