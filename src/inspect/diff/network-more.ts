// What is in a network namespace besides links and routes: permanent neighbours, nftables, settings.
//
// Rules are compared by their text, elements by their bytes, both without what they count.

import { gap, value, type Gap, type Reading } from '../../kernel/host.ts';
import { RTM_GETNEIGH, RTM_NEWNEIGH } from '../../kernel/abi/netlink.ts';
import { decodeEach, dumpRequest } from '../../kernel/netlink/dump.ts';
import { decodeRecord, fromHex, toHex, type MessageRecord } from '../../kernel/netlink/layout.ts';
import { NEIGHBOUR_LAYOUT } from '../../kernel/netlink/layouts.ts';
import { decodeAttributes, textOf } from '../../kernel/netlink/message.ts';
import { familyOf } from '../../kernel/nftables/decode-expression.ts';
import { decodeNftDump, encodeNftDump, NFT_SORTS, type NftObject } from '../../kernel/nftables/raw-objects.ts';
import { readRuleset } from '../../network/firewall/read-ruleset.ts';
import { ruleText } from '../../network/firewall/rule-text.ts';
import type { Ruleset } from '../../network/firewall/ruleset.ts';
import { besidesOf } from '../../network/snapshot-besides.ts';
import type { Fact, Section } from './fact.ts';
import { isOurs, type SeenNamespace, type Side } from './side.ts';

export function moreNetworkSections(
  side: Side,
  namespace: SeenNamespace,
  nameOf: (ifindex: number) => string,
): readonly Section[] {
  const door = isOurs(side.host, namespace) ? undefined : (namespace.door ?? undefined);
  return [
    { subject: 'neighbour list', facts: neighbours(side, door, nameOf) },
    { subject: 'firewall', facts: firewall(side, door) },
    { subject: 'network settings', facts: settings(side, namespace, door) },
    ...besidesOf(side.host, door, nameOf).map(({ what, found }): Section => {
      const facts = found.ok
        ? value(found.value.length === 0 ? [] : [{ what, name: null, value: found.value }])
        : found;
      return { subject: `count of ${what}`, facts };
    }),
  ];
}

const NDMSG_LENGTH = 12;
const NUD_PERMANENT = 0x80;

function neighbours(
  { host }: Side,
  door: string | undefined,
  nameOf: (ifindex: number) => string,
): Reading<readonly Fact[]> {
  const answer = host.netlink(dumpRequest(RTM_GETNEIGH, [new Uint8Array(NDMSG_LENGTH)], door));
  const decoded = answer.ok
    ? decodeEach(answer.value, RTM_NEWNEIGH, 'neighbours', (body, what) => decodeRecord(NEIGHBOUR_LAYOUT, body, what))
    : answer;
  if (!decoded.ok) return decoded;
  const permanent = decoded.value.filter(({ record }) => (Number(record['state']) & NUD_PERMANENT) !== 0);
  return value(
    permanent.map(({ record: { dst, lladdr, ifindex } }): Fact => {
      return { what: 'neighbour', name: `${word(dst)} on ${nameOf(Number(ifindex))}`, value: word(lladdr) };
    }),
  );
}

function word(field: unknown): string {
  return typeof field === 'string' || typeof field === 'number' ? String(field) : '';
}

function firewall({ host }: Side, door: string | undefined): Reading<readonly Fact[]> {
  const objects: NftObject[] = [];
  for (const sort of NFT_SORTS) {
    const sets = sort === 'element' ? objects.filter((each) => each.sort === 'set') : [undefined];
    for (const set of sets) {
      const answer = host.netlink(encodeNftDump(sort, door, set?.record));
      const decoded = answer.ok ? decodeNftDump(sort, answer.value, 'nftables') : answer;
      if (decoded.ok) objects.push(...decoded.value.map(({ object }) => object));
      else if (!isLacking(decoded.gap)) return decoded;
    }
  }
  const places = new Map<string, number>();
  const texts = ruleTexts(readRuleset(host, door));
  return value(
    objects.flatMap(({ sort, record }): readonly Fact[] => {
      const family = familyOf(Number(record['family'])) ?? word(record['family']);
      const name = [family, ...[record['table'], record['chain'] ?? record['set'], record['name']].map(word)];
      const whole = name.filter((part) => part !== '').join(' ');
      const place = (places.get(`${sort} ${whole}`) ?? 0) + 1;
      places.set(`${sort} ${whole}`, place);
      if (sort === 'rule')
        return [
          { what: 'nft rule', name: `${whole} ${place}`, value: texts.get(`${whole} ${place}`) ?? ruleValue(record) },
        ];
      if (sort === 'element') return [{ what: 'nft elements', name: whole, value: elementsValue(record) }];
      return [{ what: `nft ${sort}`, name: whole, value: objectValue(record) }];
    }),
  );
}

