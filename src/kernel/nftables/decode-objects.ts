// NFT_MSG_GETTABLE and its kin: what a network namespace has of nftables. Source: net/netfilter/nf_tables_api.c.
// Since: Linux 3.13. Needs CAP_NET_ADMIN over the namespace. A kernel without nftables says EINVAL or EOPNOTSUPP.

import { NLM_F_DUMP, NLM_F_REQUEST } from '../abi/netlink.ts';
import {
  NETLINK_NETFILTER,
  NFGENMSG_LENGTH,
  NFNL_SUBSYS_NFTABLES,
  NFPROTO,
  NFT_MSG,
  NFT_SET,
  NFT_SET_ELEM_CATCHALL,
  NFT_SET_ELEM_INTERVAL_END,
  NFT_TABLE_F_DORMANT,
  NFT_TABLE_F_OWNER,
  NFTA_CHAIN,
  NFTA_COUNTER,
  NFTA_HOOK,
  NFTA_LIST_ELEM,
  NFTA_OBJ,
  NFTA_RULE,
  NFTA_SET,
  NFTA_SET_DESC_CONCAT,
  NFTA_SET_ELEM,
  NFTA_SET_ELEM_LIST,
  NFTA_SET_FIELD_LEN,
  NFTA_TABLE,
} from '../abi/nftables.ts';
import { gap, value, type NamespaceDoor, type NetlinkRequest, type Reading } from '../host.ts';
import { decodeDump, decodeEach, tooShort } from '../netlink/dump.ts';
import { attributeMap, decodeAttributes, encodeAttribute, encodeMessage, textOf } from '../netlink/message.ts';
import { dataOf, decodeExpression, decodeExpressions, decodeNamed, familyOf } from './decode-expression.ts';
import type { Expression, NftFamily } from './expression.ts';
import { be16, be32, be64, signed32 } from './numbers.ts';
import type { BaseChain, NftChain, NftObject, NftRule, NftSet, NftSetElement, NftTable } from './objects.ts';
import { commentIn } from './userdata.ts';

type Attributes = ReadonlyMap<number, Uint8Array>;

/** What can be listed of all tables at once. */
export type NftListed = 'GETTABLE' | 'GETCHAIN' | 'GETRULE' | 'GETSET' | 'GETOBJ';

export function encodeNftDump(listed: NftListed, namespace?: NamespaceDoor): NetlinkRequest {
  return request(NFT_MSG[listed], 0, [], namespace);
}

/** The elements of one set. */
export function encodeElementDump(
  { family, table, name }: Pick<NftSet, 'family' | 'table' | 'name'>,
  namespace?: NamespaceDoor,
): NetlinkRequest {
  const words = [
    encodeAttribute(NFTA_SET_ELEM_LIST.TABLE, nulEnded(table)),
    encodeAttribute(NFTA_SET_ELEM_LIST.SET, nulEnded(name)),
  ];
  return request(NFT_MSG.GETSETELEM, NFPROTO[family], words, namespace);
}

