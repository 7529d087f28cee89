// RTM_GETNSID: the id that the caller's network namespace has given to another one.
// Source: include/uapi/linux/net_namespace.h, net/core/net_namespace.c. Since: Linux 4.0.

import { NETLINK_ROUTE, NETNSA_FD, NETNSA_NSID, NLM_F_REQUEST, RTM_GETNSID, RTM_NEWNSID } from '../abi/netlink.ts';
import { gap, value, type NamespaceDoor, type NetlinkRequest, type Reading } from '../host.ts';
import {
  decodeAttributes,
  decodeMessages,
  encodeAttribute,
  encodeMessage,
  NLMSG_HEADER_LENGTH,
  view,
} from './message.ts';

/** struct rtgenmsg: one byte, padded. */
const RTGENMSG_LENGTH = 4;
const DESCRIPTOR_OFFSET = NLMSG_HEADER_LENGTH + RTGENMSG_LENGTH + 4;

/** Asks what a network namespace calls the one behind the door; absent: what ours does. */
export function encodeNsidRequest(door: NamespaceDoor, namespace?: NamespaceDoor): NetlinkRequest {
  const attribute = encodeAttribute(NETNSA_FD, new Uint8Array(4));
  const message = encodeMessage(RTM_GETNSID, NLM_F_REQUEST, [new Uint8Array(RTGENMSG_LENGTH), attribute]);
  const descriptor = { door, offset: DESCRIPTOR_OFFSET };
  return { protocol: NETLINK_ROUTE, message, descriptor, ...(namespace === undefined ? {} : { namespace }) };
}

/** The id, NETNSA_NSID_NOT_ASSIGNED (-1) when there is none. */
export function decodeNsidReply(datagrams: readonly Uint8Array[], what: string): Reading<number> {
  for (const datagram of datagrams) {
    const messages = decodeMessages(datagram, what);
    if (!messages.ok) return messages;
    for (const message of messages.value) {
      if (message.type !== RTM_NEWNSID || message.body.length < RTGENMSG_LENGTH) continue;
      const attributes = decodeAttributes(message.body.subarray(RTGENMSG_LENGTH), what);
      if (!attributes.ok) return attributes;
      const nsid = attributes.value.find((attribute) => attribute.type === NETNSA_NSID);
      if (nsid?.body.length === 4) return value(view(nsid.body).getInt32(0, true));
    }
  }
  return gap({ reason: 'malformed', what, text: 'no RTM_NEWNSID with an id in the answer' });
}
