// RTM_NEWLINK that switches an interface on. Source: rtnetlink(7), net/core/rtnetlink.c do_setlink().

import { IFF_UP, NETLINK_ROUTE, NLM_F_ACK, NLM_F_REQUEST, RTM_NEWLINK } from '../abi/netlink.ts';
import type { NetlinkRequest } from '../host.ts';
import { encodeMessage, view } from './message.ts';

/** The index of the loopback in every network namespace. Source: LOOPBACK_IFINDEX, include/net/net_namespace.h. */
export const LOOPBACK = 1;

/** struct ifinfomsg: family, type, index, flags, changed flags. */
const IFINFOMSG_LENGTH = 16;

/** Answered with an errno, 0 for done. */
export function encodeLinkUp(ifindex: number): NetlinkRequest {
  const body = new Uint8Array(IFINFOMSG_LENGTH);
  view(body).setInt32(4, ifindex, true);
  view(body).setUint32(8, IFF_UP, true);
  view(body).setUint32(12, IFF_UP, true);
  return { protocol: NETLINK_ROUTE, message: encodeMessage(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, [body]) };
}
