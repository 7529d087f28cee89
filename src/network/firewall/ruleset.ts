// All that decides in a network namespace which packets pass, as data.

import type { Gap } from '../../kernel/host.ts';
import type { Route } from '../../kernel/netlink/routes.ts';
import type { NftChain, NftObject, NftRule, NftSet, NftTable } from '../../kernel/nftables/objects.ts';
import type { PacketFamily } from './packet.ts';

/** Do rules for IP meet what a bridge passes: of a namespace's sysctls, or of a bridge's own settings. */
export type BridgeCalls = Readonly<Record<PacketFamily, boolean>>;

/** A table with all that is in it, in the kernel's order. */
export interface FirewallTable extends NftTable {
  /** Of iptables-legacy, which nftables does not know of. */
  readonly isLegacy: boolean;
  readonly chains: ReadonlyMap<string, NftChain>;
  /** By chain. */
  readonly rules: ReadonlyMap<string, readonly NftRule[]>;
  readonly sets: ReadonlyMap<string, NftSet>;
  readonly objects: readonly NftObject[];
}

/** What rules ask of an interface. */
export interface FirewallLink {
  readonly ifindex: number;
  readonly name: string;
  readonly kind: string | null;
  readonly group: number;
  /** Of a bridge's port its bridge. */
  readonly master: number | null;
  /** In the kernel's order. */
  readonly addresses: readonly string[];
  /** Of a bridge its own settings. Absent (null): it is none. */
  readonly bridgeCalls: BridgeCalls | null;
}

/** A destination that is the namespace's own, or everybody's: a route of table local. */
export interface LocalRoute {
  /** `local`, `broadcast`, `anycast`, `multicast`. */
  readonly type: string;
  readonly destination: string;
  readonly prefixLength: number;
  readonly ifindex: number | null;
}

export interface Ruleset {
  /** In the order in which they were made. */
  readonly tables: readonly FirewallTable[];
  readonly links: readonly FirewallLink[];
  readonly local: readonly LocalRoute[];
  /** Where a rule asks by which interface an address is reached: routes of table main. Absent (null): no rule asks, it is not known, or other tables count. */
  readonly routes: readonly Route[] | null;
  /** The sysctls of br_netfilter; `absent`: it is not loaded; null: not known. */
  readonly bridgeCalls: BridgeCalls | 'absent' | null;
  /** What could not be read: judged by what is here, a verdict is not certain where one of them matters. */
  readonly gaps: readonly Gap[];
}
