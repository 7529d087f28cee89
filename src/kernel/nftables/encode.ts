// Messages that make and remove tables, chains and rules, as nft(8) would: what it lists of ours is what it would have
// made itself. Source: include/uapi/linux/netfilter/nf_tables.h; `nft --debug=netlink` shows the same instructions.

import { NLA_F_NESTED, NLM_F_CREATE, NLM_F_EXCL } from '../abi/netlink.ts';
import * as abi from '../abi/nftables.ts';
import { encodeAttribute, encodeNested, view } from '../netlink/message.ts';
import type { NftMessage } from './batch.ts';
import type { Expression, NftData, NftFamily, NftVerdict } from './expression.ts';

const FAMILIES: Readonly<Record<NftFamily, number>> = {
  inet: abi.NFPROTO_INET,
  ip: abi.NFPROTO_IPV4,
  arp: 3,
  netdev: 5,
  bridge: 7,
  ip6: abi.NFPROTO_IPV6,
};

export function familyNumber(family: NftFamily): number {
  return FAMILIES[family];
}

/** `hook`: NF_INET_*. */
export interface NewBaseChain {
  readonly name: string;
  readonly type: 'nat' | 'filter';
  readonly hook: number;
  readonly priority: number;
}

/** Errors: EEXIST. */
export function newTable(family: NftFamily, name: string, comment: string): NftMessage {
  const attributes = [
    encodeAttribute(abi.NFTA_TABLE_NAME, text(name)),
    encodeAttribute(abi.NFTA_TABLE_USERDATA, commentData(comment)),
  ];
  return message(abi.NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, family, attributes);
}

/** With everything in it. Errors: ENOENT. */
export function deleteTable(family: NftFamily, name: string): NftMessage {
  return message(abi.NFT_MSG_DELTABLE, 0, family, [encodeAttribute(abi.NFTA_TABLE_NAME, text(name))]);
}

/** Its policy is accept. Errors: EEXIST; EOPNOTSUPP: the kernel has no such type of chain. */
export function newBaseChain(
  family: NftFamily,
  table: string,
  { name, type, hook, priority }: NewBaseChain,
): NftMessage {
  const place = [
    encodeAttribute(abi.NFTA_HOOK_HOOKNUM, word(hook)),
    encodeAttribute(abi.NFTA_HOOK_PRIORITY, word(priority)),
  ];
  return message(abi.NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, family, [
    encodeAttribute(abi.NFTA_CHAIN_TABLE, text(table)),
    encodeAttribute(abi.NFTA_CHAIN_NAME, text(name)),
    nested(abi.NFTA_CHAIN_HOOK, place),
    encodeAttribute(abi.NFTA_CHAIN_POLICY, word(abi.NF_ACCEPT)),
    encodeAttribute(abi.NFTA_CHAIN_TYPE, text(type)),
  ]);
}

export interface NewRule {
  readonly family: NftFamily;
  readonly table: string;
  readonly chain: string;
  readonly expressions: readonly Expression[];
  /** At most 127 bytes. */
  readonly comment: string | null;
}

/** `first`: before all others of its chain. Errors: ENOENT: no such chain, or the kernel lacks one of the expressions. */
export function newRule({ family, table, chain, expressions, comment }: NewRule, first = false): NftMessage {
  return message(abi.NFT_MSG_NEWRULE, NLM_F_CREATE | (first ? 0 : abi.NLM_F_APPEND), family, [
    encodeAttribute(abi.NFTA_RULE_TABLE, text(table)),
    encodeAttribute(abi.NFTA_RULE_CHAIN, text(chain)),
    nested(abi.NFTA_RULE_EXPRESSIONS, expressions.map(encodeExpression)),
    ...(expressions.some(({ kind }) => kind === 'match') ? [compat()] : []),
    ...(comment === null ? [] : [encodeAttribute(abi.NFTA_RULE_USERDATA, commentData(comment))]),
  ]);
}

/** Errors: ENOENT. */
export function deleteRule(family: NftFamily, table: string, chain: string, handle: bigint): NftMessage {
  return message(abi.NFT_MSG_DELRULE, 0, family, [
    encodeAttribute(abi.NFTA_RULE_TABLE, text(table)),
    encodeAttribute(abi.NFTA_RULE_CHAIN, text(chain)),
    encodeAttribute(abi.NFTA_RULE_HANDLE, long(handle)),
  ]);
}

