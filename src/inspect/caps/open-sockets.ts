// Which processes wait for others, in every network namespace: for connections, datagrams, or packets of any kind.

import type { GapTally } from '../../kernel/gap-tally.ts';
import { valueOf, type Host, type NamespaceDoor, type Reading } from '../../kernel/host.ts';
import { decodeLinks, encodeLinkDump } from '../../kernel/netlink/links.ts';
import { descriptors } from '../../namespaces/discover/descriptors.ts';
import { enterable } from '../../namespaces/discover/door.ts';
import { doorOf } from '../../namespaces/discover/door-of.ts';
import { processLinks } from '../../namespaces/discover/process-links.ts';
import { emptyScan, type Namespace, type Scan, type Source } from '../../namespaces/discover/scan.ts';
import { sockets } from '../../namespaces/discover/sockets.ts';
import { threads } from '../../namespaces/discover/threads.ts';
import { isOwn } from '../../namespaces/own.ts';
import { readNetFile } from '../net-file.ts';
import { readListeners, type ListeningSocket } from '../show/listeners.ts';

/** A socket of tcp that listens, of udp that is bound and not connected, or of raw or packet. */
export interface OpenSocket extends Pick<ListeningSocket, 'address' | 'port' | 'number'> {
  readonly protocol: 'tcp' | 'udp' | 'raw' | 'packet';
  /** Its network namespace, which need not be that of the process. */
  readonly netns: bigint;
  /** The one it is bound to. Absent (null): to none, or its name is not told. */
  readonly interface: string | null;
}

/** Of the deep ones those that find sockets, and by them namespaces without a process. */
const SOURCES: readonly Source[] = [processLinks, threads, descriptors, sockets];

/**
 * By the pids of those who have them open, threads with a table of descriptors of their own included. What is closed to
 * us is a gap.
 */
export function openSockets(host: Host, gaps: GapTally): ReadonlyMap<number, readonly OpenSocket[]> {
  const scan = emptyScan(host, new Set(['net']));
  for (const source of SOURCES) source.discover(scan);
  for (const gap of scan.gaps.list()) gaps.addUncounted(gap);
  const byPid = new Map<number, OpenSocket[]>();
  for (const namespace of scan.namespaces.values()) {
    if (namespace.kind !== 'net') continue;
    for (const [socket, inode] of socketsOf(scan, namespace, gaps)) {
      const uses = scan.deep.sockets.get(BigInt(inode)) ?? [];
      for (const pid of new Set(uses.map((use) => use.pid))) {
        const known = byPid.get(pid);
        if (known === undefined) byPid.set(pid, [socket]);
        else known.push(socket);
      }
    }
  }
  return byPid;
}

function socketsOf(scan: Scan, namespace: Namespace, gaps: GapTally): readonly (readonly [OpenSocket, number])[] {
  const { host } = scan;
  const isOurs = isOwn(host, 'net', namespace.inode);
  const door = isOurs ? undefined : enterable(doorOf(namespace));
  const text = `net:[${namespace.inode}]`;
  if (!isOurs && door === undefined) {
    gaps.add('list of listening sockets', { reason: 'unsupported', what: `${text}: no way to it was found` });
    return [];
  }
  const readNet = (name: string): Reading<Uint8Array> => readNetFile(host, namespace, door, name);
  const sockets = readListeners({ host, door, readNet, withConnected: true }, gaps) ?? [];
  const nameOf = interfaceNames(host, door, gaps);
  return sockets.flatMap(({ protocol, address, port, number, ifindex, inode }) => {
    if (protocol === 'unix') return [];
    return [[{ protocol, address, port, number, netns: namespace.inode, interface: nameOf(ifindex) }, inode] as const];
  });
}

/** They are asked for when a socket is bound to one. */
function interfaceNames(
  host: Host,
  door: NamespaceDoor | undefined,
  gaps: GapTally,
): (ifindex: number) => string | null {
  let names: ReadonlyMap<number, string> | undefined;
  return (ifindex) => {
    if (ifindex === 0) return null;
    if (names === undefined) {
      const reply = host.netlink(encodeLinkDump(door));
      const links = reply.ok ? decodeLinks(reply.value, 'interfaces') : reply;
      if (!links.ok) gaps.add('list of interfaces', links.gap);
      names = new Map(valueOf(links)?.map((link) => [link.ifindex, link.name]));
    }
    return names.get(ifindex) ?? null;
  };
}
