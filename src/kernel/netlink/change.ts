// Requests that make, change and remove links, addresses and routes. Each is answered with an errno, 0 for done.
// Source: rtnetlink(7), include/uapi/linux/{if_link.h,if_addr.h,rtnetlink.h,veth.h}.

import {
  IFA_ADDRESS,
  IFA_LOCAL,
  IFA_F_NODAD,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_BR_STP_STATE,
  IFLA_BRPORT_MODE,
  IFLA_GROUP,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_INFO_SLAVE_DATA,
  IFLA_INFO_SLAVE_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_MACVLAN_MODE,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_NET_NS_FD,
  IFLA_VXLAN_GROUP,
  IFLA_VXLAN_GROUP6,
  IFLA_VXLAN_ID,
  IFLA_VXLAN_LINK,
  IFLA_VXLAN_LOCAL,
  IFLA_VXLAN_LOCAL6,
  IFLA_VXLAN_PORT,
  NETLINK_ROUTE,
  NLA_F_NESTED,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  RT_TABLE_MAIN,
  RT_SCOPE_LINK,
  RTA_DST,
  RTA_GATEWAY,
  RTA_OIF,
  RTA_PRIORITY,
  RTA_TABLE,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELROUTE,
  RTM_GETLINK,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWROUTE,
  RTN_UNICAST,
  RTPROT_BOOT,
  VETH_INFO_PEER,
} from '../abi/netlink.ts';
import { AF_INET, AF_INET6 } from '../abi/sock-diag.ts';
import type { NetlinkRequest } from '../host.ts';
import { encodeAttribute, encodeMessage, view } from './message.ts';

/** struct ifinfomsg: family, type, index, flags, changed flags. */
const IFINFOMSG_LENGTH = 16;
const CREATE = NLM_F_CREATE | NLM_F_EXCL;

export interface NewLink {
  readonly name: string;
  /** Told at once: programs that set one on new links leave such links alone. */
  readonly mac: string;
  readonly group: number;
  /** Unit: bytes. null: the kernel's own. */
  readonly mtu: number | null;
}

/** `stp`: it takes part in the spanning tree. Errors: EEXIST: there is a link of that name; EOPNOTSUPP: the kernel has no bridges; EPERM. */
export function encodeNewBridge(link: NewLink, stp = false): NetlinkRequest {
  const info = stp ? linkInfo('bridge', stpData(true)) : linkInfo('bridge');
  return request(RTM_NEWLINK, CREATE, [linkHeader(0), ...attributesOf(link), info]);
}

/** Of a bridge. */
export function encodeStp(ifindex: number, stp: boolean): NetlinkRequest {
  return request(RTM_NEWLINK, 0, [linkHeader(ifindex), linkInfo('bridge', stpData(stp))]);
}

/** Of a bridge's port: what came in by it may go out by it again. */
export function encodeHairpin(ifindex: number): NetlinkRequest {
  const mode = nested(IFLA_INFO_SLAVE_DATA, [encodeAttribute(IFLA_BRPORT_MODE, Uint8Array.of(1))]);
  const info = nested(IFLA_LINKINFO, [encodeAttribute(IFLA_INFO_SLAVE_KIND, text('bridge')), mode]);
  return request(RTM_NEWLINK, 0, [linkHeader(ifindex), info]);
}

function stpData(stp: boolean): Uint8Array {
  return nested(IFLA_INFO_DATA, [encodeAttribute(IFLA_BR_STP_STATE, word(stp ? 1 : 0))]);
}

/**
 * Both ends at once, `peer` in the namespace behind the descriptor `peer.namespace`, null: the same. `master`: the index
 * of the bridge that the first is a port of, null for none. Errors: as of encodeNewBridge.
 */
