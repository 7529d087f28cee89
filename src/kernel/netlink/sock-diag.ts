// sock_diag: which sockets a network namespace has. Source: sock_diag(7), linux/{inet,unix,packet,netlink}_diag.h.
// Since: Linux 3.3 (packet 3.7, netlink 3.10), each by its configuration option; a kernel without it says ENOENT.

import { NETLINK_SOCK_DIAG, NLM_F_DUMP, NLM_F_REQUEST } from '../abi/netlink.ts';
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_PACKET,
  AF_UNIX,
  INET_DIAG_MSG_LENGTH,
  INET_DIAG_REQ_LENGTH,
  IPPROTO_TCP,
  IPPROTO_UDP,
  NDIAG_PROTO_ALL,
  NETLINK_DIAG_MSG_LENGTH,
  NETLINK_DIAG_REQ_LENGTH,
  PACKET_DIAG_MSG_LENGTH,
  PACKET_DIAG_REQ_LENGTH,
  SOCK_DIAG_BY_FAMILY,
  TCP_CLOSE,
  TCP_LISTEN,
  TCP_NEW_SYN_RECV,
  TCP_TIME_WAIT,
  UNIX_DIAG_MSG_LENGTH,
  UNIX_DIAG_REQ_LENGTH,
} from '../abi/sock-diag.ts';
import { gap, value, type NamespaceDoor, type NetlinkRequest, type Reading } from '../host.ts';
import { formatAddress } from './address-text.ts';
import { decodeDump } from './dump.ts';
import { encodeMessage, view, type NetlinkMessage } from './message.ts';

export type SocketFamily = 'unix' | 'netlink' | 'packet' | 'udp' | 'udp6' | 'tcp' | 'tcp6';

/** In the order of what they cost: the kernel walks its whole table of TCP sockets, those of all namespaces. */
export const socketFamilies: readonly SocketFamily[] = ['unix', 'packet', 'netlink', 'udp', 'udp6', 'tcp', 'tcp6'];

const INET: Partial<Record<SocketFamily, readonly [family: number, protocol: number]>> = {
  udp: [AF_INET, IPPROTO_UDP],
  udp6: [AF_INET6, IPPROTO_UDP],
  tcp: [AF_INET, IPPROTO_TCP],
  tcp6: [AF_INET6, IPPROTO_TCP],
};

/** Those that no process has any more, or none yet, have no inode. */
const WITH_INODE = (0xffff_ffff & ~(1 << TCP_TIME_WAIT) & ~(1 << TCP_NEW_SYN_RECV)) >>> 0;

export type ListenerFamily = 'udp' | 'udp6' | 'tcp' | 'tcp6';

/** A UDP socket that is bound but not connected is in state TCP_CLOSE. */
const LISTENING: Readonly<Record<ListenerFamily, number>> = {
  udp: 1 << TCP_CLOSE,
  udp6: 1 << TCP_CLOSE,
  tcp: 1 << TCP_LISTEN,
  tcp6: 1 << TCP_LISTEN,
};

/** SOCK_*, by number. Source: socket(2). */
export const SOCKET_TYPES: ReadonlyMap<number, string> = new Map([
  [1, 'stream'],
  [2, 'dgram'],
  [3, 'raw'],
  [5, 'seqpacket'],
  [10, 'packet'],
]);

/** Asks for all sockets of a family in a network namespace; absent: in our own. */
export function encodeSocketDump(family: SocketFamily, namespace?: NamespaceDoor): NetlinkRequest {
  return diagRequest(socketQuery(family, WITH_INODE), namespace);
}

/** Asks for the sockets of a family that wait for others to begin. */
export function encodeListenerDump(family: ListenerFamily, namespace?: NamespaceDoor): NetlinkRequest {
  return diagRequest(socketQuery(family, LISTENING[family]), namespace);
}

export function diagRequest(query: Uint8Array, namespace: NamespaceDoor | undefined): NetlinkRequest {
  const message = encodeMessage(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, [query]);
  return { protocol: NETLINK_SOCK_DIAG, message, dump: true, ...(namespace === undefined ? {} : { namespace }) };
}

function socketQuery(family: SocketFamily, states: number): Uint8Array {
  if (family === 'packet') return firstBytes(PACKET_DIAG_REQ_LENGTH, AF_PACKET, 0);
  if (family === 'netlink') return firstBytes(NETLINK_DIAG_REQ_LENGTH, AF_NETLINK, NDIAG_PROTO_ALL);
  const [number, protocol] = INET[family] ?? [AF_UNIX, 0];
  const query = firstBytes(family === 'unix' ? UNIX_DIAG_REQ_LENGTH : INET_DIAG_REQ_LENGTH, number, protocol);
  view(query).setUint32(4, states, true);
  return query;
}

function firstBytes(length: number, family: number, protocol: number): Uint8Array {
  const query = new Uint8Array(length);
  query[0] = family;
  query[1] = protocol;
  return query;
}

/** Where the inode stands in the answer, and how long this is. */
const INODE: Readonly<Record<number, readonly [offset: number, length: number]>> = {
  [AF_UNIX]: [4, UNIX_DIAG_MSG_LENGTH],
  [AF_PACKET]: [4, PACKET_DIAG_MSG_LENGTH],
  [AF_NETLINK]: [16, NETLINK_DIAG_MSG_LENGTH],
  [AF_INET]: [68, INET_DIAG_MSG_LENGTH],
  [AF_INET6]: [68, INET_DIAG_MSG_LENGTH],
};

/** The inodes of the sockets in an answer: those that /proc/PID/fd shows as `socket:[8712]`. */
export function decodeSocketInodes(datagrams: readonly Uint8Array[], what: string): Reading<readonly number[]> {
  const messages = decodeDump(datagrams, what);
  if (!messages.ok) return messages;
  const inodes: number[] = [];
  for (const { body } of messages.value) {
    const [offset, length] = INODE[body[0] ?? 0] ?? [0, Infinity];
    if (body.length < length) return unlike(what, body);
    const inode = view(body).getUint32(offset, true);
    if (inode !== 0) inodes.push(inode);
  }
  return value(inodes);
}

/** The answer is no socket of the family that was asked for. */
export function unlike(what: string, body: Uint8Array): Reading<never> {
  return gap({ reason: 'malformed', what, text: `a socket of family ${body[0] ?? 0} in ${body.length} bytes` });
}

/** A socket that waits for others. */
export interface Listener {
  readonly address: string;
  readonly port: number;
  /** 0: on every interface. */
  readonly ifindex: number;
  readonly uid: number;
  readonly inode: number;
}

/** TCP sockets that listen, UDP sockets that are bound and not connected. */
export function decodeListeners(datagrams: readonly Uint8Array[], what: string): Reading<readonly Listener[]> {
  const messages = decodeDump(datagrams, what);
  if (!messages.ok) return messages;
  const listeners: Listener[] = [];
  for (const message of messages.value) {
    const listener = decodeListener(message);
    if (listener === undefined) return unlike(what, message.body);
    listeners.push(listener);
  }
  return value(listeners);
}

function decodeListener({ body }: NetlinkMessage): Listener | undefined {
  const family = body[0];
  if (body.length < INET_DIAG_MSG_LENGTH || (family !== AF_INET && family !== AF_INET6)) return undefined;
  const fields = view(body);
  return {
    address: formatAddress(body.subarray(8, family === AF_INET ? 12 : 24)),
    port: fields.getUint16(4, false),
    ifindex: fields.getUint32(40, true),
    uid: fields.getUint32(64, true),
    inode: fields.getUint32(68, true),
  };
}
