// What a lab file says, checked part by part; names are not looked up yet, and addresses not given.

import type { Netem } from '../../kernel/netlink/netem.ts';
import type { LabExpectation } from '../expectation.ts';
import type { IpNet } from '../ip-net.ts';
import type { MacvlanMode } from '../lab.ts';
import type { Word } from './fields.ts';
import type { Place } from './tree.ts';

export interface LabFile {
  /** null: the command line has to say it. */
  readonly name: Word | null;
  /** Where automatic addresses come from. null: found by the host. */
  readonly pool: readonly IpNet[] | null;
  readonly nodes: readonly FileNode[];
  readonly links: readonly FileLink[];
  readonly nat: readonly FileNat[];
  readonly publish: readonly FilePublish[];
  readonly expect: readonly LabExpectation[];
}

export type FileNode = FileNamespace | FileBridge | FileAttached | FileHost;

interface NodeBase {
  readonly name: string;
  readonly at: Place;
}

export interface FileSettings {
  readonly routes: readonly FileRoute[];
  readonly sysctls: ReadonlyMap<string, string>;
}

export interface FileNamespace extends NodeBase, FileSettings {
  readonly kind: 'namespace';
  /** Addresses, or names of nodes. */
  readonly dns: readonly Word[];
  readonly search: readonly string[];
  readonly hosts: ReadonlyMap<string, Word>;
  readonly start: readonly (readonly string[])[];
}

export interface FileBridge extends NodeBase {
  readonly kind: 'bridge';
  readonly in: Word | null;
  /** null: automatic. */
  readonly addresses: readonly IpNet[] | null;
  readonly mtu: number | null;
  readonly stp: boolean;
  readonly isForeign: boolean;
}

export interface FileAttached extends NodeBase, FileSettings {
  readonly kind: 'attached';
  /** A target as of the command line: `container:web`, a pid. */
  readonly attach: Word;
}

export interface FileHost extends NodeBase, FileSettings {
  readonly kind: 'host';
}

export interface FileRoute {
  /** `default`, a net or an address. */
  readonly to: string;
  /** An address, or the name of a node. */
  readonly via: Word | null;
  readonly dev: string | null;
  readonly metric: number | null;
  readonly table: number | null;
  readonly at: Place;
}

export interface FileEnd {
  readonly node: Word;
  /** null: automatic. */
  readonly link: Word | null;
  readonly mac: string | null;
  /** null: automatic. */
  readonly addresses: readonly IpNet[] | null;
  /** null: as the link has it. */
  readonly impair: Netem | null;
}

/** `impair`: of each end that has none of its own. */
export type FileLink = { readonly at: Place; readonly mtu: number | null; readonly impair: Netem | null } & (
  | { readonly kind: 'veth'; readonly ends: readonly [FileEnd, FileEnd] }
  | { readonly kind: 'macvlan'; readonly end: FileEnd; readonly parent: LinkWord; readonly mode: MacvlanMode }
  | {
      readonly kind: 'vxlan';
      readonly end: FileEnd;
      readonly under: LinkWord | null;
      readonly id: number;
      readonly local: string | null;
      readonly remote: string | null;
      readonly port: number;
    }
  | { readonly kind: 'tun' | 'tap'; readonly end: FileEnd }
  | { readonly kind: 'physical'; readonly end: FileEnd; readonly from: string }
);

/** `web:eth0`. */
export interface LinkWord {
  readonly node: Word;
  readonly link: string | null;
}

/** The net of a bridge, or one that is written, behind the address of a node. */
export interface FileNat {
  readonly source: Word;
  readonly node: Word | null;
  readonly out: string | null;
}

export interface FilePublish {
  readonly at: Place;
  /** null: the host. */
  readonly node: Word | null;
  readonly protocol: 'tcp' | 'udp';
  readonly address: string | null;
  readonly port: number;
  readonly to: Word;
  readonly toPort: number;
}
