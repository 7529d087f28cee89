// RTM_GETNSID: the id that the caller's network namespace has given to another one.
// Source: include/uapi/linux/net_namespace.h, net/core/net_namespace.c. Since: Linux 4.0.

import {
  NETLINK_ROUTE,
  NETNSA_FD,
  NETNSA_NSID,
  NLM_F_ACK,
  NLM_F_REQUEST,
  RTM_GETNSID,
  RTM_NEWNSID,
} from '../abi/netlink.ts';
import { gap, value, type NamespaceDoor, type NetlinkRequest, type Reading } from '../host.ts';
import { decodeEach, dumpRequest } from './dump.ts';
import { decodeAttributes, encodeAttribute, encodeMessage, NLMSG_HEADER_LENGTH, view } from './message.ts';

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

/**
 * Gives the network behind the door an id in `namespace`, or ours: a free one for NETNSA_NSID_NOT_ASSIGNED (-1). Refused
 * with EEXIST where it has one, or another has this. Answered with an errno, 0 for done.
 */
export function encodeNsidAssignment(door: NamespaceDoor, nsid: number, namespace?: NamespaceDoor): NetlinkRequest {
  const number = new Uint8Array(4);
  view(number).setInt32(0, nsid, true);
  const attributes = [encodeAttribute(NETNSA_FD, new Uint8Array(4)), encodeAttribute(NETNSA_NSID, number)];
  const parts = [new Uint8Array(RTGENMSG_LENGTH), ...attributes];
  const message = encodeMessage(RTM_NEWNSID, NLM_F_REQUEST | NLM_F_ACK, parts);
  const descriptor = { door, offset: DESCRIPTOR_OFFSET };
  return { protocol: NETLINK_ROUTE, message, descriptor, ...(namespace === undefined ? {} : { namespace }) };
}

/** All ids that a network namespace has given. */
export function encodeNsidDump(namespace?: NamespaceDoor): NetlinkRequest {
  return dumpRequest(RTM_GETNSID, [new Uint8Array(RTGENMSG_LENGTH)], namespace);
}

export function decodeNsids(datagrams: readonly Uint8Array[], what: string): Reading<readonly number[]> {
  return decodeEach(datagrams, RTM_NEWNSID, what, nsidOf);
}

/** The id, NETNSA_NSID_NOT_ASSIGNED (-1) when there is none. */
export function decodeNsidReply(datagrams: readonly Uint8Array[], what: string): Reading<number> {
  const ids = decodeNsids(datagrams, what);
  if (!ids.ok) return ids;
  const [first] = ids.value;
  return first === undefined ? withoutId(what) : value(first);
}

function nsidOf(body: Uint8Array, what: string): Reading<number> {
  if (body.length < RTGENMSG_LENGTH) return withoutId(what);
  const attributes = decodeAttributes(body.subarray(RTGENMSG_LENGTH), what);
  if (!attributes.ok) return attributes;
  const nsid = attributes.value.find((attribute) => attribute.type === NETNSA_NSID);
  return nsid?.body.length === 4 ? value(view(nsid.body).getInt32(0, true)) : withoutId(what);
}

function withoutId(what: string): Reading<never> {
  return gap({ reason: 'malformed', what, text: 'no RTM_NEWNSID with an id in the answer' });
}
