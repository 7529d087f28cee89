// What a rule does beyond comparing, as nft(8) writes it.

import type { Expression, NftFamily } from '../../kernel/nftables/expression.ts';
import type { ValueType } from './value-text.ts';

type Of<Kind extends Expression['kind']> = Extract<Expression, { readonly kind: Kind }>;

const PERIODS: Readonly<Record<string, string>> = {
  1: 'second',
  60: 'minute',
  3600: 'hour',
  86400: 'day',
  604800: 'week',
};
const DEFAULT_BURST = 5;

export function limitText({ rate, per, burst, of, over }: Of<'limit'>): string {
  const period = PERIODS[String(per)] ?? `${per} seconds`;
  const amount = of === 'packets' ? String(rate) : sizeText(rate);
  const hasBurst = burst !== (of === 'packets' ? DEFAULT_BURST : 0);
  const extra = hasBurst ? ` burst ${of === 'packets' ? `${burst} packets` : sizeText(BigInt(burst))}` : '';
  return `limit rate ${over ? 'over ' : ''}${amount}/${period}${extra}`;
}

const SIZES = ['bytes', 'kbytes', 'mbytes'];

function sizeText(bytes: bigint): string {
  let [number, at] = [bytes, 0];
  while (number > 0n && number % 1024n === 0n && at < SIZES.length - 1) [number, at] = [number / 1024n, at + 1];
  return `${number} ${SIZES[at]}`;
}

export function quotaText({ bytes, used, over }: Of<'quota'>): string {
  return `quota ${over ? 'over ' : ''}${sizeText(bytes)}${used === 0n ? '' : ` used ${sizeText(used)}`}`;
}

const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug', 'audit'];
const DEFAULT_LEVEL = 4;

export function logText({ prefix, group, snaplen, threshold, level, flags }: Of<'log'>): string {
  const words = ['log'];
  if (prefix !== null) words.push(`prefix "${prefix}"`);
  if (group !== null) words.push(`group ${group}`);
  if (snaplen !== null && snaplen > 0) words.push(`snaplen ${snaplen}`);
  if (threshold !== null && threshold > 0) words.push(`queue-threshold ${threshold}`);
  if (group === null && level !== null && level !== DEFAULT_LEVEL) words.push(`level ${LEVELS[level] ?? level}`);
  if (flags !== 0) words.push(flags === ALL_FLAGS ? 'flags all' : `flags 0x${flags.toString(16)}`);
  return words.join(' ');
}

/** NF_LOG_*. */
const ALL_FLAGS = 0x2f;
const QUEUE_FLAGS = ['bypass', 'fanout'];

export function queueText({ from, count, flags }: Of<'queue'>): string {
  const names = QUEUE_FLAGS.filter((_, bit) => (flags & (1 << bit)) !== 0);
  const words = names.length === 0 ? '' : ` flags ${names.join(',')}`;
  return `queue${words} to ${count > 1 ? `${from}-${from + count - 1}` : from}`;
}

const ICMP_CODES: Readonly<Record<number, string>> = {
  0: 'net-unreachable',
  1: 'host-unreachable',
  2: 'prot-unreachable',
  3: 'port-unreachable',
  9: 'net-prohibited',
  10: 'host-prohibited',
  13: 'admin-prohibited',
};
const ICMPV6_CODES: Readonly<Record<number, string>> = {
  0: 'no-route',
  1: 'admin-prohibited',
  3: 'addr-unreachable',
  4: 'port-unreachable',
  5: 'policy-fail',
  6: 'reject-route',
};
const ICMPX_CODES: Readonly<Record<number, string>> = {
  0: 'no-route',
  1: 'port-unreachable',
  2: 'host-unreachable',
  3: 'admin-prohibited',
};

/** What is done where nothing is said is not said. */
export function rejectText({ type, code }: Of<'reject'>, family: NftFamily): string {
  if (type === 'tcp reset') return 'reject with tcp reset';
  if (type === 'icmpx') return code === 1 ? 'reject' : `reject with icmpx ${ICMPX_CODES[code] ?? code}`;
  const [word, names] = family === 'ip6' ? (['icmpv6', ICMPV6_CODES] as const) : (['icmp', ICMP_CODES] as const);
  const name = names[code];
  return name === 'port-unreachable' && family !== 'inet' ? 'reject' : `reject with ${word} ${name ?? code}`;
}

/** NF_NAT_RANGE_*, as far as nft has words. */
const NAT_FLAGS: readonly (readonly [bit: number, name: string])[] = [
  [4, 'random'],
  [0x10, 'fully-random'],
  [8, 'persistent'],
];

export function natText(
  expression: Of<'nat' | 'masquerade' | 'redirect'>,
  table: NftFamily,
  textAt: (register: number | null, type: ValueType) => string | null,
): string {
  const isNat = expression.kind === 'nat';
  const word = isNat ? expression.type : expression.kind;
  const family = isNat && table === 'inet' && expression.family !== 'inet' ? ` ${expression.family}` : '';
  const names = NAT_FLAGS.filter(([bit]) => (expression.flags & bit) !== 0).map(([, name]) => name);
  const where = natTarget(expression, textAt);
  return `${word}${family}${where === '' ? '' : ` to ${where}`}${names.length === 0 ? '' : ` ${names.join(',')}`}`;
}

function natTarget(
  expression: Of<'nat' | 'masquerade' | 'redirect'>,
  textAt: (register: number | null, type: ValueType) => string | null,
): string {
  const port = span(textAt(expression.port, 'port'), textAt(expression.portEnd, 'port'));
  if (expression.kind !== 'nat') return port === null ? '' : `:${port}`;
  const address = span(textAt(expression.address, 'address'), textAt(expression.addressEnd, 'address'));
  if (port === null) return address ?? '';
  if (address === null) return `:${port}`;
  return `${address.includes(':') && !address.includes(' ') ? `[${address}]` : address}:${port}`;
}

function span(from: string | null, to: string | null): string | null {
  return from === null || to === null || from === to ? from : `${from}-${to}`;
}
