// Netlink requests and the kernel's answers. Source: netlink(7), include/uapi/linux/netlink.h.

import { closeSync } from 'node:fs';
import {
  NETLINK_SOCK_DIAG,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSGERR_ATTR_MSG,
} from '../../kernel/abi/netlink.ts';
import { doorText } from '../../kernel/door.ts';
import { gap, value, valueOf, type NetlinkRequest, type Reading } from '../../kernel/host.ts';
import {
  attributeMap,
  decodeMessages,
  NLMSG_HEADER_LENGTH,
  textOf,
  view,
  type NetlinkMessage,
} from '../../kernel/netlink/message.ts';
import { LibcError, libc } from '../ffi/libc.ts';
import { gapOfErrnoNumber } from '../gap-of-error.ts';
import { inNamespace } from './in-namespace.ts';
import { gapOfThrown, openDoor } from './nsfs.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVTIMEO = 20;
const SOL_NETLINK = 270;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
/** recv(2) returns the whole length of a datagram, of which the rest is lost. */
const MSG_TRUNC = 0x20;

/** Dumps fill datagrams of at most 32 KiB. */
const DATAGRAM_LENGTH = 64 * 1024;
/** The kernel answers within send(2); this is for what it may have lost. */
const TIMEOUT_SECONDS = 10n;
const SEQUENCE_OFFSET = 8;
const MAX_ATTEMPTS = 6;

/** A socket a protocol, kept for the life of the process: a listing asks once per namespace. */
const sockets = new Map<number, number>();
const into = new Uint8Array(DATAGRAM_LENGTH);
let sequence = 0;

/** The one socket in another namespace that more is to be asked of: opening one costs as much as asking five times. */
let lent: { readonly key: string; readonly fd: number } | undefined;

function socketOf(protocol: number): number {
  const known = sockets.get(protocol);
  if (known !== undefined) return known;
  const fd = openSocket(protocol);
  sockets.set(protocol, fd);
  return fd;
}

/** A socket of one's own, in the network namespace that the thread is in. Errors: LibcError. */
export function openSocket(protocol: number): number {
  const fd = libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  const timeout = new Uint8Array(16);
  view(timeout).setBigInt64(0, TIMEOUT_SECONDS, true);
  libc().setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, timeout);
  for (const option of [NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK]) switchOn(fd, option);
  return fd;
}

/** Options that old kernels lack: without them errors are terser, and filters of a dump are not heeded. */
function switchOn(fd: number, option: number): void {
  try {
    libc().setsockopt(fd, SOL_NETLINK, option, Uint8Array.of(1, 0, 0, 0));
  } catch (error) {
    if (!(error instanceof LibcError)) throw error;
  }
}

export function askNetlink(request: NetlinkRequest): Reading<readonly Uint8Array[]> {
  const { descriptor } = request;
  if (descriptor === undefined) return askWhole(request, request.message);
  let fd: number;
  try {
    fd = openDoor(descriptor.door);
  } catch (error) {
    return gapOfThrown(doorText(descriptor.door), error);
  }
  try {
    const message = request.message.slice();
    view(message).setInt32(descriptor.offset, fd, true);
    return askWhole(request, message);
  } finally {
    closeSync(fd);
  }
}

function askWhole(request: NetlinkRequest, message: Uint8Array): Reading<readonly Uint8Array[]> {
  const { protocol, namespace, dump = false, keepsSocket } = request;
  const door = namespace ?? request.descriptor?.door;
  const where = door === undefined ? '' : doorText(door);
  const what = where === '' ? 'netlink' : `netlink ${where}`;
  try {
    if (namespace === undefined) {
      giveBack();
      return lacking(protocol, exchange(socketOf(protocol), message, dump, what));
    }
    const key = `${protocol} ${where}`;
    if (lent?.key !== key) giveBack();
    const socket = lent?.fd ?? socketIn(openDoor(namespace), protocol);
    lent = { key, fd: socket };
    try {
      return lacking(protocol, exchange(socket, message, dump, what));
    } finally {
      // Not kept longer than it is asked: it would keep the namespace.
      if (keepsSocket !== true) giveBack();
    }
  } catch (error) {
    return gapOfThrown(what, error);
  }
}

