// What all dumps have in common. Source: netlink(7).

import { NETLINK_ROUTE, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE } from '../abi/netlink.ts';
import { gap, value, type NamespaceDoor, type NetlinkRequest, type Reading } from '../host.ts';
import { decodeMessages, encodeMessage, type NetlinkMessage } from './message.ts';

/** The messages of a dump, without its end. */
export function decodeDump(datagrams: readonly Uint8Array[], what: string): Reading<readonly NetlinkMessage[]> {
  const all: NetlinkMessage[] = [];
  for (const datagram of datagrams) {
    const messages = decodeMessages(datagram, what);
    if (!messages.ok) return messages;
    for (const message of messages.value) if (message.type !== NLMSG_DONE) all.push(message);
  }
  return value(all);
}

/** Did the listed things change during the dump, so that some may be missing? */
export function isInterrupted(messages: readonly NetlinkMessage[]): boolean {
  return messages.some((message) => (message.flags & NLM_F_DUMP_INTR) !== 0);
}

/** Decodes the messages of one type; those of others are left out. The first that is malformed fails the dump. */
export function decodeEach<T>(
  datagrams: readonly Uint8Array[],
  type: number,
  what: string,
  decode: (body: Uint8Array, what: string) => Reading<T>,
): Reading<readonly T[]> {
  const messages = decodeDump(datagrams, what);
  if (!messages.ok) return messages;
  const decoded: T[] = [];
  for (const message of messages.value) {
    if (message.type !== type) continue;
    const one = decode(message.body, what);
    if (!one.ok) return one;
    decoded.push(one.value);
  }
  return value(decoded);
}

/** A request for all of something of a network namespace; absent: of our own. */
export function dumpRequest(type: number, parts: readonly Uint8Array[], namespace?: NamespaceDoor): NetlinkRequest {
  const message = encodeMessage(type, NLM_F_REQUEST | NLM_F_DUMP, parts);
  return { protocol: NETLINK_ROUTE, message, dump: true, ...(namespace === undefined ? {} : { namespace }) };
}

/** The answer is too short for its fixed part. */
export function tooShort(body: Uint8Array, what: string): Reading<never> {
  return gap({ reason: 'malformed', what, text: `an answer of ${body.length} bytes` });
}
