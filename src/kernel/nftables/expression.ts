// What a rule of nftables is made of: small instructions that the kernel carries out in order, until one does not hold.
// Source: include/uapi/linux/netfilter/nf_tables.h. Registers are bytes: 16 words of 4, by the kernel's numbers
// (NFT_REG_1 to 4 are 16 bytes each, NFT_REG32_00 to 15 the words of the same).

export type NftFamily = 'inet' | 'ip' | 'ip6' | 'arp' | 'bridge' | 'netdev';

/** Source: enum nft_verdicts, linux/netfilter.h. `queue` has its number in the upper half of the code. */
export type NftVerdict =
  | { readonly code: 'accept' | 'drop' | 'continue' | 'return' | 'break' | 'stolen' | 'queue' }
  | { readonly code: 'jump' | 'goto'; readonly chain: string };

/** Bytes for a register, or a verdict for that of verdicts. */
export type NftData = { readonly bytes: Uint8Array } | { readonly verdict: NftVerdict };

export type CompareOperation = 'eq' | 'neq' | 'lt' | 'lte' | 'gt' | 'gte';
export type PayloadBase = 'link' | 'network' | 'transport' | 'inner';

/** `dreg` null with a key: it is written from `sreg`, not read. */
export type Expression =
  | { readonly kind: 'immediate'; readonly dreg: number; readonly data: NftData }
  /** `mask`: (source & mask) ^ xor. `and`, `or`, `xor` of two registers since Linux 6.13. */
  | {
      readonly kind: 'bitwise';
      readonly op: 'mask' | 'lshift' | 'rshift' | 'and' | 'or' | 'xor';
      readonly sreg: number;
      readonly dreg: number;
      readonly length: number;
      readonly mask: Uint8Array;
      readonly xor: Uint8Array;
      readonly shift: number;
      readonly sreg2: number | null;
    }
  | {
      readonly kind: 'byteorder';
      readonly op: 'ntoh' | 'hton';
      readonly sreg: number;
      readonly dreg: number;
      readonly length: number;
      readonly size: number;
    }
  | { readonly kind: 'cmp'; readonly op: CompareOperation; readonly sreg: number; readonly data: Uint8Array }
  | {
      readonly kind: 'range';
      readonly op: 'eq' | 'neq';
      readonly sreg: number;
      readonly from: Uint8Array;
      readonly to: Uint8Array;
    }
  | {
      readonly kind: 'lookup';
      readonly set: string;
      readonly sreg: number;
      /** Of a map where its value goes; 0: that of verdicts. null: only whether it is in it. */
      readonly dreg: number | null;
      readonly inverted: boolean;
    }
  | {
      readonly kind: 'dynset';
      readonly set: string;
      readonly op: 'add' | 'update' | 'delete';
      readonly sreg: number;
      readonly dataSreg: number | null;
      /** Unit: milliseconds. null: the set's own. */
      readonly timeout: bigint | null;
      readonly inverted: boolean;
      readonly expressions: readonly Expression[];
    }
  | {
      readonly kind: 'payload';
      readonly dreg: number | null;
      readonly sreg: number | null;
      readonly base: PayloadBase;
      readonly offset: number;
      readonly length: number;
    }
  /** `header`: ipv6, tcp (options), ipv4 (options), sctp, dccp. `present`: only whether it is there. */
  | {
      readonly kind: 'exthdr';
      readonly dreg: number | null;
      readonly sreg: number | null;
      readonly header: string;
      readonly type: number;
      readonly offset: number;
      readonly length: number;
      readonly present: boolean;
    }
  | { readonly kind: 'meta'; readonly dreg: number | null; readonly sreg: number | null; readonly key: string }
  | {
      readonly kind: 'ct';
      readonly dreg: number | null;
      readonly sreg: number | null;
      readonly key: string;
      readonly direction: 'original' | 'reply' | null;
    }
  /** `flags`: saddr, daddr, mark, iif, oif, present. */
  | {
      readonly kind: 'fib';
      readonly dreg: number;
      readonly result: 'oif' | 'oifname' | 'type' | 'unknown';
      readonly flags: readonly string[];
    }
  | { readonly kind: 'rt'; readonly dreg: number; readonly key: string }
  | { readonly kind: 'socket'; readonly dreg: number; readonly key: string; readonly level: number | null }
  | {
      readonly kind: 'numgen';
      readonly dreg: number;
      readonly type: 'inc' | 'random';
      readonly modulus: number;
      readonly offset: number;
    }
  | {
      readonly kind: 'hash';
      readonly dreg: number;
      readonly sreg: number | null;
      readonly length: number;
      readonly type: 'jenkins' | 'symmetric';
      readonly modulus: number;
      readonly seed: number | null;
      readonly offset: number;
    }
  | {
      readonly kind: 'limit';
      readonly rate: bigint;
      /** Unit: seconds. */
      readonly per: bigint;
      readonly burst: number;
      readonly of: 'packets' | 'bytes';
      readonly over: boolean;
    }
  | { readonly kind: 'connlimit'; readonly count: number; readonly over: boolean }
  | { readonly kind: 'quota'; readonly bytes: bigint; readonly used: bigint; readonly over: boolean }
  | { readonly kind: 'counter'; readonly packets: bigint; readonly bytes: bigint }
  /** Unit: milliseconds since it was last met; null: never. Since: Linux 5.14. */
  | { readonly kind: 'last'; readonly before: bigint | null }
  | {
      readonly kind: 'log';
      readonly prefix: string | null;
      readonly group: number | null;
      readonly snaplen: number | null;
      readonly threshold: number | null;
      readonly level: number | null;
      readonly flags: number;
    }
  | {
      readonly kind: 'queue';
      readonly from: number;
      readonly count: number;
      readonly flags: number;
      readonly sreg: number | null;
    }
  | { readonly kind: 'reject'; readonly type: 'icmp' | 'tcp reset' | 'icmpx'; readonly code: number }
  | {
      readonly kind: 'nat';
      readonly type: 'snat' | 'dnat';
      readonly family: NftFamily;
      readonly address: number | null;
      readonly addressEnd: number | null;
      readonly port: number | null;
      readonly portEnd: number | null;
      readonly flags: number;
    }
  | {
      readonly kind: 'masquerade' | 'redirect';
      readonly port: number | null;
      readonly portEnd: number | null;
      readonly flags: number;
    }
  /** `map`: which object depends on the register. */
  | {
      readonly kind: 'objref';
      readonly type: number;
      readonly name: string | null;
      readonly set: string | null;
      readonly sreg: number | null;
    }
  | { readonly kind: 'notrack' }
  /** Of xtables, by iptables-nft: its own struct, to be read by name and revision. */
  | { readonly kind: 'match' | 'target'; readonly name: string; readonly revision: number; readonly info: Uint8Array }
  /** One that is not known here. */
  | { readonly kind: 'unknown'; readonly unknown: string };