export function encodeNewVeth(
  link: NewLink,
  peer: NewLink & { readonly namespace: number | null },
  master: number | null,
): NetlinkRequest {
  const { namespace } = peer;
  const where = namespace === null ? [] : [encodeAttribute(IFLA_NET_NS_FD, word(namespace))];
  const other = [linkHeader(0), ...attributesOf(peer), ...where];
  const data = nested(IFLA_INFO_DATA, [nested(VETH_INFO_PEER, other)]);
  const own = [...attributesOf(link), ...(master === null ? [] : [encodeAttribute(IFLA_MASTER, word(master))])];
  return request(RTM_NEWLINK, CREATE, [linkHeader(0), ...own, linkInfo('veth', data)]);
}

/** Where a link is made, if not in the namespace that is asked: behind this descriptor. null: there. */
type Elsewhere = number | null;

/** `link`: the index of what it is on, in the namespace that is asked. Errors: as of encodeNewBridge; EBUSY. */
export function encodeNewMacvlan(
  made: NewLink,
  { link, mode, to }: { readonly link: number; readonly mode: number; readonly to: Elsewhere },
): NetlinkRequest {
  const data = nested(IFLA_INFO_DATA, [encodeAttribute(IFLA_MACVLAN_MODE, word(mode))]);
  const on = encodeAttribute(IFLA_LINK, word(link));
  return request(RTM_NEWLINK, CREATE, [
    linkHeader(0),
    ...attributesOf(made),
    on,
    ...elsewhere(to),
    linkInfo('macvlan', data),
  ]);
}

export interface NewVxlan {
  readonly id: number;
  /** 4 or 16 bytes; null: none. */
  readonly local: Uint8Array | null;
  readonly remote: Uint8Array | null;
  readonly port: number;
  /** An index; null: any link. */
  readonly link: number | null;
  readonly to: Elsewhere;
}

/** The namespace that is asked carries its packets. Errors: as of encodeNewBridge; EEXIST also: there is one of the number. */
export function encodeNewVxlan(made: NewLink, { id, local, remote, port, link, to }: NewVxlan): NetlinkRequest {
  const network = Uint8Array.of(port >> 8, port & 0xff);
  const data = nested(IFLA_INFO_DATA, [
    encodeAttribute(IFLA_VXLAN_ID, word(id)),
    ...addressed(local, IFLA_VXLAN_LOCAL, IFLA_VXLAN_LOCAL6),
    ...addressed(remote, IFLA_VXLAN_GROUP, IFLA_VXLAN_GROUP6),
    encodeAttribute(IFLA_VXLAN_PORT, network),
    ...(link === null ? [] : [encodeAttribute(IFLA_VXLAN_LINK, word(link))]),
  ]);
  return request(RTM_NEWLINK, CREATE, [
    linkHeader(0),
    ...attributesOf(made),
    ...elsewhere(to),
    linkInfo('vxlan', data),
  ]);
}

function addressed(address: Uint8Array | null, ipv4: number, ipv6: number): readonly Uint8Array[] {
  return address === null ? [] : [encodeAttribute(address.length === 4 ? ipv4 : ipv6, address)];
}

function elsewhere(to: Elsewhere): readonly Uint8Array[] {
  return to === null ? [] : [encodeAttribute(IFLA_NET_NS_FD, word(to))];
}

/** Under another name, in another namespace; it is down then, and without addresses and master. Errors: EEXIST; EINVAL. */
export function encodeMove(ifindex: number, to: Elsewhere, name: string): NetlinkRequest {
  return request(RTM_NEWLINK, 0, [linkHeader(ifindex), encodeAttribute(IFLA_IFNAME, text(name)), ...elsewhere(to)]);
}

/** What a tun device could not be told when it was made. */
export function encodeMark(
  ifindex: number,
  { group, mtu }: { readonly group: number; readonly mtu: number | null },
): NetlinkRequest {
  const size = mtu === null ? [] : [encodeAttribute(IFLA_MTU, word(mtu))];
  return request(RTM_NEWLINK, 0, [linkHeader(ifindex), encodeAttribute(IFLA_GROUP, word(group)), ...size]);
}

