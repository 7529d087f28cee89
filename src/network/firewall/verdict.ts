// What becomes of a packet at a hook, and which rule decides it.

import type { NftFamily } from '../../kernel/nftables/objects.ts';
import type { Packet } from './packet.ts';

/** A rule, or the policy of a base chain. */
export interface Decider {
  /** `legacy ip`: of iptables-legacy, whose tables nft(8) does not show. */
  readonly family: NftFamily | 'legacy ip' | 'legacy ip6';
  readonly table: string;
  readonly chain: string;
  /** Of legacy its number in the chain. Absent (null): it is the policy. */
  readonly handle: bigint | null;
  /** As `nft list ruleset` has it; of a policy `policy drop`. */
  readonly text: string;
  readonly isPolicy: boolean;
  /** The base chain by which it was come to; of a policy the chain itself. */
  readonly base: { readonly chain: string; readonly hook: string; readonly priority: number };
  /** What it counted so far. Absent (null): it does not count. */
  readonly counters: { readonly packets: bigint; readonly bytes: bigint } | null;
}

export type Decision = 'accept' | 'drop' | 'reject';

export interface NatEffect {
  readonly kind: 'dnat' | 'snat' | 'masquerade' | 'redirect';
  /** Absent (null): one of several, or that of the interface that it leaves by. */
  readonly address: string | null;
  /** Absent (null): it stays, or it is one of several. */
  readonly port: number | null;
  readonly by: Decider;
}

/** One way that it can go. */
export interface Outcome {
  readonly verdict: Decision;
  /** What decided: of `accept` the last one that did. Absent (null): no chain is hooked there. */
  readonly by: Decider | null;
  /** Of the connection's first packet, where a rule says so. */
  readonly nat: NatEffect | null;
  /** As it goes on: with NAT done, marks set. */
  readonly packet: Packet;
}

export interface Verdict extends Outcome {
  /**
   * It can go no other way. Else `verdict` is the worst that can come (a drop that depends on something that is not
   * known), and the others are in `others`.
   */
  readonly certain: boolean;
  readonly others: readonly Outcome[];
  /** What could not be told for sure on the way, rule by rule: `limit`, a match that is not known. */
  readonly doubts: readonly { readonly why: string; readonly by: Decider | null }[];
}
