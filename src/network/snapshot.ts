// A running network namespace as a document: all that is needed to build it again elsewhere. Its keys are those of the file
// (schema/net-snapshot.schema.json).

import type { MessageRecord } from '../kernel/netlink/layout.ts';
import type { NftObject } from '../kernel/nftables/raw-objects.ts';

export interface Snapshot {
  /** Of the format. */
  readonly nstool_snapshot: 1;
  /** When: ISO 8601. */
  readonly made: string;
  /** Of the kernel that it was made on: `6.18.44`. */
  readonly kernel: string;
  /** As a person calls it: `container:web`. */
  readonly target: string;
  readonly anonymised: boolean;
  /** The target's first, then those that it is routed by. */
  readonly networks: readonly SnapshotNetwork[];
  /** What is there, and not in here. */
  readonly missing: readonly Missing[];
}

export interface Missing {
  /** Which of the networks. */
  readonly network: number;
  readonly what: string;
  readonly why: string;
}

export interface SnapshotNetwork {
  /** router: only those links of it that lead to the target, and what belongs to them. */
  readonly role: 'target' | 'router';
  readonly name: string;
  readonly links: readonly SnapshotLink[];
  readonly addresses: readonly MessageRecord[];
  readonly routes: readonly MessageRecord[];
  readonly rules: readonly MessageRecord[];
  /** Permanent ones, and those that are answered for others (proxies). */
  readonly neighbours: readonly MessageRecord[];
  readonly nft: readonly NftObject[];
  /** By path below /proc/sys/net. */
  readonly settings: Readonly<Record<string, string>>;
  /** By name below /etc: `resolv.conf`. */
  readonly files: Readonly<Record<string, string>>;
}

/** null: it has none. */
export interface SnapshotLink {
  readonly ifindex: number;
  readonly name: string;
  /** null: hardware, or the loopback. */
  readonly kind: string | null;
  /** What one of its kind is made of. null: of that kind nothing can be made. */
  readonly data: MessageRecord | null;
  readonly address: string | null;
  readonly mtu: number;
  readonly txqlen: number;
  readonly group: number;
  /** IFF_*. */
  readonly flags: number;
  readonly queues: { readonly tx: number; readonly rx: number };
  readonly alias: string | null;
  readonly altnames: readonly string[];
  /** The index of its bridge. */
  readonly master: number | null;
  readonly port: MessageRecord | null;
  /** The index of the link below it, in the same network. */
  readonly below: number | null;
  /** The other end of a veth, if it is in one of the networks. */
  readonly peer: { readonly network: number; readonly ifindex: number } | null;
  readonly carrier: boolean;
  readonly addrgenmode: number | null;
}

export const SNAPSHOT_FILES = ['resolv.conf', 'hosts', 'nsswitch.conf'] as const;