/** The kernel passes over an alias in the message that makes a link. */
export function encodeAlias(ifindex: number, alias: string): NetlinkRequest {
  return request(RTM_NEWLINK, 0, [linkHeader(ifindex), encodeAttribute(IFLA_IFALIAS, text(alias))]);
}

export function encodeLinkAddress(ifindex: number, mac: string): NetlinkRequest {
  return request(RTM_NEWLINK, 0, [linkHeader(ifindex), encodeAttribute(IFLA_ADDRESS, bytesOfMac(mac))]);
}

/** `master`: 0 for none. */
export function encodeMaster(ifindex: number, master: number): NetlinkRequest {
  return request(RTM_NEWLINK, 0, [linkHeader(ifindex), encodeAttribute(IFLA_MASTER, word(master))]);
}

export function encodeDown(ifindex: number): NetlinkRequest {
  const header = linkHeader(ifindex);
  view(header).setUint32(12, IFF_UP, true);
  return request(RTM_NEWLINK, 0, [header]);
}

export function encodeUp(ifindex: number): NetlinkRequest {
  const header = linkHeader(ifindex);
  view(header).setUint32(8, IFF_UP, true);
  view(header).setUint32(12, IFF_UP, true);
  return request(RTM_NEWLINK, 0, [header]);
}

export function encodeRemoveLink(ifindex: number): NetlinkRequest {
  return request(RTM_DELLINK, 0, [linkHeader(ifindex)]);
}

export function encodeMtu(ifindex: number, mtu: number): NetlinkRequest {
  return request(RTM_NEWLINK, 0, [linkHeader(ifindex), encodeAttribute(IFLA_MTU, word(mtu))]);
}

/** Answered with the link. Errors: ENODEV. */
export function encodeLinkByName(name: string): NetlinkRequest {
  const parts = [linkHeader(0), encodeAttribute(IFLA_IFNAME, text(name))];
  return { protocol: NETLINK_ROUTE, message: encodeMessage(RTM_GETLINK, NLM_F_REQUEST, parts) };
}

/**
 * 4 or 16 bytes. An IPv6 one counts at once: whether another has it is not looked for, which would take a second.
 * Errors: EEXIST: the link has it; EACCES: IPv6 is off there.
 */
export function encodeNewAddress(ifindex: number, address: Uint8Array, prefixLength: number): NetlinkRequest {
  // struct ifaddrmsg: family, length of the prefix, flags, scope, index.
  const header = new Uint8Array(8);
  const isIpv4 = address.length === 4;
  header.set([isIpv4 ? AF_INET : AF_INET6, prefixLength, isIpv4 ? 0 : IFA_F_NODAD]);
  view(header).setUint32(4, ifindex, true);
  const attributes = [encodeAttribute(IFA_LOCAL, address), encodeAttribute(IFA_ADDRESS, address)];
  return request(RTM_NEWADDR, CREATE, [header, ...attributes]);
}

/** All links of a group, at once. Since: Linux 4.1. Errors: ENODEV (gone): it has none. */
export function encodeRemoveGroup(group: number): NetlinkRequest {
  return request(RTM_DELLINK, 0, [linkHeader(0), encodeAttribute(IFLA_GROUP, word(group))]);
}

/** Errors: EADDRNOTAVAIL (gone): the link has none such. */
export function encodeRemoveAddress(ifindex: number, address: Uint8Array, prefixLength: number): NetlinkRequest {
  const header = new Uint8Array(8);
  header.set([address.length === 4 ? AF_INET : AF_INET6, prefixLength]);
  view(header).setUint32(4, ifindex, true);
  return request(RTM_DELADDR, 0, [header, encodeAttribute(IFA_LOCAL, address)]);
}

/** A route; null: as the kernel has it. */
export interface NewRoute {
  /** 4 or 16 bytes each, of one family. */
  readonly destination: Uint8Array;
  readonly prefixLength: number;
  readonly gateway: Uint8Array | null;
  readonly ifindex: number | null;
  readonly metric: number | null;
  /** null: main. */
  readonly table: number | null;
}

