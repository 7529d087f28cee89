// Messages that make and remove tables, chains and rules, as nft(8) would: what it lists of ours is what it would have
// made itself. Source: include/uapi/linux/netfilter/nf_tables.h; `nft --debug=netlink` shows the same instructions.

import { NLA_F_NESTED, NLM_F_CREATE, NLM_F_EXCL } from '../abi/netlink.ts';
import * as abi from '../abi/netfilter.ts';
import * as nft from '../abi/nftables.ts';
import { encodeAttribute, encodeNested } from '../netlink/message.ts';
import type { NftMessage } from './batch.ts';
import type { Expression, NftData, NftFamily, NftVerdict } from './expression.ts';
import { toBe32, toBe64 } from './numbers.ts';

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
    encodeAttribute(nft.NFTA_TABLE.NAME, text(name)),
    encodeAttribute(nft.NFTA_TABLE.USERDATA, commentData(comment)),
  ];
  return message(abi.NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, family, attributes);
}

/** With everything in it. Errors: ENOENT. */
export function deleteTable(family: NftFamily, name: string): NftMessage {
  return message(abi.NFT_MSG_DELTABLE, 0, family, [encodeAttribute(nft.NFTA_TABLE.NAME, text(name))]);
}

/** Its policy is accept. Errors: EEXIST; EOPNOTSUPP: the kernel has no such type of chain. */
export function newBaseChain(
  family: NftFamily,
  table: string,
  { name, type, hook, priority }: NewBaseChain,
): NftMessage {
  const place = [
    encodeAttribute(nft.NFTA_HOOK.HOOKNUM, toBe32(hook)),
    encodeAttribute(nft.NFTA_HOOK.PRIORITY, toBe32(priority)),
  ];
  return message(abi.NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_EXCL, family, [
    encodeAttribute(nft.NFTA_CHAIN.TABLE, text(table)),
    encodeAttribute(nft.NFTA_CHAIN.NAME, text(name)),
    nested(nft.NFTA_CHAIN.HOOK, place),
    encodeAttribute(nft.NFTA_CHAIN.POLICY, toBe32(abi.NF_ACCEPT)),
    encodeAttribute(nft.NFTA_CHAIN.TYPE, text(type)),
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
    encodeAttribute(nft.NFTA_RULE.TABLE, text(table)),
    encodeAttribute(nft.NFTA_RULE.CHAIN, text(chain)),
    nested(nft.NFTA_RULE.EXPRESSIONS, expressions.map(encodeExpression)),
    ...(expressions.some(({ kind }) => kind === 'match') ? [compat()] : []),
    ...(comment === null ? [] : [encodeAttribute(nft.NFTA_RULE.USERDATA, commentData(comment))]),
  ]);
}

/** Errors: ENOENT. */
export function deleteRule(family: NftFamily, table: string, chain: string, handle: bigint): NftMessage {
  return message(abi.NFT_MSG_DELRULE, 0, family, [
    encodeAttribute(nft.NFTA_RULE.TABLE, text(table)),
    encodeAttribute(nft.NFTA_RULE.CHAIN, text(chain)),
    encodeAttribute(nft.NFTA_RULE.HANDLE, toBe64(handle)),
  ]);
}

function message(type: number, flags: number, family: NftFamily, attributes: readonly Uint8Array[]): NftMessage {
  return { type, flags, family: nft.NFPROTO[family], attributes };
}

/** What tests of xtables are told of the rule: of no protocol. */
function compat(): Uint8Array {
  return nested(abi.NFTA_RULE_COMPAT, [
    encodeAttribute(abi.NFTA_RULE_COMPAT_PROTO, toBe32(0)),
    encodeAttribute(abi.NFTA_RULE_COMPAT_FLAGS, toBe32(0)),
  ]);
}

/** Errors: RangeError, for one that none of our rules has. */
export function encodeExpression(expression: Expression): Uint8Array {
  const [name, attributes] = partsOf(expression);
  return nested(nft.NFTA_LIST_ELEM, [
    encodeAttribute(nft.NFTA_EXPR.NAME, text(name)),
    nested(nft.NFTA_EXPR.DATA, attributes),
  ]);
}

type Parts = readonly [name: string, attributes: readonly Uint8Array[]];

