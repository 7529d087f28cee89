// The tables of nftables of a snapshot, each as one batch: it is made whole or not at all.

import { withCompat } from '../kernel/nftables/compat.ts';
import { familyOf } from '../kernel/nftables/decode-expression.ts';
import { encodeNftObject, NFT_SORTS, type NftObject } from '../kernel/nftables/raw-objects.ts';
import { toHex, type MessageRecord } from '../kernel/netlink/layout.ts';
import type { ReplayStep } from '../kernel/replay-plan.ts';

export function nftSteps(objects: readonly NftObject[], at: string): readonly ReplayStep[] {
  const tables = new Map<string, NftObject[]>();
  for (const object of objects) {
    const table = tableOf(object);
    const known = tables.get(table);
    if (known === undefined) tables.set(table, [object]);
    else known.push(object);
  }
  return [...tables].map(([table, all]): ReplayStep => {
    const messages = inOrder(all).map((object) => ({ what: objectText(object), message: encodeNftObject(object) }));
    return { op: 'nftables', at, what: `nftables: table ${table}`, messages };
  });
}

function tableOf({ sort, record }: NftObject): string {
  const family = Number(record['family']);
  return `${familyOf(family) ?? family} ${textOf(record[sort === 'table' ? 'name' : 'table'])}`;
}

function textOf(field: unknown): string {
  return typeof field === 'string' ? field : '';
}

function objectText({ sort, record }: NftObject): string {
  return `${sort} ${textOf(record['name'] ?? record['set'] ?? record['chain'])}`;
}

/** NFT_TABLE_F_OWNER and _PERSIST: it would go with our socket. */
const OWNED_FLAGS = 2 | 4;
/** NFT_CHAIN_BINDING: it has no name of its own, and is part of the rule that goes there. */
const PART_OF_RULE = 4;

/**
 * What is named before who names it. A chain that is part of a rule is filled before that rule is made, and by a number
 * that only counts in the batch.
 */
function inOrder(all: readonly NftObject[]): readonly NftObject[] {
  const parts = new Map<string, number>();
  for (const { sort, record } of all)
    if (sort === 'chain' && (Number(record['flags'] ?? 0) & PART_OF_RULE) !== 0)
      parts.set(textOf(record['name']), parts.size + 1);
  const made = NFT_SORTS.flatMap((sort) => all.filter((each) => each.sort === sort));
  const rules = made.filter(({ sort }) => sort === 'rule');
  return [
    ...made.filter(({ sort }) => sort !== 'rule').map((object, index) => makeable(object, index, parts)),
    ...innermostFirst(rules, parts).map((rule) => makeable(rule, 0, parts)),
  ];
}

function innermostFirst(rules: readonly NftObject[], parts: ReadonlyMap<string, number>): readonly NftObject[] {
  if (parts.size === 0) return rules;
  const chainOf = ({ record }: NftObject): string => textOf(record['chain']);
  const ordered: NftObject[] = [];
  const begun = new Set<string>();
  const fill = (chain: string): void => {
    if (begun.has(chain)) return;
    begun.add(chain);
    const own = rules.filter((rule) => chainOf(rule) === chain);
    for (const part of parts.keys()) if (own.some((rule) => names(rule, part))) fill(part);
    ordered.push(...own);
  };
  for (const part of parts.keys()) fill(part);
  return [...ordered, ...rules.filter((rule) => !begun.has(chainOf(rule)))];
}

/** The name of a chain stands in a rule with its end, a NUL. */
function names({ record }: NftObject, chain: string): boolean {
  return textOf(record['expressions']).includes(toHex(new TextEncoder().encode(`${chain}\0`)));
}

function makeable({ sort, record }: NftObject, index: number, parts: ReadonlyMap<string, number>): NftObject {
  switch (sort) {
    case 'table':
      return { sort, record: { ...record, flags: Number(record['flags'] ?? 0) & ~OWNED_FLAGS } };
    case 'set':
      // By this number rules of the same batch could name it; it has to have one.
      return { sort, record: { ...record, id: index + 1 } };
    case 'chain': {
      const id = parts.get(textOf(record['name']));
      return { sort, record: id === undefined ? record : { ...record, id } };
    }
    case 'rule':
      return { sort, record: byNumber(withCompat(record), parts) };
    case 'object':
    case 'flowtable':
    case 'element':
      return { sort, record };
  }
}

function byNumber(rule: MessageRecord, parts: ReadonlyMap<string, number>): MessageRecord {
  const { chain, ...rest } = rule;
  const id = parts.get(textOf(chain));
  return id === undefined ? rule : { ...rest, chain_id: id };
}
