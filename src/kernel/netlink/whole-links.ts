// RTM_GETLINK: all of a link that can be made again. Source: include/uapi/linux/if_link.h, rtnl_fill_ifinfo().

import {
  IFLA_ADDRESS,
  IFLA_GROUP,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_SLAVE_DATA,
  IFLA_INFO_SLAVE_KIND,
  IFLA_LINK,
  IFLA_LINK_NETNSID,
  IFLA_MASTER,
  IFLA_MTU,
  RTM_NEWLINK,
} from '../abi/netlink.ts';
import { value, type Reading } from '../host.ts';
import { formatLinkLayer } from './address-text.ts';
import { decodeEach } from './dump.ts';
import { decodeRows, type MessageRecord, type Row } from './layout.ts';
import { BRIDGE_PORT_ROWS, kindRows } from './layouts.ts';
import { altNamesOf } from './link-details.ts';
import { attributesOfLink, kindOf, type LinkAttributes } from './links.ts';
import { attributeMap, decodeAttributes, numberOf, textOf, view } from './message.ts';

const IFLA_TXQLEN = 13;
const IFLA_AF_SPEC = 26;
const IFLA_NUM_TX_QUEUES = 31;
const IFLA_NUM_RX_QUEUES = 32;
const IFLA_CARRIER = 33;
const IFLA_XDP = 43;
const IFLA_XDP_ATTACHED = 2;
const IFLA_PROP_LIST = 52;
const AF_INET6 = 10;
const IFLA_INET6_ADDR_GEN_MODE = 8;

/** null: it has none, or the kernel does not tell. */
export interface WholeLink {
  readonly ifindex: number;
  readonly name: string;
  /** IFF_*. */
  readonly flags: number;
  /** null: hardware, or the loopback. */
  readonly kind: string | null;
  /** What a link of its kind is made of. null: we know nothing of that kind. */
  readonly data: MessageRecord | null;
  readonly address: string | null;
  readonly mtu: number;
  readonly queueLength: number;
  readonly group: number;
  readonly queues: { readonly tx: number; readonly rx: number };
  readonly alias: string | null;
  readonly altNames: readonly string[];
  readonly master: number | null;
  /** What it is as a port of a bridge. */
  readonly port: MessageRecord | null;
  /** What its master is: `bridge`, `bond` ... */
  readonly portKind: string | null;
  readonly link: number | null;
  readonly linkNetnsid: number | null;
  readonly hasCarrier: boolean;
  /** How it gets its link-local address. Source: IN6_ADDR_GEN_MODE_*. */
  readonly addrGenMode: number | null;
  readonly hasXdp: boolean;
}

export function decodeWholeLinks(datagrams: readonly Uint8Array[], what: string): Reading<readonly WholeLink[]> {
  return decodeEach(datagrams, RTM_NEWLINK, what, decodeWholeLink);
}

function decodeWholeLink(body: Uint8Array, what: string): Reading<WholeLink> {
  const attributes = attributesOfLink(body, what);
  if (!attributes.ok) return attributes;
  const { all, info } = attributes.value;
  const kind = kindOf(info, what);
  if (!kind.ok) return kind;
  const rows = kindRows(kind.value);
  const data = rows === undefined ? value(null) : nestedRows(info.get(IFLA_INFO_DATA), rows, what);
  if (!data.ok) return data;
  const port = portOf(attributes.value, what);
  if (!port.ok) return port;
  const altNames = altNamesOf(all.get(IFLA_PROP_LIST), what);
  if (!altNames.ok) return altNames;
  const address = all.get(IFLA_ADDRESS);
  const netnsid = all.get(IFLA_LINK_NETNSID);
  return value({
    ifindex: view(body).getInt32(4, true),
    name: textOf(all.get(IFLA_IFNAME)) ?? '',
    flags: view(body).getUint32(8, true),
    kind: kind.value,
    data: data.value,
    address: address === undefined || address.length === 0 ? null : formatLinkLayer(address),
    mtu: numberOf(all.get(IFLA_MTU)) ?? 0,
    queueLength: numberOf(all.get(IFLA_TXQLEN)) ?? 0,
    group: numberOf(all.get(IFLA_GROUP)) ?? 0,
    queues: { tx: numberOf(all.get(IFLA_NUM_TX_QUEUES)) ?? 1, rx: numberOf(all.get(IFLA_NUM_RX_QUEUES)) ?? 1 },
    alias: textOf(all.get(IFLA_IFALIAS)),
    altNames: altNames.value,
    master: numberOf(all.get(IFLA_MASTER)),
    port: port.value,
    portKind: textOf(info.get(IFLA_INFO_SLAVE_KIND)),
    link: numberOf(all.get(IFLA_LINK)),
    linkNetnsid: netnsid?.length === 4 ? view(netnsid).getInt32(0, true) : null,
    hasCarrier: (all.get(IFLA_CARRIER)?.[0] ?? 0) !== 0,
    addrGenMode: addrGenModeOf(all.get(IFLA_AF_SPEC), what),
    hasXdp: hasXdp(all.get(IFLA_XDP), what),
  });
}

function nestedRows(body: Uint8Array | undefined, rows: readonly Row[], what: string): Reading<MessageRecord> {
  const attributes = decodeAttributes(body ?? new Uint8Array(), what);
  return attributes.ok ? decodeRows(rows, attributes.value, what) : attributes;
}

function portOf({ info }: LinkAttributes, what: string): Reading<MessageRecord | null> {
  const isPort = textOf(info.get(IFLA_INFO_SLAVE_KIND)) === 'bridge';
  return isPort ? nestedRows(info.get(IFLA_INFO_SLAVE_DATA), BRIDGE_PORT_ROWS, what) : value(null);
}

function addrGenModeOf(spec: Uint8Array | undefined, what: string): number | null {
  const families = attributeMap(spec ?? new Uint8Array(), what);
  const inet6 = families.ok ? attributeMap(families.value.get(AF_INET6) ?? new Uint8Array(), what) : families;
  return inet6.ok ? (inet6.value.get(IFLA_INET6_ADDR_GEN_MODE)?.[0] ?? null) : null;
}

function hasXdp(xdp: Uint8Array | undefined, what: string): boolean {
  const attributes = attributeMap(xdp ?? new Uint8Array(), what);
  return attributes.ok && (attributes.value.get(IFLA_XDP_ATTACHED)?.[0] ?? 0) !== 0;
}