/** A kernel without nftables has no rules of it. */
function isLacking({ errno }: Gap): boolean {
  return errno === 'EINVAL' || errno === 'EOPNOTSUPP' || errno === 'EPROTONOSUPPORT';
}

const NAMES: ReadonlySet<string> = new Set(['family', 'table', 'name', 'counters', 'data']);

function objectValue(record: MessageRecord): readonly string[] {
  const parts = Object.entries(record).flatMap(([key, field]) => (NAMES.has(key) ? [] : [`${key} ${word(field)}`]));
  return parts.length === 0 ? ['present'] : parts;
}

/**
 * As nft(8) has them, by family, table, chain and place in it; without what they count. Those with an expression that we
 * do not know are left out: two that differ could read the same.
 */
function ruleTexts({ tables, links }: Ruleset): ReadonlyMap<string, string> {
  const names = new Map(links.map(({ ifindex, name }) => [ifindex, name]));
  const texts = new Map<string, string>();
  for (const table of tables) {
    for (const [chain, rules] of table.rules) {
      for (const [at, rule] of rules.entries()) {
        if (rule.expressions.some(({ kind }) => kind === 'unknown')) continue;
        const text = ruleText(rule, table, names).replaceAll(/counter packets \d+ bytes \d+/g, 'counter');
        texts.set(`${table.family} ${table.name} ${chain} ${at + 1}`, text === '' ? 'nothing' : text);
      }
    }
  }
  return texts;
}

const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;
/** They count, or remember when. */
const COUNTING = new Set(['counter', 'quota', 'last']);

function ruleValue({ expressions }: MessageRecord): string {
  const list = decodeAttributes(fromHex(word(expressions)) ?? new Uint8Array(), 'rule');
  const parts = list.ok ? list.value.map(({ body }) => expressionText(body)) : [];
  return parts.length === 0 ? 'nothing' : parts.join(' ');
}

function expressionText(body: Uint8Array): string {
  const attributes = decodeAttributes(body, 'expression');
  const of = (type: number): Uint8Array | undefined =>
    attributes.ok ? attributes.value.find((each) => each.type === type)?.body : undefined;
  const name = textOf(of(NFTA_EXPR_NAME)) ?? '?';
  return COUNTING.has(name) ? name : `${name}:${toHex(of(NFTA_EXPR_DATA) ?? new Uint8Array())}`;
}

/** NFTA_SET_ELEM_KEY, _DATA, _FLAGS, _OBJREF, _KEY_END: what an element is, not what became of it. */
const OF_ELEMENT: ReadonlySet<number> = new Set([1, 2, 3, 9, 10]);

function elementsValue({ elements }: MessageRecord): readonly string[] {
  const list = decodeAttributes(fromHex(word(elements)) ?? new Uint8Array(), 'elements');
  if (!list.ok) return [];
  return list.value.map(({ body }) => {
    const attributes = decodeAttributes(body, 'element');
    const own = attributes.ok ? attributes.value.filter(({ type }) => OF_ELEMENT.has(type)) : [];
    return own.map((each) => `${each.type}:${toHex(each.body)}`).join(' ');
  });
}

/** That of a device only where it is not what new ones get. */
function settings({ host }: Side, { door: own }: SeenNamespace, door: string | undefined): Reading<readonly Fact[]> {
  const at = door ?? own;
  if (at === null) return gap({ reason: 'unsupported', what: 'no way to it was found' });
  const answer = host.networkSettings(at);
  if (!answer.ok) return answer;
  const { values } = answer.value;
  const told = Object.entries(values).filter(([key, text]) => {
    const [, before, device, leaf] = /^([^/]+\/(?:conf|neigh)\/)([^/]+)(\/.*)$/.exec(key) ?? [];
    const isOfDevice = device !== undefined && device !== 'all' && device !== 'default';
    return !isOfDevice || text !== values[`${before ?? ''}default${leaf ?? ''}`];
  });
  return value(told.map(([key, text]) => ({ what: 'setting', name: `net.${key.replaceAll('/', '.')}`, value: text })));
}
