// Queueing disciplines of kind netem at the root of a link: what is sent by it comes late, is lost, comes twice, or goes no
// faster than that. Source: include/uapi/linux/pkt_sched.h, net/sched/sch_netem.c, tc-netem(8).

import {
  NETLINK_ROUTE,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NLM_F_REQUEST,
  RTM_DELQDISC,
  RTM_GETQDISC,
  RTM_NEWQDISC,
  TC_H_ROOT,
  TCA_KIND,
  TCA_OPTIONS,
} from '../abi/netlink.ts';
import { value, type NamespaceDoor, type NetlinkRequest, type Reading } from '../host.ts';
import { decodeEach, dumpRequest, tooShort } from './dump.ts';
import { attributeMap, encodeAttribute, encodeMessage, encodeNested, numberOf, textOf, view } from './message.ts';

/** 0: none of that. */
export interface Netem {
  /** Unit: ns. */
  readonly delay: number;
  /** How much more or less than `delay` it may be, all alike often. Unit: ns. */
  readonly jitter: number;
  /** Of the packets. Unit: per cent. */
  readonly loss: number;
  readonly duplicate: number;
  /** Those that are not delayed, and so overtake others. Unit: per cent. */
  readonly reorder: number;
  /** Unit: bits a second. */
  readonly rate: number;
}

/** What is at the root of a link. */
export interface RootQueue {
  readonly ifindex: number;
  /** null: it is no netem. */
  readonly netem: NetemOptions | null;
}

/** As the kernel has it. */
interface NetemOptions {
  /** Unit: ns. Of kernels before 4.15 in whole ticks. */
  readonly delay: number;
  readonly jitter: number;
  /** Of 2^32 - 1. */
  readonly loss: number;
  readonly duplicate: number;
  readonly reorder: number;
  /** Unit: bytes a second. */
  readonly rate: number;
  /** Packets that wait at most. */
  readonly limit: number;
  /** Something else is set, that we never set. */
  readonly hasMore: boolean;
}

/** struct tcmsg: family, index of the link, handle, parent, info. */
const TCMSG_LENGTH = 20;
const [INDEX_AT, PARENT_AT] = [4, 12];
/** struct tc_netem_qopt: latency, limit, loss, gap, duplicate, jitter. */
const QOPT_LENGTH = 24;

const TCA_NETEM_CORR = 1;
const TCA_NETEM_REORDER = 3;
const TCA_NETEM_CORRUPT = 4;
const TCA_NETEM_LOSS = 5;
const TCA_NETEM_RATE = 6;
const TCA_NETEM_ECN = 7;
const TCA_NETEM_LATENCY64 = 10;
const TCA_NETEM_JITTER64 = 11;
const TCA_NETEM_SLOT = 12;

/** Of the kernel's packet scheduler, as the second number of /proc/net/psched has it. Since: Linux 2.6.31. */
const TICK_NS = 64;
const WHOLE = 0xffff_ffff;
/** As tc(8) has it. */
const LIMIT = 1000;

/**
 * In place of whatever is at its root, but for another netem: to change one would leave what is not said as it was.
 * Errors: ENOENT: the kernel has no netem; EOPNOTSUPP: it has no traffic control; EEXIST, EINVAL: there is a netem.
 */
export function encodeNetem(ifindex: number, netem: Netem): NetlinkRequest {
  const { delay, jitter, reorder, rate } = netem;
  const { loss, duplicate, reorder: early, rate: bytes } = optionsOf(netem);
  const base = words(ticks(delay), LIMIT, loss, reorder > 0 ? 1 : 0, duplicate, ticks(jitter));
  const options = [
    base,
    ...(reorder > 0 ? [encodeAttribute(TCA_NETEM_REORDER, words(early, 0))] : []),
    ...(rate > 0 ? [encodeAttribute(TCA_NETEM_RATE, words(bytes, 0, 0, 0))] : []),
    // Since Linux 4.15: what is no whole number of ticks. Those before pass over them.
    ...(delay > 0 ? [encodeAttribute(TCA_NETEM_LATENCY64, long(delay))] : []),
    ...(jitter > 0 ? [encodeAttribute(TCA_NETEM_JITTER64, long(jitter))] : []),
  ];
  const kind = encodeAttribute(TCA_KIND, new TextEncoder().encode('netem\0'));
  return request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_EXCL, [
    header(ifindex),
    kind,
    encodeNested(TCA_OPTIONS, options),
  ]);
}

/** The link gets the one back that the kernel gives it. Errors: ENOENT (gone): it has that already. */
export function encodeRemoveRootQueue(ifindex: number): NetlinkRequest {
  return request(RTM_DELQDISC, 0, [header(ifindex)]);
}