function nulEnded(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

function request(
  message: number,
  family: number,
  attributes: readonly Uint8Array[],
  namespace: NamespaceDoor | undefined,
): NetlinkRequest {
  const header = new Uint8Array(NFGENMSG_LENGTH);
  header[0] = family;
  const bytes = encodeMessage(messageType(message), NLM_F_REQUEST | NLM_F_DUMP, [header, ...attributes]);
  const where = namespace === undefined ? {} : { namespace };
  return { protocol: NETLINK_NETFILTER, message: bytes, dump: true, ...where };
}

function messageType(message: number): number {
  return (NFNL_SUBSYS_NFTABLES << 8) | message;
}

interface Listed {
  readonly family: NftFamily;
  readonly of: Attributes;
}

/** Those of a family that is not known here are left out: nobody can ask of them. */
function decodeList<T>(
  datagrams: readonly Uint8Array[],
  message: number,
  what: string,
  decode: (listed: Listed, what: string) => Reading<T>,
): Reading<readonly T[]> {
  const all = decodeEach(datagrams, messageType(message), what, (body): Reading<T | null> => {
    if (body.length < NFGENMSG_LENGTH) return tooShort(body, what);
    const family = familyOf(body[0]);
    const attributes = attributeMap(body.subarray(NFGENMSG_LENGTH), what);
    if (!attributes.ok) return attributes;
    return family === undefined ? value(null) : decode({ family, of: attributes.value }, what);
  });
  return all.ok ? value(all.value.filter((one) => one !== null)) : all;
}

/**
 * The number of the rules' generation that each answer is of, the low half of it: one that differs is of other rules.
 * Source: struct nfgenmsg.
 */
export function generationsIn(datagrams: readonly Uint8Array[], what: string): readonly number[] {
  const messages = decodeDump(datagrams, what);
  const bodies = messages.ok ? messages.value.map(({ body }) => body) : [];
  return bodies.flatMap((body) => be16(body.subarray(2, NFGENMSG_LENGTH)) ?? []);
}

export function decodeTables(datagrams: readonly Uint8Array[], what: string): Reading<readonly NftTable[]> {
  return decodeList(datagrams, NFT_MSG.NEWTABLE, what, ({ family, of }) => {
    const name = textOf(of.get(NFTA_TABLE.NAME));
    if (name === null) return without(what, 'table');
    const flags = be32(of.get(NFTA_TABLE.FLAGS)) ?? 0;
    return value({
      family,
      name,
      handle: be64(of.get(NFTA_TABLE.HANDLE)) ?? 0n,
      isDormant: (flags & NFT_TABLE_F_DORMANT) !== 0,
      isOwned: (flags & NFT_TABLE_F_OWNER) !== 0,
      comment: commentIn(of.get(NFTA_TABLE.USERDATA)),
    });
  });
}

function without(what: string, kind: string): Reading<never> {
  return gap({ reason: 'malformed', what, text: `a ${kind} without a name` });
}

export function decodeChains(datagrams: readonly Uint8Array[], what: string): Reading<readonly NftChain[]> {
  return decodeList(datagrams, NFT_MSG.NEWCHAIN, what, ({ family, of }) => {
    const name = textOf(of.get(NFTA_CHAIN.NAME));
    const table = textOf(of.get(NFTA_CHAIN.TABLE));
    if (name === null || table === null) return without(what, 'chain');
    const base = baseOf(of, what);
    if (!base.ok) return base;
    const handle = be64(of.get(NFTA_CHAIN.HANDLE)) ?? 0n;
    return value({ family, table, name, handle, base: base.value, comment: commentIn(of.get(NFTA_CHAIN.USERDATA)) });
  });
}

const NF_DROP = 0;

function baseOf(of: Attributes, what: string): Reading<BaseChain | null> {
  const bytes = of.get(NFTA_CHAIN.HOOK);
  if (bytes === undefined) return value(null);
  const hook = attributeMap(bytes, what);
  if (!hook.ok) return hook;
  const list = decodeAttributes(hook.value.get(NFTA_HOOK.DEVS) ?? new Uint8Array(), what);
  if (!list.ok) return list;
  const single = textOf(hook.value.get(NFTA_HOOK.DEV));
  const several = list.value.flatMap(({ body }) => textOf(body) ?? []);
  const counters = attributeMap(of.get(NFTA_CHAIN.COUNTERS) ?? new Uint8Array(), what);
  if (!counters.ok) return counters;
  const packets = be64(counters.value.get(NFTA_COUNTER.PACKETS));
  const octets = be64(counters.value.get(NFTA_COUNTER.BYTES));
  return value({
    hook: be32(hook.value.get(NFTA_HOOK.HOOKNUM)) ?? 0,
    priority: signed32(hook.value.get(NFTA_HOOK.PRIORITY)) ?? 0,
    type: textOf(of.get(NFTA_CHAIN.TYPE)) ?? 'filter',
    policy: be32(of.get(NFTA_CHAIN.POLICY)) === NF_DROP ? 'drop' : 'accept',
    devices: several.length > 0 || single === null ? several : [single],
    counters: packets === undefined || octets === undefined ? null : { packets, bytes: octets },
  });
}

export function decodeNftRules(datagrams: readonly Uint8Array[], what: string): Reading<readonly NftRule[]> {
  return decodeList(datagrams, NFT_MSG.NEWRULE, what, ({ family, of }) => {
    const chain = textOf(of.get(NFTA_RULE.CHAIN));
    const table = textOf(of.get(NFTA_RULE.TABLE));
    if (chain === null || table === null) return without(what, 'rule');
    const expressions = decodeExpressions(of.get(NFTA_RULE.EXPRESSIONS) ?? new Uint8Array(), what);
    if (!expressions.ok) return expressions;
    const handle = be64(of.get(NFTA_RULE.HANDLE)) ?? 0n;
    const comment = commentIn(of.get(NFTA_RULE.USERDATA));
    return value({ family, table, chain, handle, expressions: expressions.value, comment });
  });
}

/** Without their elements. */
export function decodeSets(datagrams: readonly Uint8Array[], what: string): Reading<readonly NftSet[]> {
  return decodeList(datagrams, NFT_MSG.NEWSET, what, ({ family, of }) => {
    const name = textOf(of.get(NFTA_SET.NAME));
    const table = textOf(of.get(NFTA_SET.TABLE));
    if (name === null || table === null) return without(what, 'set');
    const parts = partsOf(of.get(NFTA_SET.DESC), what);
    if (!parts.ok) return parts;
    const flags = be32(of.get(NFTA_SET.FLAGS)) ?? 0;
    const has = (flag: number): boolean => (flags & flag) !== 0;
    return value({
      family,
      table,
      name,
      handle: be64(of.get(NFTA_SET.HANDLE)) ?? 0n,
      isAnonymous: has(NFT_SET.ANONYMOUS),
      isConstant: has(NFT_SET.CONSTANT),
      isInterval: has(NFT_SET.INTERVAL),
      isMap: has(NFT_SET.MAP) || has(NFT_SET.OBJECT),
      isDynamic: has(NFT_SET.EVAL),
      hasTimeout: has(NFT_SET.TIMEOUT),
      parts: parts.value,
      keyType: be32(of.get(NFTA_SET.KEY_TYPE)) ?? 0,
      keyLength: be32(of.get(NFTA_SET.KEY_LEN)) ?? 0,
      dataType: be32(of.get(NFTA_SET.DATA_TYPE)) ?? null,
      dataLength: be32(of.get(NFTA_SET.DATA_LEN)) ?? null,
      elements: null,
    });
  });
}

/** Of concatenations with ranges the lengths of their parts. */
function partsOf(bytes: Uint8Array | undefined, what: string): Reading<readonly number[]> {
  const description = attributeMap(bytes ?? new Uint8Array(), what);
  if (!description.ok) return description;
  const list = decodeAttributes(description.value.get(NFTA_SET_DESC_CONCAT) ?? new Uint8Array(), what);
  if (!list.ok) return list;
  const lengths: number[] = [];
  for (const { body } of list.value) {
    const field = attributeMap(body, what);
    if (!field.ok) return field;
    lengths.push(be32(field.value.get(NFTA_SET_FIELD_LEN)) ?? 0);
  }
  return value(lengths);
}

export function decodeSetElements(datagrams: readonly Uint8Array[], what: string): Reading<readonly NftSetElement[]> {
  const lists = decodeList(datagrams, NFT_MSG.NEWSETELEM, what, ({ of }) => {
    const list = decodeAttributes(of.get(NFTA_SET_ELEM_LIST.ELEMENTS) ?? new Uint8Array(), what);
    if (!list.ok) return list;
    const elements: NftSetElement[] = [];
    for (const { type, body } of list.value) {
      if (type !== NFTA_LIST_ELEM) continue;
      const element = elementOf(body, what);
      if (!element.ok) return element;
      elements.push(element.value);
    }
    return value(elements);
  });
  return lists.ok ? value(lists.value.flat()) : lists;
}

function elementOf(bytes: Uint8Array, what: string): Reading<NftSetElement> {
  const attributes = attributeMap(bytes, what);
  if (!attributes.ok) return attributes;
  const of = attributes.value;
  const expressions = elementExpressions(of, what);
  if (!expressions.ok) return expressions;
  const flags = be32(of.get(NFTA_SET_ELEM.FLAGS)) ?? 0;
  const keyOf = (type: number): Uint8Array | null => {
    const data = dataOf(of.get(type), what);
    return data !== undefined && 'bytes' in data ? data.bytes : null;
  };
  const object = textOf(of.get(NFTA_SET_ELEM.OBJREF));
  return value({
    key: keyOf(NFTA_SET_ELEM.KEY) ?? new Uint8Array(),
    keyEnd: keyOf(NFTA_SET_ELEM.KEY_END),
    data: dataOf(of.get(NFTA_SET_ELEM.DATA), what) ?? null,
    object,
    isEnd: (flags & NFT_SET_ELEM_INTERVAL_END) !== 0,
    isCatchAll: (flags & NFT_SET_ELEM_CATCHALL) !== 0,
    timeout: be64(of.get(NFTA_SET_ELEM.TIMEOUT)) ?? null,
    expires: be64(of.get(NFTA_SET_ELEM.EXPIRATION)) ?? null,
    comment: commentIn(of.get(NFTA_SET_ELEM.USERDATA)),
    expressions: expressions.value,
  });
}

function elementExpressions(of: Attributes, what: string): Reading<readonly Expression[]> {
  const single = of.get(NFTA_SET_ELEM.EXPR);
  if (single === undefined) return decodeExpressions(of.get(NFTA_SET_ELEM.EXPRESSIONS) ?? new Uint8Array(), what);
  const one = decodeExpression(single, what);
  return one.ok ? value([one.value]) : one;
}

/** NFT_OBJECT_*, those that have an instruction of the same attributes. */
const OBJECT_EXPRESSIONS: Readonly<Record<number, string>> = { 1: 'counter', 2: 'quota', 4: 'limit', 5: 'connlimit' };

export function decodeObjects(datagrams: readonly Uint8Array[], what: string): Reading<readonly NftObject[]> {
  return decodeList(datagrams, NFT_MSG.NEWOBJ, what, ({ family, of }) => {
    const name = textOf(of.get(NFTA_OBJ.NAME));
    const table = textOf(of.get(NFTA_OBJ.TABLE));
    if (name === null || table === null) return without(what, 'object');
    const type = be32(of.get(NFTA_OBJ.TYPE)) ?? 0;
    const expression = objectExpression(type, of.get(NFTA_OBJ.DATA), what);
    return expression.ok ? value({ family, table, name, type, expression: expression.value }) : expression;
  });
}

function objectExpression(type: number, data: Uint8Array | undefined, what: string): Reading<Expression | null> {
  const name = OBJECT_EXPRESSIONS[type];
  return name === undefined || data === undefined ? value(null) : decodeNamed(name, data, what);
}
