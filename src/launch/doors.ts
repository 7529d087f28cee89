// The namespaces that will be entered: where each is found, and whether it is our own.

import { kindFacts, namespaceKinds, type NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import { O_RDONLY } from '../kernel/abi/open-flags.ts';
import { NsError, errorOfGap } from '../kernel/error.ts';
import type { Gap, Host } from '../kernel/host.ts';
import type { Operation } from '../kernel/program.ts';
import { parseNamespaceLink } from '../kernel/text/namespace-link.ts';
import { pathDoor, type Door as Way } from '../namespaces/discover/door.ts';
import { isOfChildren } from '../namespaces/own.ts';
import type { EnterQuery } from './enter-query.ts';
import { closedNamespace } from '../inspect/ptrace-access.ts';
import { explainGone } from './explain-enter.ts';
import { PROCESS_SLOT } from './step.ts';
import { explainAccess, explainDescriptor, noSocket } from './access.ts';
import { openingsOf, wayText, type Opening } from './ways.ts';

/** A namespace that will be joined. */
export interface Door {
  readonly kind: NamespaceKind;
  /** For people: where the namespace was found. */
  readonly path: string;
  readonly way: Way;
  readonly inode: bigint;
  /** What opens it, the last of them into the slot of its kind. */
  readonly open: readonly Opening[];
  /** Is it the namespace that we are in already? */
  readonly ours: boolean;
  /** Is it one that the target process is in? */
  readonly ofProcess: boolean;
}

/** The namespaces of the target process that were asked for. Errors: NO_PROCESS, NO_NAMESPACE, DENIED, UNSUPPORTED. */
export function processDoors(
  host: Host,
  { pid, kinds }: Pick<EnterQuery, 'pid' | 'kinds'>,
  given: readonly NamespaceKind[],
): readonly Door[] {
  if (pid === undefined) return [];
  const wanted = namespaceKinds.map((entry) => entry.kind).filter((kind) => !given.includes(kind));
  if (kinds === 'all') return wanted.flatMap((kind) => processDoor(host, pid, kind, true) ?? []);
  return wanted.filter((kind) => kinds.includes(kind)).flatMap((kind) => processDoor(host, pid, kind, false) ?? []);
}

/** undefined: this kernel has no such kind, and that is no error for `--all`. */
function processDoor(host: Host, pid: number, kind: NamespaceKind, all: boolean): Door | undefined {
  const path = `/proc/${pid}/ns/${kind}`;
  const link = host.readLink(path);
  if (!link.ok) {
    if (link.gap.reason === 'denied') throw new NsError('DENIED', explainAccess(host, pid, link.gap));
    if (link.gap.reason !== 'gone') throw errorOfGap(link.gap, `cannot read ${path}`);
    if (!host.stat(`/proc/${pid}`).ok) throw new NsError('NO_PROCESS', explainGone.process(pid));
    if (host.readLink(`/proc/self/ns/${kind}`).ok) throw new NsError('NO_NAMESPACE', explainGone.zombie(pid, kind));
    if (all) return undefined;
    throw new NsError('UNSUPPORTED', explainGone.kind(kind));
  }
  const id = parseNamespaceLink(link.value, path);
  if (!id.ok) throw errorOfGap(id.gap, `cannot read ${path}`);
  const operation: Operation = { op: 'open', dir: PROCESS_SLOT, path: `ns/${kind}`, flags: O_RDONLY, into: kind };
  return {
    kind,
    path,
    way: pathDoor(path),
    inode: id.value.inode,
    open: [{ label: `open ${path}`, operation }],
    ours: isOfChildren(host, kind, id.value.inode),
    ofProcess: true,
  };
}

/** A namespace by a way of its own. Errors: BAD_VALUE, NO_FILE, DENIED, UNSUPPORTED. */
export function givenDoor(host: Host, kind: NamespaceKind, way: Way): Door {
  const name = wayText(way);
  const inode = host.askNamespace(way.at, way.through);
  if (!inode.ok) throw closed(host, way, inode.gap);
  const actual = namespaceKindOf(host, way);
  if (actual !== kind) {
    throw new NsError('BAD_VALUE', {
      what: `${name} is not a ${kind} namespace`,
      why: `it is a ${actual} namespace`,
      ...(typeof way.at === 'string' ? { tryThis: `--${kindFacts(actual).option}=${way.at}` } : {}),
    });
  }
  return {
    kind,
    path: name,
    way,
    inode: inode.value,
    open: openingsOf(way, kind),
    ours: isOfChildren(host, kind, inode.value),
    ofProcess: false,
  };
}

function closed(host: Host, way: Way, gap: Gap): NsError {
  if (typeof way.at === 'object' && 'ask' in way.at) {
    if (gap.errno === 'EPERM') return new NsError('DENIED', explainDescriptor(host, way.at));
    if (gap.errno === 'ENOTTY' || gap.errno === 'EBADF') return new NsError('BAD_VALUE', noSocket(way.at, gap.errno));
  }
  return closedNamespace(host, typeof way.at === 'string' ? way.at : '', gap, wayText(way));
}

/** Errors: BAD_VALUE when there is no namespace, NO_FILE, DENIED. */
export function namespaceKindOf(host: Host, way: Way): NamespaceKind {
  const name = wayText(way);
  const type = host.askNamespace(way.at, [...way.through, 'NS_GET_NSTYPE']);
  const found = type.ok ? namespaceKinds.find((entry) => BigInt(entry.flagValue) === type.value) : undefined;
  if (found !== undefined) return found.kind;
  if (!type.ok && type.gap.reason !== 'unsupported') throw closed(host, way, type.gap);
  throw new NsError('BAD_VALUE', {
    what: `${name} is not a namespace`,
    why: 'a namespace file is a link in /proc/PID/ns, or a file that one is mounted on, as in /run/netns',
  });
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

/** All that one call by a pidfd can join: the user namespace of the process with others of it. Empty: no such case. */
export function joinedAtOnce(joined: readonly Door[]): readonly Door[] {
  const ofProcess = joined.filter((door) => door.ofProcess && !door.ours);
  return joinsUser(ofProcess) && ofProcess.length > 1 ? ofProcess : [];
}
