// What a network namespace has of nftables, as data. Source: include/uapi/linux/netfilter/nf_tables.h.

import type { Expression, NftData, NftFamily } from './expression.ts';

export type { NftFamily } from './expression.ts';

export interface NftTable {
  readonly family: NftFamily;
  readonly name: string;
  readonly handle: bigint;
  /** It is switched off: its chains are not hooked. */
  readonly isDormant: boolean;
  /** A program keeps it, and it goes with that. Since: Linux 5.12. */
  readonly isOwned: boolean;
  readonly comment: string | null;
}

export interface BaseChain {
  /** NF_INET_*, NF_BR_*, NF_ARP_* or NF_NETDEV_*: its meaning depends on the family. */
  readonly hook: number;
  readonly priority: number;
  /** `filter`, `nat`, `route`. */
  readonly type: string;
  readonly policy: 'accept' | 'drop';
  /** Of families netdev and, at ingress, inet. */
  readonly devices: readonly string[];
  /** What the policy met, where it counts. */
  readonly counters: { readonly packets: bigint; readonly bytes: bigint } | null;
}

export interface NftChain {
  readonly family: NftFamily;
  readonly table: string;
  readonly name: string;
  readonly handle: bigint;
  /** Absent (null): others jump to it. */
  readonly base: BaseChain | null;
  readonly comment: string | null;
}

export interface NftRule {
  readonly family: NftFamily;
  readonly table: string;
  readonly chain: string;
  readonly handle: bigint;
  readonly expressions: readonly Expression[];
  readonly comment: string | null;
  /** Of iptables-legacy: as iptables-save has it. */
  readonly saved?: string;
}

export interface NftSetElement {
  readonly key: Uint8Array;
  /** Of concatenations with ranges. Since: Linux 5.6. */
  readonly keyEnd: Uint8Array | null;
  /** Of a map. */
  readonly data: NftData | null;
  /** Of a map to objects the name of one. */
  readonly object: string | null;
  /** It is where an interval ends, and itself not in it. */
  readonly isEnd: boolean;
  /** What no other element has. Since: Linux 5.13. Its key is empty. */
  readonly isCatchAll: boolean;
  /** Unit: milliseconds. Absent (null): it stays. */
  readonly timeout: bigint | null;
  readonly expires: bigint | null;
  readonly comment: string | null;
  readonly expressions: readonly Expression[];
}

export interface NftSet {
  readonly family: NftFamily;
  readonly table: string;
  readonly name: string;
  readonly handle: bigint;
  readonly isAnonymous: boolean;
  readonly isConstant: boolean;
  readonly isInterval: boolean;
  readonly isMap: boolean;
  /** Rules may add to it (`flags dynamic`). */
  readonly isDynamic: boolean;
  readonly hasTimeout: boolean;
  /** Its key is of several parts, each padded to 4 bytes. Absent (empty): of one. */
  readonly parts: readonly number[];
  /** nft(8)'s number for the type of keys: 7 IPv4, 8 IPv6, 13 ports ...; of several parts 6 bits each. */
  readonly keyType: number;
  readonly keyLength: number;
  readonly dataType: number | null;
  readonly dataLength: number | null;
  /** Absent (null): they could not be read. */
  readonly elements: readonly NftSetElement[] | null;
}

/** A counter, quota, limit, connection helper ... that rules share by name. */
export interface NftObject {
  readonly family: NftFamily;
  readonly table: string;
  readonly name: string;
  /** NFT_OBJECT_*. */
  readonly type: number;
  readonly expression: Expression | null;
}
