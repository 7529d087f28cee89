// RTM_GETNEIGH: which link address an IP address has, as far as a network namespace knows, and behind which port a bridge
// has seen a link address. Source: rtnetlink(7), include/uapi/linux/neighbour.h.

import { AF_BRIDGE, NDA_DST, NDA_LLADDR, NDA_MASTER, NDA_VLAN, RTM_GETNEIGH, RTM_NEWNEIGH } from '../abi/netlink.ts';
import { AF_INET, AF_INET6 } from '../abi/sock-diag.ts';
import { value, type NamespaceDoor, type NetlinkRequest, type Reading } from '../host.ts';
import { formatAddress, formatLinkLayer } from './address-text.ts';
import { decodeEach, dumpRequest, tooShort } from './dump.ts';
import { attributeMap, numberOf, view } from './message.ts';

/** struct ndmsg: family, padding, index, state, flags, type. */
const NDMSG_LENGTH = 12;

export interface Neighbour {
  readonly ifindex: number;
  readonly address: string;
  /** Absent (null): it is asked for, and nobody answered yet. */
  readonly linkAddress: string | null;
  /** NUD_*, as ip-neighbour(8) has it: `REACHABLE`, `STALE`, `FAILED`, `INCOMPLETE`, `PERMANENT`, `NOARP` ... */
  readonly state: string;
}

/** An entry of a bridge's table. */
export interface BridgeAddress {
  /** The port; of an address of the bridge itself the bridge. */
  readonly ifindex: number;
  readonly linkAddress: string;
  /** The bridge. Absent (null): an entry of the port's own. */
  readonly master: number | null;
  readonly vlan: number | null;
  /** Somebody set it, or it is the port's own; else the bridge learned it. */
  readonly isPermanent: boolean;
}

/** Of both IP families. */
export function encodeNeighbourDump(namespace?: NamespaceDoor): NetlinkRequest {
  return dumpRequest(RTM_GETNEIGH, [new Uint8Array(NDMSG_LENGTH)], namespace);
}

/** Of all bridges. */
export function encodeBridgeAddressDump(namespace?: NamespaceDoor): NetlinkRequest {
  const header = new Uint8Array(NDMSG_LENGTH);
  header[0] = AF_BRIDGE;
  return dumpRequest(RTM_GETNEIGH, [header], namespace);
}

/** By their bit. */
const STATES: ReadonlyMap<number, string> = new Map([
  [0x00, 'NONE'],
  [0x01, 'INCOMPLETE'],
  [0x02, 'REACHABLE'],
  [0x04, 'STALE'],
  [0x08, 'DELAY'],
  [0x10, 'PROBE'],
  [0x20, 'FAILED'],
  [0x40, 'NOARP'],
  [0x80, 'PERMANENT'],
]);
const PERMANENT = 0x80;

export function decodeNeighbours(datagrams: readonly Uint8Array[], what: string): Reading<readonly Neighbour[]> {
  const all = decodeEach(datagrams, RTM_NEWNEIGH, what, decodeNeighbour);
  return all.ok ? value(all.value.filter((one) => one !== null)) : all;
}

/** null: of another family. */
function decodeNeighbour(body: Uint8Array, what: string): Reading<Neighbour | null> {
  if (body.length < NDMSG_LENGTH) return tooShort(body, what);
  if (body[0] !== AF_INET && body[0] !== AF_INET6) return value(null);
  const attributes = attributeMap(body.subarray(NDMSG_LENGTH), what);
  if (!attributes.ok) return attributes;
  const address = attributes.value.get(NDA_DST);
  if (address === undefined) return value(null);
  const linkAddress = attributes.value.get(NDA_LLADDR);
  const state = view(body).getUint16(8, true);
  return value({
    ifindex: view(body).getInt32(4, true),
    address: formatAddress(address),
    linkAddress: linkAddress === undefined || linkAddress.length === 0 ? null : formatLinkLayer(linkAddress),
    state: STATES.get(state) ?? `0x${state.toString(16)}`,
  });
}

export function decodeBridgeAddresses(
  datagrams: readonly Uint8Array[],
  what: string,
): Reading<readonly BridgeAddress[]> {
  const all = decodeEach(datagrams, RTM_NEWNEIGH, what, decodeBridgeAddress);
  return all.ok ? value(all.value.filter((one) => one !== null)) : all;
}

/** null: of no bridge, as an entry of vxlan. */
function decodeBridgeAddress(body: Uint8Array, what: string): Reading<BridgeAddress | null> {
  if (body.length < NDMSG_LENGTH) return tooShort(body, what);
  const attributes = attributeMap(body.subarray(NDMSG_LENGTH), what);
  if (!attributes.ok) return attributes;
  const linkAddress = attributes.value.get(NDA_LLADDR);
  if (body[0] !== AF_BRIDGE || linkAddress === undefined || attributes.value.has(NDA_DST)) return value(null);
  const vlan = attributes.value.get(NDA_VLAN);
  return value({
    ifindex: view(body).getInt32(4, true),
    linkAddress: formatLinkLayer(linkAddress),
    master: numberOf(attributes.value.get(NDA_MASTER)),
    vlan: vlan?.length === 2 ? view(vlan).getUint16(0, true) : null,
    isPermanent: (view(body).getUint16(8, true) & PERMANENT) !== 0,
  });
}
