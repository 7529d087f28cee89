// RTM_GETLINK: the interfaces of a network namespace. Source: rtnetlink(7), include/uapi/linux/if_link.h,
// net/core/rtnetlink.c rtnl_fill_ifinfo().

import {
  IFF_TAP,
  IFLA_ADDRESS,
  IFLA_EXT_MASK,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINK_NETNSID,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_OPERSTATE,
  IFLA_TUN_TYPE,
  OPERSTATES,
  RTEXT_FILTER_SKIP_STATS,
  RTM_GETLINK,
  RTM_NEWLINK,
} from '../abi/netlink.ts';
import { value, type NamespaceDoor, type NetlinkRequest, type Reading } from '../host.ts';
import { formatLinkLayer } from './address-text.ts';
import { decodeEach, dumpRequest, tooShort } from './dump.ts';
import { attributeMap, encodeAttribute, numberOf, textOf, view } from './message.ts';

/** struct ifinfomsg: family, type, index, flags, changed flags. */
export const IFINFOMSG_LENGTH = 16;

/** null: the interface has none. */
export interface Link {
  readonly ifindex: number;
  readonly name: string;
  /** IFF_*: 1 is up, 8 loopback. Source: include/uapi/linux/if.h. */
  readonly flags: number;
  /** `veth`, `bridge`, `vlan` ...; `tap` of a tun device with the headers of a link; null for hardware and the loopback. */
  readonly kind: string | null;
  /** The bridge or bond that it is a port of. */
  readonly master: number | null;
  /** The interface below, or the other end of a veth: an index in `linkNetnsid` where that is not null. */
  readonly link: number | null;
  /** What this network namespace calls the one that `link` counts in. Absent when: it is the same. Since: Linux 4.0. */
  readonly linkNetnsid: number | null;
  /** As `ip link` has it: `UP`, `DOWN`, `UNKNOWN` ... */
  readonly operstate: string;
  readonly mtu: number | null;
  readonly address: string | null;
  readonly alias: string | null;
}

export function encodeLinkDump(namespace?: NamespaceDoor): NetlinkRequest {
  const mask = encodeAttribute(IFLA_EXT_MASK, Uint8Array.of(RTEXT_FILTER_SKIP_STATS, 0, 0, 0));
  return dumpRequest(RTM_GETLINK, [new Uint8Array(IFINFOMSG_LENGTH), mask], namespace);
}

export function decodeLinks(datagrams: readonly Uint8Array[], what: string): Reading<readonly Link[]> {
  return decodeEach(datagrams, RTM_NEWLINK, what, decodeLink);
}

/** A message about a link, taken apart: what it says of all links, and of this kind (IFLA_INFO_*). */
export interface LinkAttributes {
  readonly all: ReadonlyMap<number, Uint8Array>;
  readonly info: ReadonlyMap<number, Uint8Array>;
}

export function attributesOfLink(body: Uint8Array, what: string): Reading<LinkAttributes> {
  if (body.length < IFINFOMSG_LENGTH) return tooShort(body, what);
  const all = attributeMap(body.subarray(IFINFOMSG_LENGTH), what);
  if (!all.ok) return all;
  const info = attributeMap(all.value.get(IFLA_LINKINFO) ?? new Uint8Array(), what);
  return info.ok ? value({ all: all.value, info: info.value }) : info;
}

function decodeLink(body: Uint8Array, what: string): Reading<Link> {
  const attributes = attributesOfLink(body, what);
  return attributes.ok ? linkOf(body, attributes.value, what) : attributes;
}

export function linkOf(body: Uint8Array, { all, info }: LinkAttributes, what: string): Reading<Link> {
  const kind = kindOf(info, what);
  if (!kind.ok) return kind;
  const of = (type: number): Uint8Array | undefined => all.get(type);
  const address = of(IFLA_ADDRESS);
  const netnsid = of(IFLA_LINK_NETNSID);
  return value({
    ifindex: view(body).getInt32(4, true),
    name: textOf(of(IFLA_IFNAME)) ?? '',
    flags: view(body).getUint32(8, true),
    kind: kind.value,
    master: numberOf(of(IFLA_MASTER)),
    link: numberOf(of(IFLA_LINK)),
    linkNetnsid: netnsid?.length === 4 ? view(netnsid).getInt32(0, true) : null,
    operstate: OPERSTATES[of(IFLA_OPERSTATE)?.[0] ?? 0] ?? 'UNKNOWN',
    mtu: numberOf(of(IFLA_MTU)),
    address: address === undefined || address.length === 0 ? null : formatLinkLayer(address),
    alias: textOf(of(IFLA_IFALIAS)),
  });
}

/** Both sorts of tun devices are `tun` to the kernel, before Linux 4.17 without a difference. */
export function kindOf(info: ReadonlyMap<number, Uint8Array>, what: string): Reading<string | null> {
  const kind = textOf(info.get(IFLA_INFO_KIND));
  if (kind !== 'tun') return value(kind);
  const data = attributeMap(info.get(IFLA_INFO_DATA) ?? new Uint8Array(), what);
  if (!data.ok) return data;
  return value(data.value.get(IFLA_TUN_TYPE)?.[0] === IFF_TAP ? 'tap' : kind);
}