function partsOf(expression: Expression): Parts {
  // eslint-disable-next-line typescript/switch-exhaustiveness-check -- what is read may have any kind; we write these
  switch (expression.kind) {
    case 'immediate':
      return [
        'immediate',
        [
          encodeAttribute(nft.NFTA_IMMEDIATE.DREG, toBe32(expression.dreg)),
          nested(nft.NFTA_IMMEDIATE.DATA, [dataOf(expression.data)]),
        ],
      ];
    case 'payload':
      return payloadParts(expression);
    case 'bitwise':
      return bitwiseParts(expression);
    case 'cmp':
      return cmpParts(expression);
    case 'meta':
      return keyParts('meta', nft.NFTA_META.DREG, nft.NFTA_META.KEY, expression, nft.NFT_META_KEYS);
    case 'ct':
      return keyParts('ct', nft.NFTA_CT.DREG, nft.NFTA_CT.KEY, expression, nft.NFT_CT_KEYS);
    case 'fib':
      return fibParts(expression);
    case 'counter':
      return [
        'counter',
        [
          encodeAttribute(nft.NFTA_COUNTER.BYTES, toBe64(expression.bytes)),
          encodeAttribute(nft.NFTA_COUNTER.PACKETS, toBe64(expression.packets)),
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
          encodeAttribute(nft.NFTA_MATCH.NAME, text(expression.name)),
          encodeAttribute(nft.NFTA_MATCH.REV, toBe32(expression.revision)),
          encodeAttribute(nft.NFTA_MATCH.INFO, expression.info),
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
      encodeAttribute(nft.NFTA_PAYLOAD.DREG, toBe32(dreg)),
      encodeAttribute(nft.NFTA_PAYLOAD.BASE, toBe32(bases[base])),
      encodeAttribute(nft.NFTA_PAYLOAD.OFFSET, toBe32(offset)),
      encodeAttribute(nft.NFTA_PAYLOAD.LEN, toBe32(length)),
    ],
  ];
}

function bitwiseParts({ sreg, dreg, length, mask, xor }: Kind<'bitwise'>): Parts {
  return [
    'bitwise',
    [
      encodeAttribute(nft.NFTA_BITWISE.SREG, toBe32(sreg)),
      encodeAttribute(nft.NFTA_BITWISE.DREG, toBe32(dreg)),
      encodeAttribute(nft.NFTA_BITWISE.LEN, toBe32(length)),
      nested(nft.NFTA_BITWISE.MASK, [encodeAttribute(nft.NFTA_DATA.VALUE, mask)]),
      nested(nft.NFTA_BITWISE.XOR, [encodeAttribute(nft.NFTA_DATA.VALUE, xor)]),
    ],
  ];
}

function cmpParts({ sreg, op, data }: Kind<'cmp'>): Parts {
  if (op !== 'eq' && op !== 'neq') throw new RangeError(`no rule of ours has ${op}`);
  return [
    'cmp',
    [
      encodeAttribute(nft.NFTA_CMP.SREG, toBe32(sreg)),
      encodeAttribute(nft.NFTA_CMP.OP, toBe32(op === 'eq' ? abi.NFT_CMP_EQ : abi.NFT_CMP_NEQ)),
      nested(nft.NFTA_CMP.DATA, [encodeAttribute(nft.NFTA_DATA.VALUE, data)]),
    ],
  ];
}

function keyParts(
  name: string,
  dregType: number,
  keyType: number,
  { dreg, key }: { readonly dreg: number | null; readonly key: string },
  keys: readonly string[],
): Parts {
  const number = keys.indexOf(key);
  if (dreg === null || number < 0) throw new RangeError(`no rule of ours has ${name} ${key}`);
  return [name, [encodeAttribute(keyType, toBe32(number)), encodeAttribute(dregType, toBe32(dreg))]];
}

function fibParts({ dreg, result, flags }: Kind<'fib'>): Parts {
  if (result !== 'type' || flags.join() !== 'daddr') throw new RangeError(`no rule of ours has fib ${result}`);
  return [
    'fib',
    [
      encodeAttribute(nft.NFTA_FIB.FLAGS, toBe32(abi.NFTA_FIB_F_DADDR)),
      encodeAttribute(nft.NFTA_FIB.RESULT, toBe32(abi.NFT_FIB_RESULT_ADDRTYPE)),
      encodeAttribute(nft.NFTA_FIB.DREG, toBe32(dreg)),
    ],
  ];
}

function natParts({ type, family, address, port, flags }: Kind<'nat'>): Parts {
  if (type !== 'dnat' || address === null || port === null) throw new RangeError(`no rule of ours has ${type}`);
  return [
    'nat',
    [
      encodeAttribute(nft.NFTA_NAT.TYPE, toBe32(abi.NFT_NAT_DNAT)),
      encodeAttribute(nft.NFTA_NAT.FAMILY, toBe32(nft.NFPROTO[family])),
      encodeAttribute(nft.NFTA_NAT.REG_ADDR_MIN, toBe32(address)),
      encodeAttribute(nft.NFTA_NAT.REG_PROTO_MIN, toBe32(port)),
      encodeAttribute(nft.NFTA_NAT.FLAGS, toBe32(flags)),
    ],
  ];
}

function dataOf(data: NftData): Uint8Array {
  if ('bytes' in data) return encodeAttribute(nft.NFTA_DATA.VALUE, data.bytes);
  const code = encodeAttribute(nft.NFTA_VERDICT.CODE, toBe32(codeOf(data.verdict)));
  return nested(nft.NFTA_DATA.VERDICT, [code]);
}

function codeOf({ code }: NftVerdict): number {
  if (code === 'accept') return abi.NF_ACCEPT;
  if (code === 'drop') return abi.NF_DROP;
  if (code === 'return') return abi.NFT_RETURN;
  throw new RangeError(`no rule of ours has ${code}`);
}

/** What nft(8) shows as `comment "..."`. */
function commentData(comment: string): Uint8Array {
  const words = text(comment);
  return Uint8Array.of(abi.NFTNL_UDATA_COMMENT, words.length, ...words);
}

function nested(type: number, parts: readonly Uint8Array[]): Uint8Array {
  return encodeNested(type | NLA_F_NESTED, parts);
}

function text(words: string): Uint8Array {
  return new TextEncoder().encode(`${words}\0`);
}
