// How a network is built again from a snapshot, as data; carried out by host/linux/replay-network.ts. Of what the kernel
// refuses the rest is done all the same: only names and files have to succeed.

import type { Gap } from './host.ts';
import type { NetworkUndo } from './journal.ts';
import type { NftMessage } from './nftables/batch.ts';

/** A netlink message of rtnetlink that changes a network. */
export interface ReplayRequest {
  /** For people: `route 10.0.0.0/8`. */
  readonly what: string;
  readonly message: Uint8Array;
  /** The path of another network that the message speaks of: its descriptor is written at `offset`. */
  readonly other?: { readonly path: string; readonly offset: number };
  /** The names of errnos that say that it is so already. */
  readonly already?: readonly string[];
  /** Where it cannot be had. */
  readonly instead?: ReplayRequest;
}

/** `at`: the path of the network that it is done in. */
export type ReplayStep =
  | { readonly op: 'namespace'; readonly path: string }
  /** By path below /proc/sys/net; only what does not say so already is written. */
  | { readonly op: 'settings'; readonly at: string; readonly settings: readonly (readonly [string, string])[] }
  /** One after the other; `anyOrder`: what is refused is tried again after the others, as long as one of them succeeds. */
  | {
      readonly op: 'requests';
      readonly at: string;
      readonly anyOrder: boolean;
      readonly requests: readonly ReplayRequest[];
    }
  /** All of them, or none. */
  | {
      readonly op: 'nftables';
      readonly at: string;
      readonly what: string;
      readonly messages: readonly { readonly what: string; readonly message: NftMessage }[];
    }
  | { readonly op: 'folder'; readonly path: string }
  | { readonly op: 'file'; readonly path: string; readonly text: string };

export interface Replaying {
  /** Of the journal's entry. */
  readonly id: string;
  /** For people: `net replay web.json --as web`. */
  readonly what: string;
  readonly steps: readonly ReplayStep[];
}

/** What the kernel refused. */
export interface Refusal {
  /** The path of the network. */
  readonly at: string;
  readonly what: string;
  readonly gap: Gap;
}

/** It could not be had, and what was planned instead was. */
export interface StandIn {
  readonly at: string;
  readonly what: string;
  readonly why: string;
}

export type Replayed =
  | { readonly ok: true; readonly refused: readonly Refusal[]; readonly standIns: readonly StandIn[] }
  /** `left`: what of it could not be taken back, which gc does later. */
  | { readonly ok: false; readonly what: string; readonly gap: Gap; readonly left: readonly NetworkUndo[] };
