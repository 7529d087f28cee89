// RTM_GETLINK: what a link lets through: carrier, programs at it, and as a bridge or a bridge's port whom it keeps from
// whom. Source: include/uapi/linux/{if_link.h,if_bridge.h}, ip-link(8), bridge(8).

import {
  AF_BRIDGE,
  BRIDGE_VLAN_INFO_PVID,
  BRIDGE_VLAN_INFO_UNTAGGED,
  IFLA_AF_SPEC,
  IFLA_BR_NF_CALL_IP6TABLES,
  IFLA_BR_NF_CALL_IPTABLES,
  IFLA_BR_STP_STATE,
  IFLA_BR_VLAN_FILTERING,
  IFLA_BRIDGE_VLAN_INFO,
  IFLA_BRPORT_BCAST_FLOOD,
  IFLA_BRPORT_ISOLATED,
  IFLA_BRPORT_LEARNING,
  IFLA_BRPORT_LOCKED,
  IFLA_BRPORT_MODE,
  IFLA_BRPORT_UNICAST_FLOOD,
  IFLA_CARRIER,
  IFLA_EXT_MASK,
  IFLA_INFO_DATA,
  IFLA_INFO_SLAVE_DATA,
  IFLA_INFO_SLAVE_KIND,
  IFLA_QDISC,
  IFLA_XDP,
  IFLA_XDP_ATTACHED,
  RTEXT_FILTER_BRVLAN,
  RTM_GETLINK,
  RTM_NEWLINK,
} from '../abi/netlink.ts';
import { value, type NamespaceDoor, type NetlinkRequest, type Reading } from '../host.ts';
import { decodeEach, dumpRequest } from './dump.ts';
import { attributesOfLink, IFINFOMSG_LENGTH } from './links.ts';
import { attributeMap, decodeAttributes, encodeAttribute, numberOf, textOf, view } from './message.ts';

export interface LinkConditions {
  readonly ifindex: number;
  /** Is something at the other end? Absent (null): it is not told. */
  readonly carrier: boolean | null;
  /** `noqueue`, `fq_codel`, `netem` ... */
  readonly queue: string | null;
  /** A program of BPF sees each packet before anything else. */
  readonly hasXdp: boolean;
  /** null: it is no bridge. */
  readonly bridge: BridgeConditions | null;
  /** null: it is no port of a bridge. */
  readonly port: PortConditions | null;
}

export interface BridgeConditions {
  readonly stp: boolean;
  readonly vlanFiltering: boolean;
  /** Does the firewall of IP see what only crosses the bridge, whatever the sysctls say? */
  readonly callsIptables: boolean;
  readonly callsIp6tables: boolean;
}

export interface PortConditions {
  readonly hairpin: boolean;
  readonly learning: boolean;
  readonly floodsUnknown: boolean;
  readonly floodsBroadcast: boolean;
  readonly isolated: boolean;
  readonly locked: boolean;
}

/** Of the answer to a dump of links. */
export function decodeLinkConditions(
  datagrams: readonly Uint8Array[],
  what: string,
): Reading<readonly LinkConditions[]> {
  return decodeEach(datagrams, RTM_NEWLINK, what, decodeConditions);
}

function decodeConditions(body: Uint8Array, what: string): Reading<LinkConditions> {
  const attributes = attributesOfLink(body, what);
  if (!attributes.ok) return attributes;
  const { all, info } = attributes.value;
  const none = new Uint8Array();
  const xdp = attributeMap(all.get(IFLA_XDP) ?? none, what);
  if (!xdp.ok) return xdp;
  const data = attributeMap(info.get(IFLA_INFO_DATA) ?? none, what);
  if (!data.ok) return data;
  const slave = attributeMap(info.get(IFLA_INFO_SLAVE_DATA) ?? none, what);
  if (!slave.ok) return slave;
  const carrier = all.get(IFLA_CARRIER)?.[0];
  const isBridge = data.value.has(IFLA_BR_STP_STATE) && data.value.has(IFLA_BR_VLAN_FILTERING);
  const isPort = textOf(info.get(IFLA_INFO_SLAVE_KIND)) === 'bridge';
  return value({
    ifindex: view(body).getInt32(4, true),
    carrier: carrier === undefined ? null : carrier !== 0,
    queue: textOf(all.get(IFLA_QDISC)),
    hasXdp: (xdp.value.get(IFLA_XDP_ATTACHED)?.[0] ?? 0) !== 0,
    bridge: isBridge ? bridgeOf(data.value) : null,
    port: isPort ? portOf(slave.value) : null,
  });
}

