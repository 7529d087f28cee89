// Sockets: each keeps the network namespace it was made in. Which one that is tells sock_diag, asked in the namespaces
// of the processes that have the sockets, or the descriptor itself (pidfd_getfd and SIOCGSKNS).
//
// Asking one descriptor costs 0.02 ms. sock_diag costs 0.05 to 0.25 ms a family, however few the sockets are: the
// kernel walks the table of the TCP sockets of all namespaces for each. So a few sockets are asked one by one, and many
// by sock_diag first; but what refuses its descriptors is always asked by sock_diag, which may want no privileges.

import { valueOf, type Gap, type NamespaceDoor } from '../../kernel/host.ts';
import { decodeSocketInodes, encodeSocketDump, socketFamilies } from '../../kernel/netlink/sock-diag.ts';
import type { DescriptorUse } from '../holder.ts';
import { linksOf } from './process-namespaces.ts';
import { noteRefused } from './refused-descriptors.ts';
import { noteNamespace, type Scan, type Source } from './scan.ts';

/** About what all families of sock_diag cost. */
const FEW = 30;

/** The sockets whose namespace is not known yet, by inode. */
type Unknown = Map<bigint, readonly DescriptorUse[]>;

export const sockets: Source = {
  name: 'sockets',
  when: 'deep, for net',
  cost: '0.02 ms per socket, or 0.6 ms per network namespace with more than 30',
  blind: 'sockets in flight, and those of other users',
  discover(scan) {
    if (!scan.kinds.has('net')) return;
    const own = valueOf(scan.host.readLink('/proc/self/ns/net'));
    for (const [text, unknown] of byExpectedNamespace(scan)) {
      const door = text === own ? undefined : doorInto(scan, text);
      const many = unknown.size > FEW;
      if (many) askSockDiag(scan, text, door, unknown);
      const refused = askDescriptors(scan, unknown);
      if (refused.size === 0) continue;
      if (!many) askSockDiag(scan, text, door, unknown);
      for (const [inode, { gap, tid }] of refused) if (unknown.has(inode)) noteRefused(scan, 'socket', gap, tid);
    }
  },
};

/** Most sockets are of the namespace that their process is in. */
function byExpectedNamespace(scan: Scan): ReadonlyMap<string, Unknown> {
  const links = linksOf(scan, 'net');
  const groups = new Map<string, Unknown>();
  for (const [inode, uses] of scan.deep.sockets) {
    const text = links.get(uses[0]?.pid ?? 0) ?? '';
    let group = groups.get(text);
    if (group === undefined) groups.set(text, (group = new Map()));
    group.set(inode, uses);
  }
  return groups;
}

/** Takes away what is resolved. What is not in this namespace stays, and so does all where it may not be entered. */
function askSockDiag(scan: Scan, text: string, door: NamespaceDoor | undefined, unknown: Unknown): void {
  // A process whose own network namespace is not known: a zombie with threads.
  if (text === '') return;
  for (const family of socketFamilies) {
    if (unknown.size === 0) return;
    const answer = scan.host.netlink(encodeSocketDump(family, door));
    // A family that the kernel cannot list, or a namespace that is closed to us: the descriptors tell.
    const inodes = answer.ok ? decodeSocketInodes(answer.value, `sock_diag ${family}`) : answer;
    if (!inodes.ok) continue;
    for (const number of inodes.value) {
      const inode = BigInt(number);
      const uses = unknown.get(inode);
      if (uses === undefined) continue;
      noteSocket(scan, text, inode, uses);
      if (family !== 'unix') scan.deep.notUnix.add(inode);
      unknown.delete(inode);
    }
  }
}

function doorInto(scan: Scan, text: string): NamespaceDoor {
  return `/proc/${scan.namespaces.get(text)?.pids[0] ?? 0}/ns/net`;
}

interface Refused {
  readonly gap: Gap;
  readonly tid: number;
}

/** Takes away what is resolved; returns why the others are not. */
function askDescriptors(scan: Scan, unknown: Unknown): ReadonlyMap<bigint, Refused> {
  const refused = new Map<bigint, Refused>();
  for (const [inode, uses] of unknown) {
    const answer = askOne(scan, inode, uses);
    if (answer === undefined) unknown.delete(inode);
    else refused.set(inode, answer);
  }
  return refused;
}

/** Of a socket that several processes have one is asked. undefined: it is known, or hides nothing. */
function askOne(scan: Scan, inode: bigint, uses: readonly DescriptorUse[]): Refused | undefined {
  let refused: Refused | undefined;
  for (const { tid, fd } of uses) {
    const door: NamespaceDoor = { pid: tid, fd, ask: 'SIOCGSKNS', inode };
    const answer = scan.host.askNamespace(door, []);
    if (answer.ok) {
      noteSocket(scan, `net:[${answer.value}]`, inode, uses, door);
      return undefined;
    }
    if (answer.gap.reason !== 'gone') refused = { gap: answer.gap, tid };
  }
  // undefined: all of them closed it meanwhile.
  return refused;
}

function noteSocket(
  scan: Scan,
  text: string,
  inode: bigint,
  uses: readonly DescriptorUse[],
  door?: NamespaceDoor,
): void {
  const namespace = noteNamespace(scan, text, `socket:[${inode}]`);
  if (namespace === undefined) return;
  for (const use of uses) namespace.holders.push({ type: 'socket', inode, ...use });
  if (door !== undefined) namespace.door ??= { at: door, through: [] };
}
