// RTM_GETRULE: the policy rules of a network namespace, which choose the table of routes. Source: rtnetlink(7),
// include/uapi/linux/fib_rules.h, net/core/fib_rules.c fib_nl_fill_rule(). A kernel without CONFIG_IP_MULTIPLE_TABLES
// has none, and says EOPNOTSUPP.

import {
  FIB_RULE_INVERT,
  FRA_DPORT_MASK,
  FRA_DPORT_RANGE,
  FRA_DST,
  FRA_FWMARK,
  FRA_FWMASK,
  FRA_GOTO,
  FRA_IIFNAME,
  FRA_IP_PROTO,
  FRA_L3MDEV,
  FRA_OIFNAME,
  FRA_PAD,
  FRA_PRIORITY,
  FRA_PROTOCOL,
  FRA_SPORT_MASK,
  FRA_SPORT_RANGE,
  FRA_SRC,
  FRA_SUPPRESS_IFGROUP,
  FRA_SUPPRESS_PREFIXLEN,
  FRA_TABLE,
  FRA_TUN_ID,
  FRA_UID_RANGE,
  RTM_GETRULE,
  RTM_NEWRULE,
} from '../abi/netlink.ts';
import { AF_INET, AF_INET6 } from '../abi/sock-diag.ts';
import { value, type NamespaceDoor, type NetlinkRequest, type Reading } from '../host.ts';
import { formatAddress } from './address-text.ts';
import { decodeEach, dumpRequest, tooShort } from './dump.ts';
import { attributeMap, numberOf, textOf, view } from './message.ts';

/** struct fib_rule_hdr: family, lengths of destination and source, tos, table, two reserved, action, flags. */
const RULE_HEADER_LENGTH = 12;

export interface NumberRange {
  readonly first: number;
  readonly last: number;
}

/** What null stands for is not looked at. */
export interface Rule {
  readonly family: 'inet' | 'inet6';
  /** The lowest is tried first. */
  readonly priority: number;
  /** It applies to what does not match. */
  readonly inverted: boolean;
  readonly source: string | null;
  readonly destination: string | null;
  readonly tos: number | null;
  /** The mark of the packet, under the mask. */
  readonly mark: { readonly value: number; readonly mask: number } | null;
  /** The interface that it came in by, by name. */
  readonly iif: string | null;
  readonly oif: string | null;
  /** The user whose socket it is of. Since: Linux 4.10. */
  readonly uids: NumberRange | null;
  /** IPPROTO_*. Since, as ports: Linux 4.17. */
  readonly ipProtocol: number | null;
  readonly sourcePorts: NumberRange | null;
  readonly destinationPorts: NumberRange | null;
  /** Which bits of a single port count. Absent (null): all. Since: Linux 6.15. */
  readonly sourcePortMask: number | null;
  readonly destinationPortMask: number | null;
  /** Id of the tunnel that it came in by. */
  readonly tunnel: bigint | null;
  /** `lookup`, `goto`, `nop`, `blackhole`, `unreachable`, `prohibit`. */
  readonly action: string;
  /** Of `lookup`: 254 is main, 255 local. Absent (null): another action, or the table of a VRF. */
  readonly table: number | null;
  /** The table is that of the VRF. Since: Linux 4.8. */
  readonly isOfVrf: boolean;
  /** Of `goto`: the priority of the rule to go on with. */
  readonly target: number | null;
  /** Routes with a prefix of at most this length do not count. */
  readonly suppressPrefixLength: number | null;
  /** Routes over interfaces of this group do not count. */
  readonly suppressGroup: number | null;
  /** The types of attributes that are of a later kernel than this decoder: more conditions, most likely. */
  readonly others: readonly number[];
}

export function encodeRuleDump(namespace?: NamespaceDoor): NetlinkRequest {
  return dumpRequest(RTM_GETRULE, [new Uint8Array(RULE_HEADER_LENGTH)], namespace);
}

export function decodeRules(datagrams: readonly Uint8Array[], what: string): Reading<readonly Rule[]> {
  const all = decodeEach(datagrams, RTM_NEWRULE, what, decodeRule);
  return all.ok ? value(all.value.filter((one) => one !== null)) : all;
}

const LOOKUP = 1;

/** FR_ACT_*, by number. */
const ACTIONS: readonly (string | undefined)[] = [
  'unspec',
  'lookup',
  'goto',
  'nop',
  undefined,
  undefined,
  'blackhole',
  'unreachable',
  'prohibit',
];

