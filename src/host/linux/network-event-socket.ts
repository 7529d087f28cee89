// A socket in a network namespace that the kernel tells of its links, addresses and routes. Source: netlink(7),
// rtnetlink(7). It keeps the namespace, as every socket does.

import { closeSync } from 'node:fs';
import { NETLINK_ROUTE } from '../../kernel/abi/netlink.ts';
import { value, type NamespaceDoor, type Reading } from '../../kernel/host.ts';
import { view } from '../../kernel/netlink/message.ts';
import { decodeNetworkEvents, NETWORK_GROUPS, type NetworkEvent } from '../../kernel/netlink/network-events.ts';
import { libc } from '../ffi/libc.ts';
import { enlarge, readDatagram, signalWhenReadable } from './event-socket.ts';
import { inNamespace } from './in-namespace.ts';
import { gapOfThrown, openDoor } from './nsfs.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
/** Links with many virtual functions have the longest. */
const DATAGRAM_LENGTH = 64 * 1024;
/** After so many of one read others get their turn. */
const MAX_AT_ONCE = 512;
const WHAT = 'changes of a network';

/** What was to be read at one time. */
export interface HeardNetwork {
  readonly events: readonly NetworkEvent[];
  /** The kernel had more to tell than the socket could hold: some is lost. */
  readonly overrun: boolean;
  /** There is more to read at once. */
  readonly more: boolean;
}

export interface NetworkEventSocket {
  readonly read: () => HeardNetwork;
  readonly close: () => void;
}

/** `door` absent: our own network namespace. `wake` is called when there is something to read. Errors: gone, denied, unsupported. */
export function openNetworkEvents(door: NamespaceDoor | undefined, wake: () => void): Reading<NetworkEventSocket> {
  let fd = -1;
  try {
    fd = door === undefined ? openSocket() : openIn(door);
    enlarge(fd);
    signalWhenReadable(fd, wake);
    libc().bind(fd, addressOf(NETWORK_GROUPS));
    const socket = fd;
    return value({ read: () => readAll(socket), close: () => closeSync(socket) });
  } catch (error) {
    if (fd >= 0) closeSync(fd);
    return gapOfThrown(WHAT, error);
  }
}

function openSocket(): number {
  return libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
}

function openIn(door: NamespaceDoor): number {
  const namespace = openDoor(door);
  try {
    return inNamespace('net', namespace, openSocket);
  } finally {
    closeSync(namespace);
  }
}

/** struct sockaddr_nl: family, padding, port (0: the kernel chooses), groups. Without a port it would hear nothing. */
function addressOf(groups: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(12);
  view(bytes).setUint16(0, AF_NETLINK, true);
  view(bytes).setUint32(
    8,
    groups.reduce((mask, group) => mask | (1 << (group - 1)), 0),
    true,
  );
  return bytes;
}

const into = new Uint8Array(DATAGRAM_LENGTH);

function readAll(fd: number): HeardNetwork {
  const events: NetworkEvent[] = [];
  let overrun = false;
  for (let count = 0; count < MAX_AT_ONCE; count += 1) {
    const read = readDatagram(fd, into);
    if (read === 'nothing') return { events, overrun, more: false };
    const decoded = read === 'overrun' ? undefined : decodeNetworkEvents(read, WHAT);
    // What is not as documented may have been anything: a look at all finds out.
    if (decoded?.ok === true) events.push(...decoded.value);
    else overrun = true;
  }
  return { events, overrun, more: true };
}
