// The objects of nftables as the kernel dumps them, ready to be sent back: what is inside of hooks, expressions and elements
// is kept as it is. Source: include/uapi/linux/netfilter/{nfnetlink.h,nf_tables.h}, net/netfilter/nf_tables_api.c.

import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_REQUEST } from '../abi/netlink.ts';
import { NETLINK_NETFILTER } from '../abi/nftables.ts';
import { value, type NamespaceDoor, type NetlinkRequest, type Reading } from '../host.ts';
import { decodeDump } from '../netlink/dump.ts';
import { decodeRecord, encodeRows, type Layout, type MessageRecord, type Row } from '../netlink/layout.ts';
import { encodeAttribute, encodeMessage } from '../netlink/message.ts';
import { nftHeader, nftType, type NftMessage } from './batch.ts';

/** struct nfgenmsg: family, version, a number in network byte order. */
const HEADER_LENGTH = 4;
const NLM_F_APPEND = 0x800;

/** In the order in which they can be made: what is named before who names it. */
export const NFT_SORTS = ['table', 'chain', 'set', 'object', 'flowtable', 'element', 'rule'] as const;
export type NftSort = (typeof NFT_SORTS)[number];

export interface NftObject {
  readonly sort: NftSort;
  readonly record: MessageRecord;
}

interface Sort {
  /** NFT_MSG_NEW*, and NFT_MSG_GET*. */
  readonly make: number;
  readonly get: number;
  readonly layout: Layout;
}

function sort(what: string, make: number, get: number, rows: readonly Row[], told: readonly number[]): Sort {
  return {
    make,
    get,
    layout: { what: `nftables ${what}`, length: HEADER_LENGTH, slots: [['family', 0, 1]], rows, told },
  };
}

const SORTS: Readonly<Record<NftSort, Sort>> = {
  table: sort(
    'table',
    0,
    1,
    [
      ['name', 1, 'text'],
      ['flags', 2, 'be32'],
      ['userdata', 6, 'hex'],
    ],
    [3, 4, 5, 7],
  ),
  chain: sort(
    'chain',
    3,
    4,
    [
      ['table', 1, 'text'],
      ['name', 3, 'text'],
      ['hook', 4, 'hex'],
      ['policy', 5, 'be32'],
      ['type', 7, 'text'],
      ['counters', 8, 'hex'],
      ['flags', 10, 'be32'],
      ['id', 11, 'be32'],
      ['userdata', 12, 'hex'],
    ],
    [2, 6, 9],
  ),
  rule: sort(
    'rule',
    6,
    7,
    [
      ['table', 1, 'text'],
      ['chain', 2, 'text'],
      ['expressions', 4, 'hex'],
      ['compat', 5, 'hex'],
      ['userdata', 7, 'hex'],
      ['chain_id', 11, 'be32'],
    ],
    [3, 6, 8, 9, 10],
  ),
  set: sort(
    'set',
    9,
    10,
    [
      ['table', 1, 'text'],
      ['name', 2, 'text'],
      ['flags', 3, 'be32'],
      ['key_type', 4, 'be32'],
      ['key_length', 5, 'be32'],
      ['data_type', 6, 'be32'],
      ['data_length', 7, 'be32'],
      ['policy', 8, 'be32'],
      ['description', 9, 'hex'],
      ['id', 10, 'be32'],
      ['timeout', 11, 'be64'],
      ['gc_interval', 12, 'be32'],
      ['userdata', 13, 'hex'],
      ['object_type', 15, 'be32'],
      ['expression', 17, 'hex'],
      ['expressions', 18, 'hex'],
    ],
    [14, 16, 19, 20],
  ),
  element: sort(
    'set element list',
    12,
    13,
    [
      ['table', 1, 'text'],
      ['set', 2, 'text'],
      ['elements', 3, 'hex'],
    ],
    [4],
  ),
  object: sort(
    'object',
    18,
    19,
    [
      ['table', 1, 'text'],
      ['name', 2, 'text'],
      ['type', 3, 'be32'],
      ['data', 4, 'hex'],
      ['userdata', 8, 'hex'],
    ],
    [5, 6, 7],
  ),
  flowtable: sort(
    'flowtable',
    22,
    23,
    [
      ['table', 1, 'text'],
      ['name', 2, 'text'],
      ['hook', 3, 'hex'],
      ['flags', 7, 'be32'],
    ],
    [4, 5, 6],
  ),
};

export function nftLayout(of: NftSort): Layout {
  return SORTS[of].layout;
}

/** All of a sort, of every family; of elements those of one set, which is asked for by its record. */
export function encodeNftDump(of: NftSort, namespace?: NamespaceDoor, set?: MessageRecord): NetlinkRequest {
  const words =
    set === undefined
      ? []
      : [set['table'], set['name']].map((word) =>
          new TextEncoder().encode(`${typeof word === 'string' ? word : ''}\0`),
        );
  const attributes = words.map((word, at) => encodeAttribute(at + 1, word));
  const message = encodeMessage(nftType(SORTS[of].get), NLM_F_REQUEST | NLM_F_DUMP, [
    nftHeader(Number(set?.['family'] ?? 0)),
    ...attributes,
  ]);
  const door = namespace === undefined ? {} : { namespace };
  return { protocol: NETLINK_NETFILTER, message, dump: true, ...door };
}

export function decodeNftDump(
  of: NftSort,
  datagrams: readonly Uint8Array[],
  what: string,
): Reading<readonly { readonly object: NftObject; readonly others: readonly number[] }[]> {
  const messages = decodeDump(datagrams, what);
  if (!messages.ok) return messages;
  const found: { object: NftObject; others: readonly number[] }[] = [];
  for (const { type, body } of messages.value) {
    if (type !== nftType(SORTS[of].make)) continue;
    const decoded = decodeRecord(SORTS[of].layout, body, what);
    if (!decoded.ok) return decoded;
    found.push({ object: { sort: of, record: decoded.value.record }, others: decoded.value.others });
  }
  return value(found);
}

/** The message that makes it, one of a batch. */
export function encodeNftObject({ sort: of, record }: NftObject): NftMessage {
  const { make, layout } = SORTS[of];
  const flags = of === 'rule' ? NLM_F_CREATE | NLM_F_APPEND : NLM_F_CREATE;
  return { type: make, flags, family: Number(record['family']), attributes: encodeRows(layout.rows, record) };
}