const KNOWN: ReadonlySet<number> = new Set([
  FRA_DST,
  FRA_SRC,
  FRA_IIFNAME,
  FRA_GOTO,
  FRA_PRIORITY,
  FRA_FWMARK,
  FRA_TUN_ID,
  FRA_SUPPRESS_IFGROUP,
  FRA_SUPPRESS_PREFIXLEN,
  FRA_TABLE,
  FRA_FWMASK,
  FRA_OIFNAME,
  FRA_PAD,
  FRA_L3MDEV,
  FRA_UID_RANGE,
  FRA_PROTOCOL,
  FRA_IP_PROTO,
  FRA_SPORT_RANGE,
  FRA_DPORT_RANGE,
  FRA_SPORT_MASK,
  FRA_DPORT_MASK,
]);

/** -1 of the kernel: the rule suppresses nothing. */
const NOTHING = 0xffff_ffff;

/** null: of another family (multicast routing). */
function decodeRule(body: Uint8Array, what: string): Reading<Rule | null> {
  if (body.length < RULE_HEADER_LENGTH) return tooShort(body, what);
  const [family, destinationLength = 0, sourceLength = 0, tos = 0, table = 0, , , action = 0] = body;
  if (family !== AF_INET && family !== AF_INET6) return value(null);
  const attributes = attributeMap(body.subarray(RULE_HEADER_LENGTH), what);
  if (!attributes.ok) return attributes;
  const of = (type: number): Uint8Array | undefined => attributes.value.get(type);
  const isOfVrf = (of(FRA_L3MDEV)?.[0] ?? 0) !== 0;
  return value({
    family: family === AF_INET ? 'inet' : 'inet6',
    priority: numberOf(of(FRA_PRIORITY)) ?? 0,
    inverted: (view(body).getUint32(8, true) & FIB_RULE_INVERT) !== 0,
    source: prefixOf(of(FRA_SRC), sourceLength),
    destination: prefixOf(of(FRA_DST), destinationLength),
    tos: tos === 0 ? null : tos,
    mark: markOf(of(FRA_FWMARK), of(FRA_FWMASK)),
    iif: textOf(of(FRA_IIFNAME)),
    oif: textOf(of(FRA_OIFNAME)),
    uids: rangeOf(of(FRA_UID_RANGE), 4),
    ipProtocol: of(FRA_IP_PROTO)?.[0] ?? null,
    sourcePorts: rangeOf(of(FRA_SPORT_RANGE), 2),
    destinationPorts: rangeOf(of(FRA_DPORT_RANGE), 2),
    sourcePortMask: portMaskOf(of(FRA_SPORT_MASK)),
    destinationPortMask: portMaskOf(of(FRA_DPORT_MASK)),
    tunnel: tunnelOf(of(FRA_TUN_ID)),
    action: ACTIONS[action] ?? String(action),
    table: action === LOOKUP && !isOfVrf ? (numberOf(of(FRA_TABLE)) ?? table) : null,
    isOfVrf,
    target: numberOf(of(FRA_GOTO)),
    suppressPrefixLength: suppressed(of(FRA_SUPPRESS_PREFIXLEN)),
    suppressGroup: suppressed(of(FRA_SUPPRESS_IFGROUP)),
    others: [...attributes.value.keys()].filter((type) => !KNOWN.has(type)),
  });
}

function prefixOf(address: Uint8Array | undefined, length: number): string | null {
  if (address === undefined) return length === 0 ? null : `?/${length}`;
  return length === 8 * address.length ? formatAddress(address) : `${formatAddress(address)}/${length}`;
}

function markOf(mark: Uint8Array | undefined, mask: Uint8Array | undefined): Rule['mark'] {
  const [number, under] = [numberOf(mark), numberOf(mask)];
  // No mark under a mask that is not 0: it must be 0.
  return number === null && under === null ? null : { value: number ?? 0, mask: under ?? 0xffff_ffff };
}

/** Two numbers of this many bytes. */
function rangeOf(body: Uint8Array | undefined, size: 2 | 4): NumberRange | null {
  if (body?.length !== 2 * size) return null;
  const at = (offset: number): number =>
    size === 2 ? view(body).getUint16(offset, true) : view(body).getUint32(offset, true);
  return { first: at(0), last: at(size) };
}

/** null: every bit counts. */
function portMaskOf(body: Uint8Array | undefined): number | null {
  const mask = body?.length === 2 ? view(body).getUint16(0, true) : ALL_OF_PORT;
  return mask === ALL_OF_PORT ? null : mask;
}

const ALL_OF_PORT = 0xffff;

/** In network byte order. */
function tunnelOf(body: Uint8Array | undefined): bigint | null {
  return body?.length === 8 ? view(body).getBigUint64(0, false) : null;
}

function suppressed(body: Uint8Array | undefined): number | null {
  const number = numberOf(body);
  return number === NOTHING ? null : number;
}
