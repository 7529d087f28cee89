// RTM_GETLINK: what the interfaces of each kind are besides, as who draws a network wants it.
// Source: include/uapi/linux/{if_link.h,if_bridge.h}, ip-link(8).

import {
  BRIDGE_PORT_STATES,
  IFLA_ALT_IFNAME,
  IFLA_BRPORT_STATE,
  IFLA_INFO_DATA,
  IFLA_INFO_SLAVE_DATA,
  IFLA_INFO_SLAVE_KIND,
  IFLA_IPVLAN_MODE,
  IFLA_MACVLAN_MODE,
  IFLA_PARENT_DEV_NAME,
  IFLA_PROP_LIST,
  IFLA_STATS64,
  IFLA_TARGET_NETNSID,
  IFLA_VLAN_ID,
  IFLA_VXLAN_GROUP,
  IFLA_VXLAN_GROUP6,
  IFLA_VXLAN_ID,
  IFLA_VXLAN_LOCAL,
  IFLA_VXLAN_LOCAL6,
  IFLA_VXLAN_PORT,
  NETLINK_ROUTE,
  NLM_F_REQUEST,
  RTM_GETLINK,
  RTM_NEWLINK,
} from '../abi/netlink.ts';
import { value, type NamespaceDoor, type NetlinkRequest, type Reading } from '../host.ts';
import { formatAddress } from './address-text.ts';
import { decodeEach } from './dump.ts';
import { attributesOfLink, IFINFOMSG_LENGTH, linkOf, type Link, type LinkAttributes } from './links.ts';
import {
  attributeMap,
  attributeOf,
  decodeAttributes,
  encodeAttribute,
  encodeMessage,
  numberOf,
  textOf,
  view,
} from './message.ts';

/** Since the link was made. Unit: bytes; packets. Source: struct rtnl_link_stats64. */
export interface LinkCounters {
  readonly rxBytes: bigint;
  readonly rxPackets: bigint;
  readonly rxErrors: bigint;
  readonly rxDropped: bigint;
  readonly txBytes: bigint;
  readonly txPackets: bigint;
  readonly txErrors: bigint;
  readonly txDropped: bigint;
}

/** null: the interface has none. */
export interface DetailedLink extends Link {
  readonly altNames: readonly string[];
  /** What its master is: `bridge`, `bond` ... */
  readonly portKind: string | null;
  /** Of a bridge's port: `disabled`, `listening`, `learning`, `forwarding`, `blocking`. */
  readonly portState: string | null;
  /** Of macvlan and ipvlan, as ip-link(8) has it: `bridge`, `private`, `l2` ... */
  readonly mode: string | null;
  readonly vlanId: number | null;
  readonly vxlan: Vxlan | null;
  /** Of hardware what it is on: `virtio0`. Since: Linux 5.14. */
  readonly device: string | null;
  /** Absent (null): not told. */
  readonly counters: LinkCounters | null;
}

/** Absent (null): it is told none, and learns or is told otherwise. */
export interface Vxlan {
  readonly id: number | null;
  readonly local: string | null;
  /** The other end, or the multicast group. */
  readonly remote: string | null;
  readonly port: number | null;
}

/**
 * One link of the namespace that the asked one calls `nsid`, without a way to it. Since: Linux 4.15. Errors of the
 * question: EINVAL: it calls none so; ENODEV (gone): there is no such link; EPERM, EACCES: we may not there.
 */
export function encodeFarLink(nsid: number, ifindex: number, namespace?: NamespaceDoor): NetlinkRequest {
  const header = new Uint8Array(IFINFOMSG_LENGTH);
  view(header).setInt32(4, ifindex, true);
  const number = new Uint8Array(4);
  view(number).setInt32(0, nsid, true);
  const message = encodeMessage(RTM_GETLINK, NLM_F_REQUEST, [header, encodeAttribute(IFLA_TARGET_NETNSID, number)]);
  return { protocol: NETLINK_ROUTE, message, ...(namespace === undefined ? {} : { namespace }) };
}

const NOTHING = new Uint8Array();
/** Kinds of which something is told that only their own attributes tell: of others these are many, and not looked at. */
const TOLD_BY_DATA: ReadonlySet<string | null> = new Set(['vlan', 'vxlan', 'macvlan', 'macvtap', 'ipvlan', 'ipvtap']);

/** Of the answer to a dump of links. */
export function decodeDetailedLinks(datagrams: readonly Uint8Array[], what: string): Reading<readonly DetailedLink[]> {
  return decodeEach(datagrams, RTM_NEWLINK, what, decodeDetailedLink);
}

