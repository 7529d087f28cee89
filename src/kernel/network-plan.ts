// What is made for a network of one's own, as data; carried out by host/linux/build-network.ts.

import type { Gap } from './host.ts';
import type { JournalEntry, NetworkUndo } from './journal.ts';
import type { Netem } from './netlink/netem.ts';
import type { NftMessage } from './nftables/batch.ts';
import { settingText, type PlannedRoute } from './setting-undo.ts';

/** The group of every link that we make, in the message that makes it: `ip link show group 1853060207`. */
export const LINK_GROUP = 0x6e73_746f;

/** A network namespace, by a way to it: /run/netns/ns1, /proc/4913/ns/net. null: our own. */
export type NetworkPlace = string | null;

/** A link that is made. Source: as of NewLink in netlink/change.ts. */
interface Made {
  readonly name: string;
  /** A link address of its own, by which its undo finds it again. */
  readonly mac: string;
  /** Unit: bytes. null: as the kernel has it. */
  readonly mtu: number | null;
}

/** One kind of kernel call each, in the namespace `at`. Links are meant by their names there. */
export type NetworkOperation = { readonly at: NetworkPlace } & (
  | /** A new network namespace, its loopback up, with `at` for a name, as ip-netns(8) gives it. */
    { readonly op: 'namespace'; readonly at: string }
  | ({ readonly op: 'bridge'; readonly stp: boolean } & Made)
  /** Two links. `bridge`: the first is a port of it. */
  | ({
      readonly op: 'veth';
      readonly bridge: string | null;
      readonly peer: { readonly at: NetworkPlace; readonly name: string; readonly mac: string };
    } & Made)
  /** `link`: of `at`, which the new one is on; it is made in `to`. */
  | ({
      readonly op: 'macvlan';
      readonly to: NetworkPlace;
      readonly link: string;
      readonly mode: 'bridge' | 'private' | 'vepa' | 'passthru';
    } & Made)
  /** `at` carries its packets, by `link` if that is not null; it is made in `to`. */
  | ({
      readonly op: 'vxlan';
      readonly to: NetworkPlace;
      readonly link: string | null;
      readonly id: number;
      readonly local: string | null;
      readonly remote: string | null;
      readonly port: number;
    } & Made)
  /** A link of programs, that stays without one. */
  | ({ readonly op: 'tun'; readonly mode: 'tun' | 'tap' } & Made)
  /** A link goes to another namespace, and is called `name` there. */
  | { readonly op: 'move'; readonly link: string; readonly to: NetworkPlace; readonly name: string }
  | { readonly op: 'alias'; readonly link: string; readonly alias: string }
  | { readonly op: 'stp'; readonly link: string; readonly stp: boolean }
  /** A bridge's port: what came in by it may go out by it again. */
  | { readonly op: 'hairpin'; readonly link: string }
  | { readonly op: 'mtu'; readonly link: string; readonly mtu: number }
  | { readonly op: 'port'; readonly link: string; readonly bridge: string }
  | { readonly op: 'address'; readonly link: string; readonly address: string; readonly prefixLength: number }
  | { readonly op: 'remove address'; readonly link: string; readonly address: string; readonly prefixLength: number }
  | { readonly op: 'up'; readonly link: string }
  /** What is sent by the link comes late, is lost. null: no more. */
  | { readonly op: 'impair'; readonly link: string; readonly impair: Netem | null }
  | { readonly op: 'remove link'; readonly link: string }
  /** `replaces`: another one to the same net may be there, and is ours. */
  | ({ readonly op: 'route'; readonly replaces: boolean } & PlannedRoute)
  | ({ readonly op: 'remove route' } & PlannedRoute)
  /** `net.ipv4.ip_forward`, with the text that is written. */
  | { readonly op: 'sysctl'; readonly key: string; readonly value: string }
  /** A batch of changes to nftables: all of it or nothing. */
  | { readonly op: 'nft'; readonly messages: readonly NftMessage[] }
  /** Of our own mount namespace. */
  | { readonly op: 'folder'; readonly path: string }
  /** `replaces`: what it says now, null: it is not there. */
  | { readonly op: 'file'; readonly path: string; readonly text: string; readonly replaces: string | null }
  /** What was made before, and is wanted no more. */
  | { readonly op: 'undo'; readonly undo: NetworkUndo }
);

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
  /** The namespaces that are there already, by the ways to them, with the inode that each must still have. */
  readonly places: ReadonlyMap<string, bigint>;
  readonly steps: readonly NetworkStep[];
  /** What the journal is to remember of it. */
  readonly note: string;
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

/** For people: a path, a link, a setting, a table. */
export function undoText(undo: NetworkUndo): string {
  if (undo.op === 'network link') return `${undo.kind} ${undo.name}`;
  if (undo.op === 'network move') return `link ${undo.name}`;
  if (undo.op === 'process') return `process ${undo.pid} (${undo.what})`;
  return 'path' in undo ? undo.path : settingText(undo);
}
