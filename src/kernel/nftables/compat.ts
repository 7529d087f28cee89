// Rules of iptables-nft: a match or target of xtables is told its protocol besides the rule (NFTA_RULE_COMPAT), which the
// kernel does not tell again. It is found in the rule, where iptables-nft compares it. Source: net/netfilter/nft_compat.c
// nft_parse_compat(), iptables/nft.c add_compat().

import { joined, fromHex, toHex, type MessageRecord } from '../netlink/layout.ts';
import { attributeMap, decodeAttributes, encodeAttribute, textOf, view } from '../netlink/message.ts';

const NFTA_LIST_ELEM = 1;
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;
const NFTA_CMP_SREG = 1;
const NFTA_CMP_DATA = 3;
const NFTA_DATA_VALUE = 1;
const NFTA_META_DREG = 1;
const NFTA_META_KEY = 2;
const NFT_META_L4PROTO = 16;
const NFTA_PAYLOAD_DREG = 1;
const NFTA_PAYLOAD_BASE = 2;
const NFTA_PAYLOAD_OFFSET = 3;
const NFTA_PAYLOAD_LENGTH = 4;
const NETWORK_HEADER = 1;
const IPV4_PROTOCOL = 9;
const IPV6_NEXT_HEADER = 6;
const NFTA_RULE_COMPAT_PROTO = 1;
const NFTA_RULE_COMPAT_FLAGS = 2;
const WHAT = 'rule';

type Fields = ReadonlyMap<number, Uint8Array>;

interface Expression {
  readonly name: string;
  readonly data: Fields;
}

/** The record of a rule, with what its matches and targets have to be told. */
export function withCompat(record: MessageRecord): MessageRecord {
  const { expressions, compat } = record;
  const all = typeof expressions === 'string' && compat === undefined ? expressionsOf(fromHex(expressions)) : [];
  if (!all.some(({ name }) => name === 'match' || name === 'target')) return record;
  const protocol = protocolOf(all);
  if (protocol === undefined) return record;
  const words = [
    encodeAttribute(NFTA_RULE_COMPAT_PROTO, be32(protocol)),
    encodeAttribute(NFTA_RULE_COMPAT_FLAGS, be32(0)),
  ];
  return { ...record, compat: toHex(joined(words)) };
}

function be32(number: number): Uint8Array {
  const bytes = new Uint8Array(4);
  view(bytes).setUint32(0, number, false);
  return bytes;
}

function expressionsOf(bytes: Uint8Array | undefined): readonly Expression[] {
  const list = decodeAttributes(bytes ?? new Uint8Array(), WHAT);
  if (!list.ok) return [];
  return list.value.flatMap(({ type, body }) => {
    const fields = fieldsOf(body);
    const name = textOf(fields.get(NFTA_EXPR_NAME));
    return type === NFTA_LIST_ELEM && name !== null ? [{ name, data: fieldsOf(fields.get(NFTA_EXPR_DATA)) }] : [];
  });
}

function fieldsOf(body: Uint8Array | undefined): Fields {
  const fields = attributeMap(body ?? new Uint8Array(), WHAT);
  return fields.ok ? fields.value : new Map<number, Uint8Array>();
}

function number(fields: Fields, type: number): number | undefined {
  const body = fields.get(type);
  return body?.length === 4 ? view(body).getUint32(0, false) : undefined;
}

/** The one that is compared right after it was loaded. */
function protocolOf(all: readonly Expression[]): number | undefined {
  for (const [at, { name, data }] of all.entries()) {
    const next = all[at + 1];
    if (next?.name !== 'cmp' || !loadsProtocol(name, data)) continue;
    const register = number(data, name === 'meta' ? NFTA_META_DREG : NFTA_PAYLOAD_DREG);
    const compared = fieldsOf(next.data.get(NFTA_CMP_DATA)).get(NFTA_DATA_VALUE);
    if (number(next.data, NFTA_CMP_SREG) === register && compared?.length === 1) return compared[0];
  }
  return undefined;
}

function loadsProtocol(name: string, data: Fields): boolean {
  if (name === 'meta') return number(data, NFTA_META_KEY) === NFT_META_L4PROTO;
  if (name !== 'payload' || number(data, NFTA_PAYLOAD_BASE) !== NETWORK_HEADER) return false;
  const offset = number(data, NFTA_PAYLOAD_OFFSET);
  return number(data, NFTA_PAYLOAD_LENGTH) === 1 && (offset === IPV4_PROTOCOL || offset === IPV6_NEXT_HEADER);
}