function bridgeOf(data: ReadonlyMap<number, Uint8Array>): BridgeConditions {
  const is = (type: number): boolean => (data.get(type)?.[0] ?? 0) !== 0;
  return {
    stp: (numberOf(data.get(IFLA_BR_STP_STATE)) ?? 0) !== 0,
    vlanFiltering: is(IFLA_BR_VLAN_FILTERING),
    callsIptables: is(IFLA_BR_NF_CALL_IPTABLES),
    callsIp6tables: is(IFLA_BR_NF_CALL_IP6TABLES),
  };
}

/** What an older kernel does not tell is as it always was. */
function portOf(data: ReadonlyMap<number, Uint8Array>): PortConditions {
  const is = (type: number, unknown: boolean): boolean => {
    const byte = data.get(type)?.[0];
    return byte === undefined ? unknown : byte !== 0;
  };
  return {
    hairpin: is(IFLA_BRPORT_MODE, false),
    learning: is(IFLA_BRPORT_LEARNING, true),
    floodsUnknown: is(IFLA_BRPORT_UNICAST_FLOOD, true),
    floodsBroadcast: is(IFLA_BRPORT_BCAST_FLOOD, true),
    isolated: is(IFLA_BRPORT_ISOLATED, false),
    locked: is(IFLA_BRPORT_LOCKED, false),
  };
}

/** The networks (802.1Q) that a port, or the bridge itself, takes part in. */
export interface PortVlans {
  readonly ifindex: number;
  readonly vlans: readonly number[];
  /** What comes without a number is of this one. null: it is dropped. */
  readonly untaggedIn: number | null;
  /** Those that leave without a number. */
  readonly untaggedOut: readonly number[];
}

/** Of all bridges and their ports. Errors of the question: as of a dump of links. */
export function encodePortVlanDump(namespace?: NamespaceDoor): NetlinkRequest {
  const header = new Uint8Array(IFINFOMSG_LENGTH);
  header[0] = AF_BRIDGE;
  const mask = encodeAttribute(IFLA_EXT_MASK, Uint8Array.of(RTEXT_FILTER_BRVLAN, 0, 0, 0));
  return dumpRequest(RTM_GETLINK, [header, mask], namespace);
}

export function decodePortVlans(datagrams: readonly Uint8Array[], what: string): Reading<readonly PortVlans[]> {
  return decodeEach(datagrams, RTM_NEWLINK, what, (body) => {
    const attributes = attributesOfLink(body, what);
    if (!attributes.ok) return attributes;
    const infos = decodeAttributes(attributes.value.all.get(IFLA_AF_SPEC) ?? new Uint8Array(), what);
    if (!infos.ok) return infos;
    const vlans = infos.value.flatMap(({ type, body: info }) =>
      type === IFLA_BRIDGE_VLAN_INFO && info.length === 4
        ? [{ flags: view(info).getUint16(0, true), number: view(info).getUint16(2, true) }]
        : [],
    );
    return value({
      ifindex: view(body).getInt32(4, true),
      vlans: vlans.map(({ number }) => number),
      untaggedIn: vlans.find(({ flags }) => (flags & BRIDGE_VLAN_INFO_PVID) !== 0)?.number ?? null,
      untaggedOut: vlans.flatMap(({ flags, number }) => ((flags & BRIDGE_VLAN_INFO_UNTAGGED) === 0 ? [] : number)),
    });
  });
}
