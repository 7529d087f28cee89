// From a name that a person has at hand to the process or namespace that it means, on this host, now.

import { containerName } from '../containers/display-name.ts';
import { IdentityResolver } from '../containers/identify.ts';
import type { Identity } from '../containers/identity.ts';
import { namespaceKinds, type NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import { errorOfGap, NsError } from '../kernel/error.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import { decodeListeners, encodeListenerDump, type ListenerFamily } from '../kernel/netlink/sock-diag.ts';
import { discoverNamespaces } from '../namespaces/discover/discover.ts';
import { doorOf } from '../namespaces/discover/door.ts';
import { parseStat } from '../kernel/text/stat.ts';
import { parseDecimal } from '../kernel/text/text.ts';
import { parseTarget, type Target } from './target.ts';

export type ResolvedTarget =
  | { readonly type: 'process'; readonly pid: number }
  | {
      readonly type: 'namespace';
      readonly inode: bigint;
      readonly kind: NamespaceKind;
      /** A file that is the namespace. */
      readonly path: string;
    };

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
    case 'namespace':
      return ofNumber(host, target.inode, target.kind);
    case 'path':
      return ofPath(host, target.path);
    case 'netns':
      return ofPath(host, `/run/netns/${target.name}`);
    case 'name':
      return { type: 'process', pid: only(word, named(host, target)).pid };
    case 'port':
      return { type: 'process', pid: only(word, listeners(host, target.port)).pid };
  }
}

function requireProcess(host: Host, pid: number): ResolvedTarget {
  const status = host.stat(`/proc/${pid}`);
  if (status.ok) return { type: 'process', pid };
  if (status.gap.reason !== 'gone') throw errorOfGap(status.gap, `cannot look at process ${pid}`);
  throw new NsError('NO_PROCESS', {
    what: `no process ${pid}`,
    why: `there is no /proc/${pid} for us: it ended, or the mount option hidepid hides it`,
  });
}

/** Found by a plain look: through a process in it, or where it is mounted. */
function ofNumber(host: Host, inode: bigint, kind: NamespaceKind | undefined): ResolvedTarget {
  const kinds = kind === undefined ? namespaceKinds.map((entry) => entry.kind) : [kind];
  for (const namespace of discoverNamespaces(host, new Set(kinds)).namespaces.values()) {
    if (namespace.inode !== inode) continue;
    const door = doorOf(namespace);
    if (typeof door?.at === 'string') return { type: 'namespace', inode, kind: namespace.kind, path: door.at };
  }
  throw new NsError('NO_NAMESPACE', {
    what: `no namespace ${kind === undefined ? inode : `${kind}:[${inode}]`}`,
    why: 'no process that can be seen is in it, and it is mounted nowhere',
    tryThis: 'nstool ls',
  });
}

/** A namespace's file, or the folder of a process. */
function ofPath(host: Host, path: string): ResolvedTarget {
  const pid = parseDecimal(/^\/proc\/([0-9]+)\/?$/.exec(path)?.[1]);
  if (pid !== undefined) return requireProcess(host, pid);
  const type = host.askNamespace(path, ['NS_GET_NSTYPE']);
  const inode = host.askNamespace(path, []);
  if (!inode.ok) throw errorOfGap(inode.gap, `cannot open ${path}`);
  const kind = type.ok ? namespaceKinds.find((entry) => BigInt(entry.flagValue) === type.value)?.kind : undefined;
  if (kind === undefined) {
    throw new NsError('BAD_VALUE', {
      what: `${path} is not a namespace`,
      why: 'a namespace file is a link in /proc/PID/ns, or a file that one is mounted on, as in /run/netns',
    });
  }
  return { type: 'namespace', inode: inode.value, kind, path };
}

/** All processes, ascending. */
function pids(host: Host): readonly number[] {
  const entries = host.readDirectory('/proc');
  if (!entries.ok) throw errorOfGap(entries.gap, 'cannot list processes');
  return entries.value.flatMap((entry) => parseDecimal(entry) ?? []).toSorted((a, b) => a - b);
}

type NameTarget = Extract<Target, { type: 'name' }>;

/** The first process of everything that the name fits. */
function named(host: Host, { scheme, name }: NameTarget): readonly Candidate[] {
  if (scheme === 'comm') return byCommand(host, name);
  const resolver = new IdentityResolver(host);
  const found = new Map<string, Candidate>();
  for (const pid of pids(host)) {
    const identity = valueOf(resolver.identify(pid));
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

function byCommand(host: Host, name: string): readonly Candidate[] {
  return pids(host).flatMap((pid) => {
    const path = `/proc/${pid}/stat`;
    const bytes = valueOf(host.readFile(path));
    const stat = bytes === undefined ? undefined : valueOf(parseStat(bytes, path));
    return stat?.comm === name ? [{ pid, name: String(pid) }] : [];
  });
}

const LISTENING: readonly ListenerFamily[] = ['tcp', 'tcp6', 'udp', 'udp6'];

/** Who holds a socket that listens on this port in our network namespace. */
function listeners(host: Host, port: number): readonly Candidate[] {
  const inodes = new Set<string>();
  for (const family of LISTENING) {
    const reply = host.netlink(encodeListenerDump(family));
    const decoded = reply.ok ? decodeListeners(reply.value, family) : reply;
    if (!decoded.ok) continue;
    for (const listener of decoded.value) if (listener.port === port) inodes.add(`socket:[${listener.inode}]`);
  }
  if (inodes.size === 0) return [];
  return pids(host)
    .filter((pid) => holdsOne(host, pid, inodes))
    .map((pid) => ({ pid, name: String(pid) }));
}

function holdsOne(host: Host, pid: number, links: ReadonlySet<string>): boolean {
  const fds = valueOf(host.readDirectory(`/proc/${pid}/fd`)) ?? [];
  return fds.some((fd) => links.has(valueOf(host.readLink(`/proc/${pid}/fd/${fd}`)) ?? ''));
}

/** Several processes of one thing are one thing: the first of them stands for it. */
function only(word: string, all: readonly Candidate[]): Candidate {
  const own = all.filter((candidate) => candidate.borrowed !== true);
  const candidates = own.length > 0 ? own : all;
  const [first, ...others] = candidates;
  if (first === undefined) {
    throw new NsError('NO_PROCESS', {
      what: `nothing here is called '${word}'`,
      tryThis: 'nstool ls -o PID,NAME,COMMAND',
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

const MAX_SHOWN = 6;