/** Of all links. Errors: EOPNOTSUPP: the kernel has no traffic control. */
export function encodeQueueDump(namespace?: NamespaceDoor): NetlinkRequest {
  return dumpRequest(RTM_GETQDISC, [new Uint8Array(TCMSG_LENGTH)], namespace);
}

export function decodeRootQueues(datagrams: readonly Uint8Array[], what: string): Reading<readonly RootQueue[]> {
  const found = decodeEach(datagrams, RTM_NEWQDISC, what, decodeQueue);
  return found.ok ? value(found.value.filter((each) => each !== null)) : found;
}

/** null: it is below another one. */
function decodeQueue(body: Uint8Array, what: string): Reading<RootQueue | null> {
  if (body.length < TCMSG_LENGTH) return tooShort(body, what);
  if (view(body).getUint32(PARENT_AT, true) !== TC_H_ROOT) return value(null);
  const attributes = attributeMap(body.subarray(TCMSG_LENGTH), what);
  if (!attributes.ok) return attributes;
  const ifindex = view(body).getInt32(INDEX_AT, true);
  const options = attributes.value.get(TCA_OPTIONS);
  if (textOf(attributes.value.get(TCA_KIND)) !== 'netem' || options === undefined)
    return value({ ifindex, netem: null });
  if (options.length < QOPT_LENGTH) return tooShort(options, what);
  const more = attributeMap(options.subarray(QOPT_LENGTH), what);
  return more.ok ? value({ ifindex, netem: decodeOptions(view(options), more.value) }) : more;
}

function decodeOptions(base: DataView, more: ReadonlyMap<number, Uint8Array>): NetemOptions {
  const at = (index: number): number => base.getUint32(4 * index, true);
  const time = (type: number, index: number): number => {
    const exact = more.get(type);
    return exact?.length === 8 ? Number(view(exact).getBigInt64(0, true)) : at(index) * TICK_NS;
  };
  // It has all of these, and those that are not set are 0; the last are there only if they are set.
  const early = more.get(TCA_NETEM_REORDER);
  const rate = more.get(TCA_NETEM_RATE);
  const others = [more.get(TCA_NETEM_CORR), more.get(TCA_NETEM_CORRUPT), early?.subarray(4), rate?.subarray(4)];
  return {
    delay: time(TCA_NETEM_LATENCY64, 0),
    jitter: time(TCA_NETEM_JITTER64, 5),
    loss: at(2),
    duplicate: at(4),
    reorder: at(3) === 0 ? 0 : (numberOf(early?.subarray(0, 4)) ?? WHOLE),
    rate: numberOf(rate?.subarray(0, 4)) ?? 0,
    limit: at(1),
    hasMore:
      at(3) > 1 ||
      others.some((each) => each?.some((byte) => byte !== 0) === true) ||
      [TCA_NETEM_LOSS, TCA_NETEM_ECN, TCA_NETEM_SLOT].some((type) => more.has(type)),
  };
}

/** Is it just so? */
export function isNetem({ netem: found }: RootQueue, wanted: Netem): boolean {
  if (found === null || found.hasMore || found.limit !== LIMIT) return false;
  const { delay, jitter, loss, duplicate, reorder, rate } = optionsOf(wanted);
  const isSame = (one: number, other: number): boolean => Math.abs(one - other) < TICK_NS;
  return (
    isSame(found.delay, delay) &&
    isSame(found.jitter, jitter) &&
    found.loss === loss &&
    found.duplicate === duplicate &&
    found.reorder === reorder &&
    found.rate === rate
  );
}

function optionsOf(netem: Netem): Omit<NetemOptions, 'limit' | 'hasMore'> {
  const share = (percent: number): number => Math.round((percent / 100) * WHOLE);
  const { delay, jitter, loss, duplicate, reorder, rate } = netem;
  return {
    delay,
    jitter,
    loss: share(loss),
    duplicate: share(duplicate),
    reorder: share(reorder),
    rate: Math.round(rate / 8),
  };
}

function ticks(time: number): number {
  return Math.min(Math.round(time / TICK_NS), WHOLE);
}

function request(type: number, flags: number, parts: readonly Uint8Array[]): NetlinkRequest {
  return { protocol: NETLINK_ROUTE, message: encodeMessage(type, NLM_F_REQUEST | NLM_F_ACK | flags, parts) };
}

function header(ifindex: number): Uint8Array {
  const bytes = new Uint8Array(TCMSG_LENGTH);
  view(bytes).setInt32(INDEX_AT, ifindex, true);
  view(bytes).setUint32(PARENT_AT, TC_H_ROOT, true);
  return bytes;
}

function words(...numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * numbers.length);
  for (const [index, number] of numbers.entries()) view(bytes).setUint32(4 * index, number, true);
  return bytes;
}

function long(number: number): Uint8Array {
  const bytes = new Uint8Array(8);
  view(bytes).setBigInt64(0, BigInt(number), true);
  return bytes;
}
