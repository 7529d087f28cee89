// Who owns a namespace and what it lies in, with those that nothing else has shown; and a second look: does what was
// found still lead to the same namespace? Source: ioctl_nsfs(2), NS_GET_USERNS and NS_GET_PARENT since Linux 4.9.
//
// Inode numbers are used again soon after a namespace is gone. As long as one of those that were in it is still there, it
// is the same namespace.

import { INITIAL_PID_INODE, INITIAL_USER_INODE } from '../../kernel/abi/nsfs.ts';
import { valueOf, type NamespaceQuestion, type Reading } from '../../kernel/host.ts';
import { formatNamespaceLink } from '../../kernel/text/namespace-link.ts';
import type { Holder } from '../holder.ts';
import { taskFolder, type Door } from './door.ts';
import { askThrough, doorOf } from './door-of.ts';
import { nsfsDevice } from './nsfs-device.ts';
import { noteNamespace, type Namespace, type Relation, type Scan, type Source } from './scan.ts';

const ID: readonly NamespaceQuestion[] = ['NS_GET_ID'];
const ID_OF_MOUNT_NAMESPACE: readonly NamespaceQuestion[] = ['NS_GET_ID', 'NS_GET_MNTNS_ID'];

export const relations: Source = {
  name: 'owners and parents',
  when: 'deep',
  cost: '0.07 ms per namespace',
  blind: 'what lies outside our own user and pid namespace, and relations of what nothing leads to',
  discover: relateAll,
};

/** Those whose owner was not asked for yet. */
export function relateAll(scan: Scan): void {
  // What is found on the way up is added behind, and comes along in turn.
  for (const [text, namespace] of scan.namespaces) {
    if (namespace.owner !== undefined || !lookAgain(scan, text, namespace)) continue;
    const door = doorOf(namespace);
    if (door === undefined) {
      scan.gaps.add('namespace without a way to it', { reason: 'unsupported', what: text });
      continue;
    }
    identify(scan, namespace, door);
    relate(scan, namespace, door);
  }
}

/** Takes away what is no longer so; false when nothing is left. */
function lookAgain(scan: Scan, text: string, namespace: Namespace): boolean {
  const { pids, holders, kind } = namespace;
  const leads = (path: string): boolean => {
    const link = scan.host.readLink(path);
    if (!link.ok || link.value === text) return link.ok;
    // One that was opened by its mount has a path for its link.
    const file = link.value.startsWith('/') ? valueOf(scan.host.stat(path)) : undefined;
    return file !== undefined && file.ino === namespace.inode && file.dev === nsfsDevice(scan.host);
  };
  const isIn = (pid: number): boolean => leads(`/proc/${pid}/ns/${kind}`);
  if (pids[0] !== undefined && isIn(pids[0])) return true;
  keepOnly(pids, isIn);
  if (pids.length > 0) return true;
  const paths = holders.map((holder) => pathOf(holder, kind));
  const lasting = paths.findIndex((path) => path === undefined || leads(path));
  if (lasting >= 0) {
    const path = paths[lasting];
    if (path !== undefined) namespace.door = { at: path, through: [] };
    return true;
  }
  // Neither a process nor a file of /proc led to it in the first place.
  if (holders.length === 0 && namespace.door !== undefined) return true;
  scan.namespaces.delete(text);
  scan.gaps.add('namespace', { reason: 'gone', what: text });
  return false;
}

function keepOnly(pids: number[], keeps: (pid: number) => boolean): void {
  const kept = pids.filter(keeps);
  pids.splice(0, pids.length, ...kept);
}

/** The link that showed the holder; undefined for what is no link. */
function pathOf(holder: Holder, kind: string): string | undefined {
  switch (holder.type) {
    case 'process':
      return `/proc/${holder.pid}/ns/${kind}`;
    case 'thread':
      return `${taskFolder(holder)}/ns/${kind}`;
    case 'for_children':
      return `${taskFolder(holder)}/ns/${kind}_for_children`;
    case 'descriptor':
      return `${taskFolder(holder)}/fd/${holder.fd}`;
    case 'socket':
    case 'tun':
    case 'inotify':
    case 'mount':
    case 'name':
    case 'child':
    case 'unseen':
      return undefined;
  }
}

/** Kernels before 6.18 have ids of mount namespaces only, and before 6.11 none: not knowing one hides nothing. */
function identify(scan: Scan, namespace: Namespace, door: Door): void {
  const questions = namespace.kind === 'mnt' ? ID_OF_MOUNT_NAMESPACE : ID;
  for (const question of questions) {
    if (namespace.id !== undefined || scan.deep.unknownQuestions.has(question)) continue;
    const id = askThrough(scan, door, [question]);
    if (id.ok) namespace.id = id.value;
    else if (id.gap.reason === 'unsupported') scan.deep.unknownQuestions.add(question);
  }
}

function relate(scan: Scan, namespace: Namespace, door: Door): void {
  const { kind, inode } = namespace;
  const isTop = kind === 'user' && inode === INITIAL_USER_INODE;
  namespace.owner = isTop ? 'top' : reach(scan, door, 'NS_GET_USERNS', 'user');
  if (kind === 'user') namespace.parent = namespace.owner;
  if (kind === 'pid')
    namespace.parent = inode === INITIAL_PID_INODE ? 'top' : reach(scan, door, 'NS_GET_PARENT', 'pid');
}

function reach(scan: Scan, door: Door, question: NamespaceQuestion, kind: 'user' | 'pid'): Relation {
  const answer: Reading<bigint> = askThrough(scan, door, [question]);
  if (!answer.ok) {
    // The kernel does not tell the top from what is beyond our view; the top is known by its inode.
    if (answer.gap.errno === 'EPERM') return 'outside';
    scan.gaps.add('owner or parent', answer.gap);
    return 'unknown';
  }
  const text = formatNamespaceLink({ kind, inode: answer.value });
  if (scan.kinds.has(kind) && !scan.namespaces.has(text)) {
    const hidden = noteNamespace(scan, text, text);
    if (hidden !== undefined) hidden.door = { at: door.at, through: [...door.through, question] };
  }
  return answer.value;
}
