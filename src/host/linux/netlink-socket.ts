// One netlink request and the kernel's answer. Source: netlink(7).

import { closeSync, openSync } from 'node:fs';
import { NLMSG_ERROR } from '../../kernel/abi/netlink.ts';
import { value, type NetlinkRequest, type Reading } from '../../kernel/host.ts';
import { decodeMessages, view } from '../../kernel/netlink/message.ts';
import { LibcError, libc } from '../ffi/libc.ts';
import { gapOfErrnoNumber, gapOfError } from '../gap-of-error.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
/** What the kernel fills a datagram up to (NLMSG_GOODSIZE is at most 8 KiB; dumps use up to 32). */
const DATAGRAM_LENGTH = 32 * 1024;

/** A socket a protocol, kept for the life of the process: a listing asks once per namespace. */
const sockets = new Map<number, number>();

function socketOf(protocol: number): number {
  const known = sockets.get(protocol);
  if (known !== undefined) return known;
  const fd = libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  sockets.set(protocol, fd);
  return fd;
}

export function askNetlink(request: NetlinkRequest): Reading<readonly Uint8Array[]> {
  const { descriptor } = request;
  if (descriptor === undefined) return exchange(request.protocol, request.message, 'netlink');
  let fd: number;
  try {
    fd = openSync(descriptor.path, 'r');
  } catch (error) {
    return gapOfError(descriptor.path, error);
  }
  try {
    const message = Uint8Array.from(request.message);
    view(message).setInt32(descriptor.offset, fd, true);
    return exchange(request.protocol, message, `netlink ${descriptor.path}`);
  } finally {
    closeSync(fd);
  }
}

/** The kernel answers a request that is no dump with one datagram, before send(2) returns. */
function exchange(protocol: number, message: Uint8Array, what: string): Reading<readonly Uint8Array[]> {
  const into = new Uint8Array(DATAGRAM_LENGTH);
  let length: number;
  try {
    const socket = socketOf(protocol);
    libc().send(socket, message);
    length = libc().recv(socket, into);
  } catch (error) {
    if (error instanceof LibcError) return gapOfErrnoNumber(what, error.errno);
    throw error;
  }
  const datagram = into.subarray(0, length);
  const messages = decodeMessages(datagram, what);
  if (!messages.ok) return messages;
  const refusal = messages.value.find((entry) => entry.type === NLMSG_ERROR && entry.body.length >= 4);
  const errno = refusal === undefined ? 0 : -view(refusal.body).getInt32(0, true);
  return errno === 0 ? value([datagram]) : gapOfErrnoNumber(what, errno);
}