function message(type: number, flags: number, family: NftFamily, attributes: readonly Uint8Array[]): NftMessage {
  return { type, flags, family: FAMILIES[family], attributes };
}

/** What tests of xtables are told of the rule: of no protocol. */
function compat(): Uint8Array {
  return nested(abi.NFTA_RULE_COMPAT, [
    encodeAttribute(abi.NFTA_RULE_COMPAT_PROTO, word(0)),
    encodeAttribute(abi.NFTA_RULE_COMPAT_FLAGS, word(0)),
  ]);
}

/** Errors: RangeError, for one that none of our rules has. */
export function encodeExpression(expression: Expression): Uint8Array {
  const [name, attributes] = partsOf(expression);
  return nested(abi.NFTA_LIST_ELEM, [
    encodeAttribute(abi.NFTA_EXPR_NAME, text(name)),
    nested(abi.NFTA_EXPR_DATA, attributes),
  ]);
}

type Parts = readonly [name: string, attributes: readonly Uint8Array[]];

function partsOf(expression: Expression): Parts {
  switch (expression.kind) {
    case 'immediate':
      return [
        'immediate',
        [
          encodeAttribute(abi.NFTA_IMMEDIATE_DREG, word(expression.dreg)),
          nested(abi.NFTA_IMMEDIATE_DATA, [dataOf(expression.data)]),
        ],
      ];
    case 'payload':
      return payloadParts(expression);
    case 'bitwise':
      return bitwiseParts(expression);
    case 'cmp':
      return cmpParts(expression);
    case 'meta':
      return keyParts('meta', abi.NFTA_META_DREG, abi.NFTA_META_KEY, expression, META_KEYS);
    case 'ct':
      return keyParts('ct', abi.NFTA_CT_DREG, abi.NFTA_CT_KEY, expression, CT_KEYS);
    case 'fib':
      return fibParts(expression);
    case 'counter':
      return [
        'counter',
        [
          encodeAttribute(abi.NFTA_COUNTER_BYTES, long(expression.bytes)),
          encodeAttribute(abi.NFTA_COUNTER_PACKETS, long(expression.packets)),
        ],
      ];
    case 'nat':
      return natParts(expression);
    case 'masquerade':
      return ['masq', []];
    case 'match':
      return [
        'match',
        [
          encodeAttribute(abi.NFTA_MATCH_NAME, text(expression.name)),
          encodeAttribute(abi.NFTA_MATCH_REV, word(expression.revision)),
          encodeAttribute(abi.NFTA_MATCH_INFO, expression.info),
        ],
      ];
    default:
      throw new RangeError(`no rule of ours has ${expression.kind}`);
  }
}

type Kind<K extends Expression['kind']> = Extract<Expression, { kind: K }>;

function payloadParts({ dreg, base, offset, length }: Kind<'payload'>): Parts {
  const bases = { network: abi.NFT_PAYLOAD_NETWORK_HEADER, transport: abi.NFT_PAYLOAD_TRANSPORT_HEADER };
  if (dreg === null || (base !== 'network' && base !== 'transport'))
    throw new RangeError(`no rule of ours has ${base}`);
  return [
    'payload',
    [
      encodeAttribute(abi.NFTA_PAYLOAD_DREG, word(dreg)),
      encodeAttribute(abi.NFTA_PAYLOAD_BASE, word(bases[base])),
      encodeAttribute(abi.NFTA_PAYLOAD_OFFSET, word(offset)),
      encodeAttribute(abi.NFTA_PAYLOAD_LEN, word(length)),
    ],
  ];
}

function bitwiseParts({ sreg, dreg, length, mask, xor }: Kind<'bitwise'>): Parts {
  return [
    'bitwise',
    [
      encodeAttribute(abi.NFTA_BITWISE_SREG, word(sreg)),
      encodeAttribute(abi.NFTA_BITWISE_DREG, word(dreg)),
      encodeAttribute(abi.NFTA_BITWISE_LEN, word(length)),
      nested(abi.NFTA_BITWISE_MASK, [encodeAttribute(abi.NFTA_DATA_VALUE, mask)]),
      nested(abi.NFTA_BITWISE_XOR, [encodeAttribute(abi.NFTA_DATA_VALUE, xor)]),
    ],
  ];
}

