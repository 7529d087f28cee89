// Rules of iptables-nft: a match or target of xtables is told its protocol besides the rule (NFTA_RULE_COMPAT), which the
// kernel does not tell again. It is found in the rule, where iptables-nft compares it. Source: net/netfilter/nft_compat.c
// nft_parse_compat(), iptables/nft.c add_compat().

import { NFT_PAYLOAD_NETWORK_HEADER, NFTA_RULE_COMPAT_FLAGS, NFTA_RULE_COMPAT_PROTO } from '../abi/netfilter.ts';
import {
  NFT_META_KEYS,
  NFTA_CMP,
  NFTA_DATA,
  NFTA_EXPR,
  NFTA_LIST_ELEM,
  NFTA_META,
  NFTA_PAYLOAD,
} from '../abi/nftables.ts';
import { joined, fromHex, toHex, type MessageRecord } from '../netlink/layout.ts';
import { attributeMap, decodeAttributes, encodeAttribute, textOf } from '../netlink/message.ts';
import { be32, toBe32 } from './numbers.ts';

const NFT_META_L4PROTO = NFT_META_KEYS.indexOf('l4proto');
const IPV4_PROTOCOL = 9;
const IPV6_NEXT_HEADER = 6;
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
    encodeAttribute(NFTA_RULE_COMPAT_PROTO, toBe32(protocol)),
    encodeAttribute(NFTA_RULE_COMPAT_FLAGS, toBe32(0)),
  ];
  return { ...record, compat: toHex(joined(words)) };
}

function expressionsOf(bytes: Uint8Array | undefined): readonly Expression[] {
  const list = decodeAttributes(bytes ?? new Uint8Array(), WHAT);
  if (!list.ok) return [];
  return list.value.flatMap(({ type, body }) => {
    const fields = fieldsOf(body);
    const name = textOf(fields.get(NFTA_EXPR.NAME));
    return type === NFTA_LIST_ELEM && name !== null ? [{ name, data: fieldsOf(fields.get(NFTA_EXPR.DATA)) }] : [];
  });
}

function fieldsOf(body: Uint8Array | undefined): Fields {
  const fields = attributeMap(body ?? new Uint8Array(), WHAT);
  return fields.ok ? fields.value : new Map<number, Uint8Array>();
}

function number(fields: Fields, type: number): number | undefined {
  return be32(fields.get(type));
}

/** The one that is compared right after it was loaded. */
function protocolOf(all: readonly Expression[]): number | undefined {
  for (const [at, { name, data }] of all.entries()) {
    const next = all[at + 1];
    if (next?.name !== 'cmp' || !loadsProtocol(name, data)) continue;
    const register = number(data, name === 'meta' ? NFTA_META.DREG : NFTA_PAYLOAD.DREG);
    const compared = fieldsOf(next.data.get(NFTA_CMP.DATA)).get(NFTA_DATA.VALUE);
    if (number(next.data, NFTA_CMP.SREG) === register && compared?.length === 1) return compared[0];
  }
  return undefined;
}

function loadsProtocol(name: string, data: Fields): boolean {
  if (name === 'meta') return number(data, NFTA_META.KEY) === NFT_META_L4PROTO;
  if (name !== 'payload' || number(data, NFTA_PAYLOAD.BASE) !== NFT_PAYLOAD_NETWORK_HEADER) return false;
  const offset = number(data, NFTA_PAYLOAD.OFFSET);
  return number(data, NFTA_PAYLOAD.LEN) === 1 && (offset === IPV4_PROTOCOL || offset === IPV6_NEXT_HEADER);
}