function giveBack(): void {
  if (lent !== undefined) closeSync(lent.fd);
  lent = undefined;
}

/** sock_diag says so of a family whose module is not there (tcp_diag): nothing is gone, it cannot be listed. */
function lacking<T>(protocol: number, answer: Reading<T>): Reading<T> {
  if (answer.ok || protocol !== NETLINK_SOCK_DIAG || answer.gap.errno !== 'ENOENT') return answer;
  return gap({ ...answer.gap, reason: 'unsupported' });
}

function socketIn(namespace: number, protocol: number): number {
  try {
    return inNamespace('net', namespace, () => openSocket(protocol));
  } finally {
    closeSync(namespace);
  }
}

function exchange(socket: number, message: Uint8Array, dump: boolean, what: string): Reading<readonly Uint8Array[]> {
  for (let attempt = 1; ; attempt += 1) {
    sequence += 1;
    const numbered = message.slice();
    view(numbered).setUint32(SEQUENCE_OFFSET, sequence, true);
    libc().send(socket, numbered);
    const answer = receive(socket, dump, what);
    if (!answer.ok || !answer.value.interrupted || attempt === MAX_ATTEMPTS) {
      return answer.ok ? value(answer.value.datagrams) : answer;
    }
  }
}

interface NetlinkAnswer {
  readonly datagrams: readonly Uint8Array[];
  readonly interrupted: boolean;
}

/** The kernel answers a request that is no dump with one datagram. */
function receive(socket: number, dump: boolean, what: string): Reading<NetlinkAnswer> {
  const datagrams: Uint8Array[] = [];
  let interrupted = false;
  for (;;) {
    const length = libc().recv(socket, into, MSG_TRUNC);
    if (length > into.length) return gap({ reason: 'malformed', what, text: `a datagram of ${length} bytes` });
    const datagram = into.slice(0, length);
    // What is left of an answer that was given up.
    if (length >= SEQUENCE_OFFSET + 4 && view(datagram).getUint32(SEQUENCE_OFFSET, true) !== sequence) continue;
    const messages = decodeMessages(datagram, what);
    if (!messages.ok) return messages;
    const errno = refusal(messages.value);
    if (errno !== 0) return told(gapOfErrnoNumber(what, errno), messages.value);
    datagrams.push(datagram);
    interrupted ||= messages.value.some((entry) => (entry.flags & NLM_F_DUMP_INTR) !== 0);
    if (!dump || messages.value.some((entry) => entry.type === NLMSG_DONE)) return value({ datagrams, interrupted });
  }
}

/** Both an error and the end of a dump start with an errno, negative; 0 is none. */
function refusal(messages: readonly NetlinkMessage[]): number {
  const verdict = messages.find(({ type, body }) => (type === NLMSG_ERROR || type === NLMSG_DONE) && body.length >= 4);
  return verdict === undefined ? 0 : -view(verdict.body).getInt32(0, true);
}

/** With the kernel's own words, where it has some. Source: netlink(7), NETLINK_EXT_ACK. */
function told(refused: Reading<never>, messages: readonly NetlinkMessage[]): Reading<never> {
  const verdict = messages.find(({ type }) => type === NLMSG_ERROR);
  if (refused.ok || verdict === undefined) return refused;
  const text = kernelWords(verdict);
  return text === null ? refused : gap({ ...refused.gap, text });
}

/** Of an NLMSG_ERROR. null: it has none. */
export function kernelWords({ flags, body }: NetlinkMessage): string | null {
  if ((flags & NLM_F_ACK_TLVS) === 0) return null;
  // The errno, then the request: its header only where it is capped.
  const isCapped = (flags & NLM_F_CAPPED) !== 0;
  const request = isCapped || body.length < 8 ? NLMSG_HEADER_LENGTH : (view(body).getUint32(4, true) + 3) & ~3;
  return textOf(valueOf(attributeMap(body.subarray(4 + request), 'netlink'))?.get(NLMSGERR_ATTR_MSG));
}