function cmpParts({ sreg, op, data }: Kind<'cmp'>): Parts {
  if (op !== 'eq' && op !== 'neq') throw new RangeError(`no rule of ours has ${op}`);
  return [
    'cmp',
    [
      encodeAttribute(abi.NFTA_CMP_SREG, word(sreg)),
      encodeAttribute(abi.NFTA_CMP_OP, word(op === 'eq' ? abi.NFT_CMP_EQ : abi.NFT_CMP_NEQ)),
      nested(abi.NFTA_CMP_DATA, [encodeAttribute(abi.NFTA_DATA_VALUE, data)]),
    ],
  ];
}

const META_KEYS: Readonly<Record<string, number>> = {
  iifname: abi.NFT_META_IIFNAME,
  oifname: abi.NFT_META_OIFNAME,
  nfproto: abi.NFT_META_NFPROTO,
  l4proto: abi.NFT_META_L4PROTO,
};

const CT_KEYS: Readonly<Record<string, number>> = { status: abi.NFT_CT_STATUS };

function keyParts(
  name: string,
  dregType: number,
  keyType: number,
  { dreg, key }: { readonly dreg: number | null; readonly key: string },
  keys: Readonly<Record<string, number>>,
): Parts {
  const number = keys[key];
  if (dreg === null || number === undefined) throw new RangeError(`no rule of ours has ${name} ${key}`);
  return [name, [encodeAttribute(keyType, word(number)), encodeAttribute(dregType, word(dreg))]];
}

function fibParts({ dreg, result, flags }: Kind<'fib'>): Parts {
  if (result !== 'type' || flags.join() !== 'daddr') throw new RangeError(`no rule of ours has fib ${result}`);
  return [
    'fib',
    [
      encodeAttribute(abi.NFTA_FIB_FLAGS, word(abi.NFTA_FIB_F_DADDR)),
      encodeAttribute(abi.NFTA_FIB_RESULT, word(abi.NFT_FIB_RESULT_ADDRTYPE)),
      encodeAttribute(abi.NFTA_FIB_DREG, word(dreg)),
    ],
  ];
}

function natParts({ type, family, address, port, flags }: Kind<'nat'>): Parts {
  if (type !== 'dnat' || address === null || port === null) throw new RangeError(`no rule of ours has ${type}`);
  return [
    'nat',
    [
      encodeAttribute(abi.NFTA_NAT_TYPE, word(abi.NFT_NAT_DNAT)),
      encodeAttribute(abi.NFTA_NAT_FAMILY, word(FAMILIES[family])),
      encodeAttribute(abi.NFTA_NAT_REG_ADDR_MIN, word(address)),
      encodeAttribute(abi.NFTA_NAT_REG_PROTO_MIN, word(port)),
      encodeAttribute(abi.NFTA_NAT_FLAGS, word(flags)),
    ],
  ];
}

function dataOf(data: NftData): Uint8Array {
  if ('bytes' in data) return encodeAttribute(abi.NFTA_DATA_VALUE, data.bytes);
  const code = encodeAttribute(abi.NFTA_VERDICT_CODE, word(codeOf(data.verdict)));
  return nested(abi.NFTA_DATA_VERDICT, [code]);
}

function codeOf({ code }: NftVerdict): number {
  if (code === 'accept') return abi.NF_ACCEPT;
  if (code === 'drop') return abi.NF_DROP;
  if (code === 'return') return abi.NFT_RETURN;
  throw new RangeError(`no rule of ours has ${code}`);
}

/** What nft(8) shows as `comment "..."`. */
export function commentData(comment: string): Uint8Array {
  const words = text(comment);
  return Uint8Array.of(abi.NFTNL_UDATA_COMMENT, words.length, ...words);
}

function nested(type: number, parts: readonly Uint8Array[]): Uint8Array {
  return encodeNested(type | NLA_F_NESTED, parts);
}

function word(number: number): Uint8Array {
  const bytes = new Uint8Array(4);
  view(bytes).setInt32(0, number, false);
  return bytes;
}

function long(number: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  view(bytes).setBigUint64(0, number, false);
  return bytes;
}

function text(words: string): Uint8Array {
  return new TextEncoder().encode(`${words}\0`);
}
