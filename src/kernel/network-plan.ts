// What is made for a network of one's own, as data; carried out by host/linux/build-network.ts.

import type { Gap } from './host.ts';
import type { JournalEntry, NetworkUndo } from './journal.ts';

/** The group of every link that we make, in the message that makes it: `ip link show group 1853060207`. */
export const LINK_GROUP = 0x6e73_746f;

/** Links are meant by their names. `inside`: in the namespace that the plan is about; else in our own. */
export type NetworkOperation =
  /** A new network namespace, its loopback up, with a name as ip-netns(8) gives it. */
  | { readonly op: 'namespace'; readonly path: string }
  | { readonly op: 'bridge'; readonly name: string; readonly mac: string; readonly mtu: number | null }
  /** Two links: a port of the bridge in our namespace, and `peer` inside. */
  | {
      readonly op: 'veth';
      readonly name: string;
      readonly mac: string;
      readonly mtu: number | null;
      readonly bridge: string;
      readonly peer: { readonly name: string; readonly mac: string };
    }
  | { readonly op: 'alias'; readonly link: string; readonly alias: string }
  | { readonly op: 'port'; readonly link: string; readonly bridge: string }
  | {
      readonly op: 'address';
      readonly inside: boolean;
      readonly link: string;
      readonly address: string;
      readonly prefixLength: number;
    }
  | { readonly op: 'up'; readonly inside: boolean; readonly link: string }
  /** The default route, inside. */
  | { readonly op: 'route'; readonly gateway: string }
  | { readonly op: 'folder'; readonly path: string }
  | { readonly op: 'file'; readonly path: string; readonly text: string };

export interface NetworkStep {
  readonly operation: NetworkOperation;
  /** For people: `address 192.168.10.1/24 on nstool0`. */
  readonly what: string;
  readonly reason: string;
  /** null: it goes with what it is done to. */
  readonly undo: NetworkUndo | null;
}

export interface NetworkBuilding {
  /** Of the journal's entry. */
  readonly id: string;
  /** For people: `net up ns1`. */
  readonly what: string;
  /** The name of the namespace, whether it is there or made by a step. */
  readonly path: string;
  readonly steps: readonly NetworkStep[];
  /** What stands already, if it does: its entry goes on. */
  readonly standing: JournalEntry | null;
}

export type NetworkBuilt =
  | { readonly ok: true }
  /** `left`: what of it could not be taken back, which gc does later. */
  | { readonly ok: false; readonly at: NetworkStep; readonly gap: Gap; readonly left: readonly NetworkUndo[] };

/** planned: it would be removed. left: see `why`. */
export interface NetworkUndone {
  readonly state: 'planned' | 'removed' | 'gone' | 'left';
  readonly why: string | null;
}

/**
 * What has to be tried again where some of an entry is left: that, and directories that were not empty, perhaps for that
 * very reason.
 */
export function isOpen(undo: NetworkUndo, { state, why }: NetworkUndone): boolean {
  return state === 'left' || (undo.op === 'folder' && state === 'gone' && why !== null);
}
