// The namespaces that will be entered: where each is found, and whether it is our own.

import { kindFacts, namespaceKinds, type NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import { O_RDONLY } from '../kernel/abi/open-flags.ts';
import { NsError, errorOfGap } from '../kernel/error.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import type { Operation } from '../kernel/program.ts';
import { parseNamespaceLink } from '../kernel/text/namespace-link.ts';
import { parseDecimal } from '../kernel/text/text.ts';
import type { EnterQuery } from './enter-query.ts';
import { explainGone } from './explain-enter.ts';
import { PROCESS_SLOT } from './step.ts';

/** A namespace that will be joined. */
export interface Door {
  readonly kind: NamespaceKind;
  /** For people: where the namespace was found. */
  readonly path: string;
  readonly inode: bigint;
  readonly open: Operation;
  /** Is it the namespace that we are in already? */
  readonly ours: boolean;
}

/** The namespaces of the target process that were asked for. Errors: NO_PROCESS, NO_NAMESPACE, DENIED, UNSUPPORTED. */
export function processDoors(host: Host, query: Pick<EnterQuery, 'pid' | 'kinds' | 'files'>): readonly Door[] {
  const { pid, kinds } = query;
  if (pid === undefined) return [];
  const byFile = new Set(query.files.map((file) => file.kind));
  const wanted = namespaceKinds.map((entry) => entry.kind).filter((kind) => !byFile.has(kind));
  if (kinds === 'all') return wanted.flatMap((kind) => processDoor(host, pid, kind, true) ?? []);
  return wanted.filter((kind) => kinds.includes(kind)).flatMap((kind) => processDoor(host, pid, kind, false) ?? []);
}

/** undefined: this kernel has no such kind, and that is no error for `--all`. */
function processDoor(host: Host, pid: number, kind: NamespaceKind, all: boolean): Door | undefined {
  const path = `/proc/${pid}/ns/${kind}`;
  const link = host.readLink(path);
  if (!link.ok) {
    if (link.gap.reason === 'denied') throw new NsError('DENIED', explainGone.denied(pid, link.gap));
    if (link.gap.reason !== 'gone') throw errorOfGap(link.gap, `cannot read ${path}`);
    if (!host.stat(`/proc/${pid}`).ok) throw new NsError('NO_PROCESS', explainGone.process(pid));
    if (host.readLink(`/proc/self/ns/${kind}`).ok) throw new NsError('NO_NAMESPACE', explainGone.zombie(pid, kind));
    if (all) return undefined;
    throw new NsError('UNSUPPORTED', explainGone.kind(kind));
  }
  const id = parseNamespaceLink(link.value, path);
  if (!id.ok) throw errorOfGap(id.gap, `cannot read ${path}`);
  return {
    kind,
    path,
    inode: id.value.inode,
    open: { op: 'open', dir: PROCESS_SLOT, path: `ns/${kind}`, flags: O_RDONLY, into: kind },
    ours: isOurs(host, kind, id.value.inode),
  };
}

/** A namespace by its file. Errors: BAD_VALUE, NO_FILE, DENIED. */
export function fileDoor(host: Host, kind: NamespaceKind, path: string): Door {
  const inode = host.askNamespace(path, []);
  if (!inode.ok) throw errorOfGap(inode.gap, `cannot open ${path}`);
  const actual = namespaceKindOfFile(host, path);
  if (actual !== kind) {
    throw new NsError('BAD_VALUE', {
      what: `${path} is not a ${kind} namespace`,
      why: `it is a ${actual} namespace`,
      tryThis: `--${kindFacts(actual).option}=${path}`,
    });
  }
  const inherited = parseDecimal(/^\/(?:dev|proc\/self)\/fd\/([0-9]+)$/.exec(path)?.[1]);
  // nsexec closes what it was not told to keep, and /dev/fd with it.
  const open: Operation =
    inherited === undefined
      ? { op: 'open', path, flags: O_RDONLY, into: kind }
      : { op: 'adopt', fd: inherited, into: kind };
  return { kind, path, inode: inode.value, open, ours: isOurs(host, kind, inode.value) };
}

/** Errors: BAD_VALUE when the file is no namespace, NO_FILE, DENIED. */
export function namespaceKindOfFile(host: Host, path: string): NamespaceKind {
  const type = host.askNamespace(path, ['NS_GET_NSTYPE']);
  const found = type.ok ? namespaceKinds.find((entry) => BigInt(entry.flagValue) === type.value) : undefined;
  if (found !== undefined) return found.kind;
  if (!type.ok && type.gap.reason !== 'unsupported') throw errorOfGap(type.gap, `cannot open ${path}`);
  throw new NsError('BAD_VALUE', {
    what: `${path} is not a namespace`,
    why: 'a namespace file is a link in /proc/PID/ns, or a file that one is mounted on, as in /run/netns',
  });
}

/** For pid and time it is the namespace of our children that counts: the command is one of them. */
function isOurs(host: Host, kind: NamespaceKind, inode: bigint): boolean {
  const own = kind === 'pid' || kind === 'time' ? `${kind}_for_children` : kind;
  return valueOf(host.readLink(`/proc/self/ns/${own}`)) === `${kind}:[${inode}]`;
}

/**
 * Joining the user namespace that one is in is an error (EINVAL), the others would only ask for privileges without
 * need. The mount namespace is different: joining it again also leaves a chroot.
 */
export function needsJoining(door: Door): boolean {
  return !door.ours || door.kind === 'mnt';
}

/** Entering a user namespace changes what ids and privileges mean. */
export function joinsUser(joined: readonly Door[]): boolean {
  return joined.some((door) => door.kind === 'user');
}
