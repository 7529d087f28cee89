// From a name that a person has at hand to the process or namespace that it means, on this host, now.

import { containerName } from '../containers/display-name.ts';
import { IdentityResolver } from '../containers/identify.ts';
import { dockerContainersNamed } from '../containers/stopped.ts';
import type { Identity } from '../containers/identity.ts';
import { namespaceKinds, type NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import { errorOfGap, NsError } from '../kernel/error.ts';
import { GapTally, type CountedGap } from '../kernel/gap-tally.ts';
import { valueOf, type Gap, type Host, type Reading } from '../kernel/host.ts';
import { discoverNamespaces } from '../namespaces/discover/discover.ts';
import { pathDoor, type Door } from '../namespaces/discover/door.ts';
import { doorOf } from '../namespaces/discover/door-of.ts';
import type { Scan } from '../namespaces/discover/scan.ts';
import { statOf } from '../kernel/process-stat.ts';
import { parseDecimal, parseUnsigned64 } from '../kernel/text/text.ts';
import { initialNamespace, inodeOf } from './initial-namespace.ts';
import { startTicksOf } from './start-ticks.ts';
import { listeningProcesses } from './listening-process.ts';
import { knownNames, NETNS_FOLDER } from './known-names.ts';
import { closedNamespace } from './ptrace-access.ts';
import { parseTarget, type Target } from './target.ts';

export interface ProcessTarget {
  readonly type: 'process';
  readonly pid: number;
  /** When it started, by which a later process with its number is noticed. Absent or null: not known. */
  readonly startTicks?: bigint | null;
  /** Has looked at all processes. Absent: nothing was asked of them. */
  readonly resolver?: IdentityResolver;
}

export interface NamespaceTarget {
  readonly type: 'namespace';
  readonly inode: bigint;
  readonly kind: NamespaceKind;
  /** A file that is the namespace. Absent (null): only a descriptor or a relation leads to it. */
  readonly path: string | null;
  readonly door: Door;
  /** The look that found it, when it was not given as a file. */
  readonly scan?: Scan;
}

export type ResolvedTarget = ProcessTarget | NamespaceTarget | { readonly type: 'host' };

/** Something that a name could mean. */
interface Candidate {
  readonly pid: number;
  /** How it is called, as a target. */
  readonly name: string;
  /** Could a plain user have chosen that name to be mistaken for another's? Then it only counts when it is alone. */
  readonly borrowed?: boolean;
}

/** Errors: BAD_VALUE (no target, or ambiguous), NO_PROCESS, NO_NAMESPACE, NO_FILE, DENIED, UNSUPPORTED. */
export function resolveTarget(host: Host, word: string): ResolvedTarget {
  const target = parseTarget(word);
  switch (target.type) {
    case 'process':
      return requireProcess(host, target.pid === 'self' ? host.self.pid : target.pid);
    case 'host':
      return target;
    case 'namespace':
      return ofNumber(host, target.inode, target.kind);
    case 'namespace of':
      return ofOwner(host, target.kind, target.of);
    case 'path':
      return ofPath(host, target.path);
    case 'netns':
      return ofNetnsName(host, target.name);
    case 'name':
      return ofName(host, word, target);
    case 'port':
      return pinned(host, only(host, word, listeners(host, target.port), new GapTally()).pid);
  }
}

/** What a word means that has to be one namespace; by its number alone it is not looked for yet. */
export interface NamespaceName {
  readonly inode: bigint;
  readonly kind?: NamespaceKind;
}

/** Errors: as of resolveTarget; BAD_VALUE for a process or the host. */
export function resolveNamespace(host: Host, word: string): NamespaceName {
  const target = parseTarget(word);
  if (target.type === 'namespace') return target;
  const found = resolveTarget(host, word);
  if (found.type === 'namespace') return found;
  throw new NsError('BAD_VALUE', {
    what: `'${word}' is ${found.type === 'host' ? 'the host' : 'a process'}, which has eight namespaces`,
    tryThis: `net:${word}`,
  });
}

/** The namespace of this kind that a process is in, or the initial one. */
function ofOwner(host: Host, kind: NamespaceKind, word: string): NamespaceTarget {
  // On gVisor namespaces have numbers that pids could have: they are meant where no process has it.
  const number = parseUnsigned64(word);
  if (number !== undefined && isGone(host.stat(`/proc/${number}`))) return ofNumber(host, number, kind);
  const owner = resolveTarget(host, word);
  if (owner.type === 'namespace') throw new NsError('BAD_VALUE', { what: `'${word}' is a namespace already` });
  const place = owner.type === 'process' ? { door: `/proc/${owner.pid}/ns/${kind}` } : initialNamespace(host, kind);
  const inode = 'inode' in place ? place.inode : inodeOf(host, place.door);
  if (!inode.ok && inode.gap.reason === 'gone') {
    throw new NsError('NO_NAMESPACE', {
      what: `'${word}' has no ${kind} namespace`,
      why: `there is no ${inode.gap.what}: the process has ended, or this kernel lacks the kind`,
    });
  }
  if (!inode.ok || place.door === null) {
    const what = `cannot tell the ${kind} namespace of '${word}'`;
    throw inode.ok ? new NsError('DENIED', { what }) : errorOfGap(inode.gap, what);
  }
  return { type: 'namespace', inode: inode.value, kind, path: place.door, door: pathDoor(place.door) };
}

function isGone(reading: Reading<unknown>): boolean {
  return !reading.ok && reading.gap.reason === 'gone';
}

function pinned(host: Host, pid: number): ProcessTarget {
  return { type: 'process', pid, startTicks: startTicksOf(host, pid) };
}

function requireProcess(host: Host, pid: number): ProcessTarget {
  const status = host.stat(`/proc/${pid}`);
  if (status.ok) return pinned(host, pid);
  if (status.gap.reason !== 'gone') throw errorOfGap(status.gap, `cannot look at process ${pid}`);
  throw new NsError('NO_PROCESS', {
    what: `no process ${pid}`,
    why: `there is no /proc/${pid} for us: it ended, or the mount option hidepid hides it`,
  });
}

/** Found by a plain look, through a process in it or where it is mounted; else by a deep one. */
function ofNumber(host: Host, inode: bigint, kind: NamespaceKind | undefined): NamespaceTarget {
  const kinds = new Set(kind === undefined ? namespaceKinds.map((entry) => entry.kind) : [kind]);
  let gaps: readonly CountedGap[] = [];
  for (const deep of [false, true]) {
    const scan = discoverNamespaces(host, kinds, { deep });
    for (const namespace of scan.namespaces.values()) {
      const door = namespace.inode === inode ? doorOf(namespace) : undefined;
      if (door === undefined) continue;
      const path = typeof door.at === 'string' && door.through.length === 0 ? door.at : null;
      const target = { type: 'namespace', inode, kind: namespace.kind, path, door } as const;
      // What a look at the other kinds could not see is of no interest.
      return kind === undefined ? target : { ...target, scan };
    }
    gaps = scan.gaps.list();
  }
  throw new NsError('NO_NAMESPACE', {
    what: `no namespace ${kind === undefined ? inode : `${kind}:[${inode}]`}`,
    why: 'no process, descriptor, socket or mount that can be seen leads to it',
    tryThis: 'nstool ls --deep',
    gaps,
  });
}

/** A namespace's file, or the folder of a process. */
function ofPath(host: Host, path: string): ProcessTarget | NamespaceTarget {
  const pid = parseDecimal(/^\/proc\/([0-9]+)\/?$/.exec(path)?.[1]);
  if (pid !== undefined) return requireProcess(host, pid);
  const type = host.askNamespace(path, ['NS_GET_NSTYPE']);
  const inode = host.askNamespace(path, []);
  if (!inode.ok) throw closedNamespace(host, path, inode.gap);
  const kind = type.ok ? namespaceKinds.find((entry) => BigInt(entry.flagValue) === type.value)?.kind : undefined;
  if (kind === undefined) {
    throw new NsError('BAD_VALUE', {
      what: `${path} is not a namespace`,
      why: 'a namespace file is a link in /proc/PID/ns, or a file that one is mounted on, as in /run/netns',
    });
  }
  return { type: 'namespace', inode: inode.value, kind, path, door: pathDoor(path) };
}

/** A name of ip-netns(8). */
function ofNetnsName(host: Host, name: string): NamespaceTarget {
  const path = `${NETNS_FOLDER}/${name}`;
  const found = host.stat(path);
  if (!found.ok && found.gap.reason === 'gone') {
    throw new NsError('NO_FILE', {
      what: `no network namespace is called '${name}'`,
      why: `there is no ${path}`,
      tryThis: 'nstool ls -t net -o +NAME',
      near: { word: name, known: knownNames(host, `netns:${name}`) },
    });
  }
  const target = ofPath(host, path);
  // The name has no slash, so that it is no folder of a process.
  if (target.type === 'namespace') return target;
  throw new NsError('BAD_VALUE', { what: `${path} is not a namespace` });
}

/** All processes, ascending. */
function pids(host: Host): readonly number[] {
  const entries = host.readDirectory('/proc');
  if (!entries.ok) throw errorOfGap(entries.gap, 'cannot list processes');
  return entries.value.flatMap((entry) => parseDecimal(entry) ?? []).toSorted((a, b) => a - b);
}

type NameTarget = Extract<Target, { type: 'name' }>;

function ofName(host: Host, word: string, target: NameTarget): ProcessTarget {
  const gaps = new GapTally();
  if (target.scheme === 'comm') return pinned(host, only(host, word, byCommand(host, target.name, gaps), gaps).pid);
  const resolver = new IdentityResolver(host);
  return { ...pinned(host, only(host, word, named(host, resolver, target, gaps), gaps).pid), resolver };
}

/** The first process of everything that the name fits. */
function named(
  host: Host,
  resolver: IdentityResolver,
  { scheme, name }: NameTarget,
  gaps: GapTally,
): readonly Candidate[] {
  const found = new Map<string, Candidate>();
  for (const pid of pids(host)) {
    const reading = resolver.identify(pid);
    addUnseen(gaps, reading.ok ? reading.value.gaps : [reading.gap]);
    const identity = valueOf(reading);
    if (identity === undefined || !fits(identity, scheme, name)) continue;
    const key = `${identity.engine ?? ''} ${identity.id ?? ''} ${identity.unit ?? ''}`;
    const borrowed = identity.evidence !== 'cgroup' || identity.uid !== null || identity.outer.length > 0;
    const called = containerName(identity) ?? `unit:${identity.unit ?? ''}`;
    if (!found.has(key)) found.set(key, { pid, name: called, borrowed: scheme !== 'unit' && borrowed });
  }
  return [...found.values()];
}

/** An id may be cut to what is still one container's; a name must be whole. */
function fits(identity: Identity, scheme: NameTarget['scheme'], name: string): boolean {
  if (scheme === 'unit') return identity.role !== 'payload' && identity.unit === name;
  if (identity.role !== 'payload') return false;
  if (scheme === 'pod')
    return `${identity.podNamespace ?? ''}/${identity.pod ?? ''}` === name || identity.podUid === name;
  return identity.name === name || (name.length >= SHORTEST_ID && identity.id?.startsWith(name) === true);
}

/** Shorter beginnings of ids would fit by chance. */
const SHORTEST_ID = 3;

/** What has gone meanwhile is not there. */
function addUnseen(tally: GapTally, gaps: readonly Gap[]): void {
  const unseen = gaps.find(({ reason }) => reason !== 'gone');
  if (unseen !== undefined) tally.add('process', unseen);
}

function byCommand(host: Host, name: string, gaps: GapTally): readonly Candidate[] {
  return pids(host).flatMap((pid) => {
    const stat = statOf(host, pid);
    if (!stat.ok) addUnseen(gaps, [stat.gap]);
    return stat.ok && stat.value.comm === name ? [{ pid, name: String(pid) }] : [];
  });
}

function listeners(host: Host, port: number): readonly Candidate[] {
  return listeningProcesses(host, port, pids(host)).map((pid) => ({ pid, name: String(pid) }));
}

/** Several processes of one thing are one thing: the first of them stands for it. */
function only(host: Host, word: string, all: readonly Candidate[], gaps: GapTally): Candidate {
  const own = all.filter((candidate) => candidate.borrowed !== true);
  const candidates = own.length > 0 ? own : all;
  const [first, ...others] = candidates;
  if (first === undefined) {
    refuseStopped(host, word);
    throw new NsError('NO_PROCESS', {
      what: `nothing here is called '${word}'`,
      tryThis: 'nstool ls -o PID,NAME,COMMAND',
      near: { word: word.slice(word.indexOf(':') + 1), known: knownNames(host, word) },
      gaps: gaps.list(),
    });
  }
  if (others.length === 0) return first;
  const shown = candidates
    .slice(0, MAX_SHOWN)
    .map(({ pid, name }) => (name === String(pid) ? name : `${pid} (${name})`));
  throw new NsError('BAD_VALUE', {
    what: `'${word}' could be ${candidates.length} things`,
    why: `${shown.join(', ')}${candidates.length > MAX_SHOWN ? ', …' : ''}`,
    tryThis: 'one of these pids',
  });
}

/** A name that only a container without a process has. Errors: NO_PROCESS. */
function refuseStopped(host: Host, word: string): void {
  const target = parseTarget(word);
  if (target.type !== 'name' || target.scheme !== 'container') return;
  const [id] = dockerContainersNamed(host, target.name);
  if (id === undefined) return;
  throw new NsError('NO_PROCESS', {
    what: `the container '${target.name}' is not running`,
    why: `docker's files know it as ${id.slice(0, 12)}, and no process is in it`,
  });
}

const MAX_SHOWN = 6;
