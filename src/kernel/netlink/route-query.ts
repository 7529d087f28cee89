// RTM_GETROUTE for one packet: what a network namespace would do with it, by the kernel's own decision. With an interface
// that it comes in by, the decision is that on a packet received: forwarding, the filter of sources (rp_filter) and
// martians included. Source: rtnetlink(7), net/ipv4/route.c inet_rtm_getroute(), net/ipv6/route.c inet6_rtm_getroute().

import {
  NETLINK_ROUTE,
  NLM_F_REQUEST,
  RTA_DST,
  RTA_GATEWAY,
  RTA_IIF,
  RTA_IP_PROTO,
  RTA_MARK,
  RTA_DPORT,
  RTA_METRICS,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_SRC,
  RTA_TABLE,
  RTA_VIA,
  RTAX_MTU,
  RTM_F_LOOKUP_TABLE,
  RTM_GETROUTE,
  RTM_NEWROUTE,
} from '../abi/netlink.ts';
import { AF_INET, AF_INET6 } from '../abi/sock-diag.ts';
import { gap, value, type NamespaceDoor, type NetlinkRequest, type Reading } from '../host.ts';
import { formatAddress, parseAddress } from './address-text.ts';
import { decodeEach, tooShort } from './dump.ts';
import { attributeMap, encodeAttribute, encodeMessage, numberOf, view } from './message.ts';
import { ROUTE_TYPES, RTMSG_LENGTH } from './routes.ts';

export interface RouteQuestion {
  readonly destination: string;
  /** Absent (null): the kernel is to choose one; never so with `iif`. */
  readonly source: string | null;
  /** The index of the interface that the packet comes in by. Absent (null): it is made here. */
  readonly iif: number | null;
  /** IPPROTO_* and the port, which policy rules may look at. Absent (null): none. Since: Linux 4.18. */
  readonly protocol: number | null;
  readonly port: number | null;
  /** Of the packet (fwmark). Absent: 0. */
  readonly mark?: number;
}

export interface RouteDecision {
  /** `unicast`, `local`, `broadcast`, `multicast`; what is refused has no answer but an errno. */
  readonly type: string;
  readonly oif: number | null;
  readonly gateway: string | null;
  /** The source that a packet gets which has none. */
  readonly source: string | null;
  readonly table: number;
  /** Of the route, where it says less than the interface. Unit: bytes. */
  readonly mtu: number | null;
}

/**
 * Errors of the question, which say what happens to the packet: ENETUNREACH: no route; EHOSTUNREACH: a route that says so,
 * or with `iif` that the interface does not forward; EACCES: prohibited; EINVAL: blackhole, or with `iif` that the source
 * is refused; ENODEV: there is no such interface. undefined: an address is none, or they are of two families.
 */
export function encodeRouteQuestion(question: RouteQuestion, namespace?: NamespaceDoor): NetlinkRequest | undefined {
  const { iif, protocol, port, mark = 0 } = question;
  const destination = parseAddress(question.destination);
  const source = question.source === null ? null : parseAddress(question.source);
  if (destination === undefined || source === undefined || (source !== null && source.length !== destination.length))
    return undefined;
  const header = new Uint8Array(RTMSG_LENGTH);
  const bits = 8 * destination.length;
  header.set([destination.length === 4 ? AF_INET : AF_INET6, bits, source === null ? 0 : bits]);
  // IPv6 always tells the table, and refuses the flag.
  if (destination.length === 4) view(header).setUint32(8, RTM_F_LOOKUP_TABLE, true);
  const parts = [header, encodeAttribute(RTA_DST, destination)];
  if (source !== null) parts.push(encodeAttribute(RTA_SRC, source));
  if (iif !== null) parts.push(encodeAttribute(RTA_IIF, word(iif)));
  if (protocol !== null) parts.push(encodeAttribute(RTA_IP_PROTO, Uint8Array.of(protocol)));
  if (mark !== 0) parts.push(encodeAttribute(RTA_MARK, word(mark)));
  // In network byte order.
  if (port !== null) parts.push(encodeAttribute(RTA_DPORT, Uint8Array.of(port >> 8, port & 0xff)));
  const message = encodeMessage(RTM_GETROUTE, NLM_F_REQUEST, parts);
  return { protocol: NETLINK_ROUTE, message, ...(namespace === undefined ? {} : { namespace }) };
}

export function decodeRouteDecision(datagrams: readonly Uint8Array[], what: string): Reading<RouteDecision> {
  const all = decodeEach(datagrams, RTM_NEWROUTE, what, decodeDecision);
  if (!all.ok) return all;
  const [first] = all.value;
  return first === undefined ? gap({ reason: 'malformed', what, text: 'no RTM_NEWROUTE in the answer' }) : value(first);
}

function decodeDecision(body: Uint8Array, what: string): Reading<RouteDecision> {
  if (body.length < RTMSG_LENGTH) return tooShort(body, what);
  const attributes = attributeMap(body.subarray(RTMSG_LENGTH), what);
  if (!attributes.ok) return attributes;
  const of = (type: number): Uint8Array | undefined => attributes.value.get(type);
  const gateway = of(RTA_GATEWAY) ?? of(RTA_VIA)?.subarray(2);
  const source = of(RTA_PREFSRC);
  const metrics = attributeMap(of(RTA_METRICS) ?? new Uint8Array(), what);
  if (!metrics.ok) return metrics;
  return value({
    type: ROUTE_TYPES[body[7] ?? 0] ?? String(body[7]),
    oif: numberOf(of(RTA_OIF)),
    gateway: gateway === undefined ? null : formatAddress(gateway),
    source: source === undefined ? null : formatAddress(source),
    table: numberOf(of(RTA_TABLE)) ?? body[4] ?? 0,
    mtu: numberOf(metrics.value.get(RTAX_MTU)),
  });
}

function word(number: number): Uint8Array {
  const bytes = new Uint8Array(4);
  view(bytes).setUint32(0, number, true);
  return bytes;
}