/** `replaces`: one to the same net, with the same metric. Errors: EEXIST: there is one; ENETUNREACH, EHOSTUNREACH: no link leads to the gateway; ENETDOWN: the link is down. */
export function encodeNewRoute(route: NewRoute, replaces = false): NetlinkRequest {
  return request(RTM_NEWROUTE, NLM_F_CREATE | (replaces ? NLM_F_REPLACE : NLM_F_EXCL), routeParts(route));
}

/** Errors: ESRCH: there is none. */
export function encodeRemoveRoute(route: NewRoute): NetlinkRequest {
  return request(RTM_DELROUTE, 0, routeParts(route));
}

function routeParts({ destination, prefixLength, gateway, ifindex, metric, table }: NewRoute): readonly Uint8Array[] {
  // struct rtmsg: family, lengths of destination and source, tos, table, protocol, scope, type, flags.
  const header = new Uint8Array(12);
  const isIpv4 = destination.length === 4;
  const number = table ?? RT_TABLE_MAIN;
  const scope = isIpv4 && gateway === null ? RT_SCOPE_LINK : 0;
  const short = number > 255 ? 0 : number;
  header.set([isIpv4 ? AF_INET : AF_INET6, prefixLength, 0, 0, short, RTPROT_BOOT, scope, RTN_UNICAST]);
  return [
    header,
    ...(prefixLength === 0 ? [] : [encodeAttribute(RTA_DST, destination)]),
    ...(gateway === null ? [] : [encodeAttribute(RTA_GATEWAY, gateway)]),
    ...(ifindex === null ? [] : [encodeAttribute(RTA_OIF, word(ifindex))]),
    ...(metric === null ? [] : [encodeAttribute(RTA_PRIORITY, word(metric))]),
    ...(short === 0 ? [encodeAttribute(RTA_TABLE, word(number))] : []),
  ];
}

function request(type: number, flags: number, parts: readonly Uint8Array[]): NetlinkRequest {
  return { protocol: NETLINK_ROUTE, message: encodeMessage(type, NLM_F_REQUEST | NLM_F_ACK | flags, parts) };
}

function linkHeader(ifindex: number): Uint8Array {
  const header = new Uint8Array(IFINFOMSG_LENGTH);
  view(header).setInt32(4, ifindex, true);
  return header;
}

function attributesOf({ name, mac, group, mtu }: NewLink): readonly Uint8Array[] {
  return [
    encodeAttribute(IFLA_IFNAME, text(name)),
    encodeAttribute(IFLA_ADDRESS, bytesOfMac(mac)),
    encodeAttribute(IFLA_GROUP, word(group)),
    ...(mtu === null ? [] : [encodeAttribute(IFLA_MTU, word(mtu))]),
  ];
}

function bytesOfMac(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(':'), (byte) => Number.parseInt(byte, 16));
}

function linkInfo(kind: string, ...more: readonly Uint8Array[]): Uint8Array {
  return nested(IFLA_LINKINFO, [encodeAttribute(IFLA_INFO_KIND, text(kind)), ...more]);
}

/** Each part begins at a multiple of four bytes. */
function nested(type: number, parts: readonly Uint8Array[]): Uint8Array {
  const padded = parts.map((part) => Math.ceil(part.length / 4) * 4);
  const body = new Uint8Array(padded.reduce((sum, length) => sum + length, 0));
  let offset = 0;
  for (const [at, part] of parts.entries()) {
    body.set(part, offset);
    offset += padded[at] ?? 0;
  }
  return encodeAttribute(type | NLA_F_NESTED, body);
}

function word(number: number): Uint8Array {
  const bytes = new Uint8Array(4);
  view(bytes).setUint32(0, number, true);
  return bytes;
}

function text(words: string): Uint8Array {
  return new TextEncoder().encode(`${words}\0`);
}
