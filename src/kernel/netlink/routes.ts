// RTM_GETROUTE: the routes of a network namespace, of all its tables. Source: rtnetlink(7),
// include/uapi/linux/rtnetlink.h.

import {
  RTA_DST,
  RTA_ENCAP_TYPE,
  RTA_GATEWAY,
  RTA_MULTIPATH,
  RTA_OIF,
  RTA_PREFSRC,
  RTA_PRIORITY,
  RTA_TABLE,
  RTA_VIA,
  RTM_GETROUTE,
  RTM_NEWROUTE,
} from '../abi/netlink.ts';
import { AF_INET, AF_INET6 } from '../abi/sock-diag.ts';
import { gap, value, type NamespaceDoor, type NetlinkRequest, type Reading } from '../host.ts';
import { formatAddress } from './address-text.ts';
import { formatScope } from './addresses.ts';
import { decodeEach, dumpRequest, tooShort } from './dump.ts';
import { attributeMap, numberOf, view } from './message.ts';

/** struct rtmsg: family, lengths of destination and source, tos, table, protocol, scope, type, flags. */
export const RTMSG_LENGTH = 12;
/** struct rtnexthop: length, flags, hops, index. */
const RTNEXTHOP_LENGTH = 8;
/** A route of the kernel's cache. */
const RTM_F_CLONED = 0x200;

export interface NextHop {
  readonly gateway: string | null;
  readonly ifindex: number | null;
  readonly weight: number;
  /** What the packet is wrapped in on its way: `ip`, `mpls`, `seg6` ... Absent (null): nothing. Since: Linux 4.3. */
  readonly encap: string | null;
}

export interface Route {
  readonly family: 'inet' | 'inet6';
  /** `default`, an address, or `10.0.0.0/8`. */
  readonly destination: string;
  /** 254 is main, 255 local. */
  readonly table: number;
  /** RTPROT_*: 2 kernel, 3 boot, 4 static. */
  readonly protocol: number;
  readonly scope: string;
  /** `unicast`, `local`, `broadcast`, `blackhole`, `unreachable`, `prohibit` ... */
  readonly type: string;
  readonly priority: number | null;
  readonly source: string | null;
  /** One, or several that share the load; none for routes that lead nowhere. */
  readonly nextHops: readonly NextHop[];
}

/** `table`: only its routes. Kernels before 4.20 do not heed it, and tell those of all. */
export function encodeRouteDump(namespace?: NamespaceDoor, table = 0): NetlinkRequest {
  const header = new Uint8Array(RTMSG_LENGTH);
  header[4] = table;
  return dumpRequest(RTM_GETROUTE, [header], namespace);
}

export function decodeRoutes(datagrams: readonly Uint8Array[], what: string): Reading<readonly Route[]> {
  const all = decodeEach(datagrams, RTM_NEWROUTE, what, decodeRoute);
  return all.ok ? value(all.value.filter((one) => one !== null)) : all;
}

/** RTN_*, by number. Source: include/uapi/linux/rtnetlink.h. */
export const ROUTE_TYPES: readonly string[] = [
  'unspec',
  'unicast',
  'local',
  'broadcast',
  'anycast',
  'multicast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
  'nat',
  'xresolve',
];

type Attributes = ReadonlyMap<number, Uint8Array>;

/** null: of another family (AF_MPLS, multicast), or of the cache. */
export function decodeRoute(body: Uint8Array, what: string): Reading<Route | null> {
  if (body.length < RTMSG_LENGTH) return tooShort(body, what);
  const [family, length = 0, , , table = 0, protocol = 0, scope = 0, type = 0] = body;
  const isCached = (view(body).getUint32(8, true) & RTM_F_CLONED) !== 0;
  if ((family !== AF_INET && family !== AF_INET6) || isCached) return value(null);
  const attributes = attributeMap(body.subarray(RTMSG_LENGTH), what);
  if (!attributes.ok) return attributes;
  const nextHops = nextHopsOf(attributes.value, what);
  if (!nextHops.ok) return nextHops;
  const source = attributes.value.get(RTA_PREFSRC);
  return value({
    family: family === AF_INET ? 'inet' : 'inet6',
    destination: destinationOf(attributes.value.get(RTA_DST), length, family === AF_INET ? 32 : 128),
    table: numberOf(attributes.value.get(RTA_TABLE)) ?? table,
    protocol,
    scope: formatScope(scope),
    type: ROUTE_TYPES[type] ?? String(type),
    priority: numberOf(attributes.value.get(RTA_PRIORITY)),
    source: source === undefined ? null : formatAddress(source),
    nextHops: nextHops.value,
  });
}

function destinationOf(address: Uint8Array | undefined, length: number, whole: number): string {
  if (address === undefined) return length === 0 ? 'default' : `?/${length}`;
  return length === whole ? formatAddress(address) : `${formatAddress(address)}/${length}`;
}

function nextHopsOf(attributes: Attributes, what: string): Reading<readonly NextHop[]> {
  const several = attributes.get(RTA_MULTIPATH);
  if (several !== undefined) return decodeMultipath(several, what);
  const ifindex = numberOf(attributes.get(RTA_OIF));
  const gateway = gatewayOf(attributes);
  return value(
    ifindex === null && gateway === null ? [] : [{ gateway, ifindex, weight: 1, encap: encapOf(attributes) }],
  );
}

/** RTA_VIA: a gateway of the other family, its family in the first two bytes. Since: Linux 5.2. */
function gatewayOf(attributes: Attributes): string | null {
  const gateway = attributes.get(RTA_GATEWAY) ?? attributes.get(RTA_VIA)?.subarray(2);
  return gateway === undefined ? null : formatAddress(gateway);
}

/** LWTUNNEL_ENCAP_*, by number, as ip-route(8) names them. Source: include/uapi/linux/lwtunnel.h. */
const ENCAPSULATIONS = ['none', 'mpls', 'ip', 'ila', 'ip6', 'seg6', 'bpf', 'seg6local', 'rpl', 'ioam6', 'xfrm'];

function encapOf(attributes: Attributes): string | null {
  const body = attributes.get(RTA_ENCAP_TYPE);
  const type = body?.length === 2 ? view(body).getUint16(0, true) : 0;
  return type === 0 ? null : (ENCAPSULATIONS[type] ?? String(type));
}

function decodeMultipath(bytes: Uint8Array, what: string): Reading<readonly NextHop[]> {
  const nextHops: NextHop[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const rest = bytes.subarray(offset);
    const length = rest.length < RTNEXTHOP_LENGTH ? 0 : view(rest).getUint16(0, true);
    if (length < RTNEXTHOP_LENGTH || length > rest.length) {
      return gap({ reason: 'malformed', what, text: `next hop of ${length} bytes at ${offset} of ${bytes.length}` });
    }
    const attributes = attributeMap(rest.subarray(RTNEXTHOP_LENGTH, length), what);
    if (!attributes.ok) return attributes;
    nextHops.push({
      gateway: gatewayOf(attributes.value),
      ifindex: view(rest).getInt32(4, true),
      weight: (rest[3] ?? 0) + 1,
      encap: encapOf(attributes.value),
    });
    offset += (length + 3) & ~3;
  }
  return value(nextHops);
}
