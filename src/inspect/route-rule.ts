// Policy rules and tables of routes as ip-rule(8) writes them.

import { value, type Reading } from '../kernel/host.ts';
import type { NumberRange, Rule } from '../kernel/netlink/rules.ts';

/** The table that routes are in unless told otherwise. */
export const TABLE_MAIN = 254;
/** The table of a namespace's own addresses, which the kernel fills by itself. */
export const TABLE_LOCAL = 255;

const TABLE_NAMES = new Map([
  [253, 'default'],
  [TABLE_MAIN, 'main'],
  [TABLE_LOCAL, 'local'],
]);

/** Other names are in files that every mount namespace has its own of. */
export function tableName(table: number): string {
  return TABLE_NAMES.get(table) ?? String(table);
}

/** A kernel without policy routing has no rules: that is no gap. */
export function rulesOrNone(rules: Reading<readonly Rule[]>): Reading<readonly Rule[]> {
  return !rules.ok && rules.gap.errno === 'EOPNOTSUPP' ? value([]) : rules;
}

/** Without its priority: `from 10.0.0.0/8 lookup 100`. */
export function ruleText(rule: Rule): string {
  const words = [
    rule.inverted ? 'not' : '',
    `from ${rule.source ?? 'all'}`,
    named('to', rule.destination),
    rule.tos === null ? '' : `tos ${hex(rule.tos)}`,
    rule.mark === null ? '' : `fwmark ${markText(rule.mark)}`,
    named('iif', rule.iif),
    named('oif', rule.oif),
    rule.uids === null ? '' : `uidrange ${rule.uids.first}-${rule.uids.last}`,
    rule.ipProtocol === null ? '' : `ipproto ${PROTOCOLS.get(rule.ipProtocol) ?? rule.ipProtocol}`,
    portsText('sport', rule.sourcePorts, rule.sourcePortMask),
    portsText('dport', rule.destinationPorts, rule.destinationPortMask),
    named('tun_id', rule.tunnel),
    rule.others.length === 0 ? '' : `(and attribute ${rule.others.join(', ')})`,
    actionText(rule),
    named('suppress_prefixlength', rule.suppressPrefixLength),
    named('suppress_ifgroup', rule.suppressGroup),
  ];
  return words.filter((word) => word !== '').join(' ');
}

const DEFAULTS: Readonly<Record<Rule['family'], readonly string[]>> = {
  inet: ['0: from all lookup local', '32766: from all lookup main', '32767: from all lookup default'],
  inet6: ['0: from all lookup local', '32766: from all lookup main'],
};

/** Without the rules that every network namespace starts with, where a family still has all of these. */
export function unusualRules(rules: readonly Rule[]): readonly Rule[] {
  const textOf = (rule: Rule): string => `${rule.priority}: ${ruleText(rule)}`;
  const families = Object.entries(DEFAULTS).flatMap(([family, usual]) => {
    const own = rules.filter((rule) => rule.family === family);
    const texts = new Set(own.map(textOf));
    const isUsual = usual.every((text) => texts.has(text));
    return isUsual ? own.filter((rule) => !usual.includes(textOf(rule))) : own;
  });
  return families;
}

const PROTOCOLS = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [58, 'ipv6-icmp'],
  [132, 'sctp'],
]);

function named(word: string, what: string | number | bigint | null): string {
  return what === null ? '' : `${word} ${what}`;
}

function hex(number: number): string {
  return `0x${number.toString(16)}`;
}

function markText({ value: mark, mask }: NonNullable<Rule['mark']>): string {
  return mask === 0xffff_ffff ? hex(mark) : `${hex(mark)}/${hex(mask)}`;
}

function portsText(word: string, range: NumberRange | null, mask: number | null): string {
  if (range === null) return '';
  if (mask !== null) return `${word} ${hex(range.first)}/${hex(mask)}`;
  return range.first === range.last ? `${word} ${range.first}` : `${word} ${range.first}-${range.last}`;
}

function actionText({ action, table, isOfVrf, target }: Rule): string {
  if (isOfVrf) return 'lookup [l3mdev-table]';
  if (action === 'lookup') return `lookup ${table === null ? '-' : tableName(table)}`;
  return action === 'goto' ? `goto ${target ?? '-'}` : action;
}