export function decodeDetailedLink(body: Uint8Array, what: string): Reading<DetailedLink> {
  const attributes = attributesOfLink(body, what);
  if (!attributes.ok) return attributes;
  const link = linkOf(body, attributes.value, what);
  if (!link.ok) return link;
  const { all, info } = attributes.value;
  const { kind } = link.value;
  const portKind = textOf(info.get(IFLA_INFO_SLAVE_KIND));
  const data = attributeMap((TOLD_BY_DATA.has(kind) ? info.get(IFLA_INFO_DATA) : undefined) ?? NOTHING, what);
  if (!data.ok) return data;
  const state = portKind === 'bridge' ? portStateOf(attributes.value, what) : value(null);
  if (!state.ok) return state;
  const altNames = altNamesOf(all.get(IFLA_PROP_LIST), what);
  if (!altNames.ok) return altNames;
  return value({
    ...link.value,
    altNames: altNames.value,
    portKind,
    portState: state.value,
    mode: modeOf(kind, data.value),
    vlanId: kind === 'vlan' ? shortOf(data.value.get(IFLA_VLAN_ID)) : null,
    vxlan: kind === 'vxlan' ? vxlanOf(data.value) : null,
    device: textOf(all.get(IFLA_PARENT_DEV_NAME)),
    counters: countersOf(all.get(IFLA_STATS64)),
  });
}

function portStateOf({ info }: LinkAttributes, what: string): Reading<string | null> {
  const byte = attributeOf(info.get(IFLA_INFO_SLAVE_DATA) ?? NOTHING, IFLA_BRPORT_STATE, what);
  if (!byte.ok) return byte;
  const state = byte.value?.[0];
  return value(state === undefined ? null : (BRIDGE_PORT_STATES[state] ?? String(state)));
}

export function altNamesOf(list: Uint8Array | undefined, what: string): Reading<readonly string[]> {
  if (list === undefined) return value([]);
  const names = decodeAttributes(list, what);
  if (!names.ok) return names;
  return value(names.value.flatMap(({ type, body }) => (type === IFLA_ALT_IFNAME ? (textOf(body) ?? []) : [])));
}

const MACVLAN_MODES = new Map([
  [1, 'private'],
  [2, 'vepa'],
  [4, 'bridge'],
  [8, 'passthru'],
  [16, 'source'],
]);
const IPVLAN_MODES = new Map([
  [0, 'l2'],
  [1, 'l3'],
  [2, 'l3s'],
]);

function modeOf(kind: string | null, data: ReadonlyMap<number, Uint8Array>): string | null {
  const isMacvlan = kind === 'macvlan' || kind === 'macvtap';
  if (!isMacvlan && kind !== 'ipvlan' && kind !== 'ipvtap') return null;
  const mode = isMacvlan ? numberOf(data.get(IFLA_MACVLAN_MODE)) : shortOf(data.get(IFLA_IPVLAN_MODE));
  return mode === null ? null : ((isMacvlan ? MACVLAN_MODES : IPVLAN_MODES).get(mode) ?? String(mode));
}

function vxlanOf(data: ReadonlyMap<number, Uint8Array>): Vxlan {
  const addressOf = (body: Uint8Array | undefined): string | null => {
    return body?.some((byte) => byte !== 0) === true ? formatAddress(body) : null;
  };
  const port = data.get(IFLA_VXLAN_PORT);
  return {
    id: numberOf(data.get(IFLA_VXLAN_ID)),
    local: addressOf(data.get(IFLA_VXLAN_LOCAL) ?? data.get(IFLA_VXLAN_LOCAL6)),
    remote: addressOf(data.get(IFLA_VXLAN_GROUP) ?? data.get(IFLA_VXLAN_GROUP6)),
    port: port?.length === 2 ? view(port).getUint16(0, false) : null,
  };
}

function shortOf(body: Uint8Array | undefined): number | null {
  return body?.length === 2 ? view(body).getUint16(0, true) : null;
}

/** struct rtnl_link_stats64: packets, bytes, errors, dropped, each received and sent; then what is not shown. */
const COUNTERS_LENGTH = 64;

function countersOf(body: Uint8Array | undefined): LinkCounters | null {
  if (body === undefined || body.length < COUNTERS_LENGTH) return null;
  const fields = view(body);
  const at = (index: number): bigint => fields.getBigUint64(8 * index, true);
  return {
    rxPackets: at(0),
    txPackets: at(1),
    rxBytes: at(2),
    txBytes: at(3),
    rxErrors: at(4),
    txErrors: at(5),
    rxDropped: at(6),
    txDropped: at(7),
  };
}
