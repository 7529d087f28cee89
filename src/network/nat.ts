// The NAT that a node of a lab does, as a table of nftables: masquerade for what leaves, and the ports that are published.
// A table of its own, with chains of its own: nobody else's rules are changed, and all of it goes at once.

import * as abi from '../kernel/abi/netfilter.ts';
import { parseAddress } from '../kernel/netlink/address-text.ts';
import type { NftMessage } from '../kernel/nftables/batch.ts';
import { deleteTable, newBaseChain, newRule, newTable, type NewBaseChain } from '../kernel/nftables/encode.ts';
import type { Expression } from '../kernel/nftables/expression.ts';
import * as match from '../kernel/nftables/matches.ts';
import { familyOf, type IpNet } from './ip-net.ts';
import { isLabName, type Lab, type LabNat, type LabPublish } from './lab.ts';

export interface NatTable {
  readonly family: 'inet';
  readonly name: string;
  /** Also of each rule: whose it is. */
  readonly comment: string;
  readonly chains: readonly NatChain[];
}

export interface NatChain extends NewBaseChain {
  readonly rules: readonly (readonly Expression[])[];
}

/** A published port, with where it leads to as the node sees it. */
export interface PublishedPort extends LabPublish {
  /** The net that `toAddress` is in. */
  readonly net: IpNet;
  /** The node's link to it. Absent (null): others are between. */
  readonly link: string | null;
  /** Where that is a bridge, its port. */
  readonly bridgePort: string | null;
}

const LOOPBACK: IpNet = { address: '127.0.0.0', prefixLength: 8 };
const MULTICAST = {
  inet: { address: '224.0.0.0', prefixLength: 4 },
  inet6: { address: 'ff00::', prefixLength: 8 },
} as const;

/** Whose links, tables and rules are. */
export function labMark(name: string): string {
  return `nstool:lab=${name}`;
}

const TABLE_START = 'nstool_';

/** Not a word of nft(8)'s, whatever the lab is called. */
function tableName(name: string): string {
  return `${TABLE_START}${name}`;
}

/** undefined: it is no lab's. */
export function labOfTable(table: string): string | undefined {
  const name = table.slice(TABLE_START.length);
  return table.startsWith(TABLE_START) && isLabName(name) ? name : undefined;
}

/** Is it published on the host's own loopback? Source: RFC 1122, 3.2.1.3. */
export function isLoopback({ address }: LabPublish): boolean {
  return address?.startsWith('127.') === true;
}

export function natTable({ name }: Lab, nat: readonly LabNat[], published: readonly PublishedPort[]): NatTable {
  const local = published.filter(isLoopback);
  const chains: readonly NatChain[] = [
    {
      name: 'guard',
      type: 'filter',
      hook: abi.NF_INET_PRE_ROUTING,
      priority: abi.NF_IP_PRI_RAW,
      rules: [...new Set(local.flatMap(({ link }) => link ?? []))].flatMap(guardRules),
    },
    {
      name: 'prerouting',
      type: 'nat',
      hook: abi.NF_INET_PRE_ROUTING,
      priority: abi.NF_IP_PRI_NAT_DST,
      rules: published.filter((each) => !isLoopback(each)).map((each) => publishRule(each, false)),
    },
    {
      name: 'output',
      type: 'nat',
      hook: abi.NF_INET_LOCAL_OUT,
      priority: abi.NF_IP_PRI_NAT_DST,
      rules: published.map((each) => publishRule(each, true)),
    },
    {
      name: 'postrouting',
      type: 'nat',
      hook: abi.NF_INET_POST_ROUTING,
      priority: abi.NF_IP_PRI_NAT_SRC,
      rules: [...published.flatMap(hairpinRules), ...nat.flatMap(masqueradeRules)],
    },
  ];
  return {
    family: 'inet',
    name: tableName(name),
    comment: labMark(name),
    chains: chains.filter(({ rules }) => rules.length > 0),
  };
}

/** What `route_localnet` lets in besides: neighbours that speak to the host's loopback. */
function guardRules(link: string): readonly (readonly Expression[])[] {
  const bytes = bytesOf(LOOPBACK.address);
  return (['daddr', 'saddr'] as const).map((which) => [
    ...match.link('iifname', link),
    ...match.ofFamily(bytes),
    ...match.address(which, 'eq', netMatch(LOOPBACK)),
    match.counter(),
    match.verdict('drop'),
  ]);
}

/** `isOwn`: for what the node itself sends: not what it says to its own loopback, unless that is meant. */
function publishRule(published: PublishedPort, isOwn: boolean): readonly Expression[] {
  const { address, protocol, port, toAddress, toPort } = published;
  const to = bytesOf(toAddress);
  const loopback = familyOf(toAddress) === 'inet' ? LOOPBACK : { address: '::1', prefixLength: 128 };
  const meant =
    address === null
      ? [...(isOwn ? match.address('daddr', 'neq', netMatch(loopback)) : []), ...match.toUs()]
      : match.address('daddr', 'eq', netMatch(wholeOf(address)));
  return [
    ...match.ofFamily(to),
    ...meant,
    ...match.port(protocol, 'dport', port),
    match.counter(),
    ...match.translate(to, toPort),
  ];
}

/**
 * Who asks from the same net, or from the host's loopback, must be answered by way of the node, and not at once: it would
 * not know who answers.
 */
function hairpinRules(published: PublishedPort): readonly (readonly Expression[])[] {
  const to = bytesOf(published.toAddress);
  const from = isLoopback(published) ? [LOOPBACK] : [published.net];
  return from.map((net) => [
    ...match.ofFamily(to),
    ...match.address('saddr', 'eq', netMatch(net)),
    ...match.address('daddr', 'eq', netMatch(wholeOf(published.toAddress))),
    ...match.port(published.protocol, 'dport', published.toPort),
    ...match.translated(),
    match.counter(),
    match.masquerade(),
  ]);
}

function masqueradeRules({ source, outLink }: LabNat): readonly (readonly Expression[])[] {
  const bytes = bytesOf(source.address);
  const from = [
    ...(outLink === null ? [] : match.link('oifname', outLink)),
    ...match.ofFamily(bytes),
    ...match.address('saddr', 'eq', netMatch(source)),
  ];
  return [
    [
      ...from,
      ...match.address('daddr', 'eq', netMatch(MULTICAST[familyOf(source.address)])),
      match.counter(),
      match.verdict('return'),
    ],
    [...from, ...match.address('daddr', 'neq', netMatch(source)), match.counter(), match.masquerade()],
  ];
}

/** All that makes it, in one batch. `isThere`: it replaces what is there of it. */
export function tableMessages({ family, name, comment, chains }: NatTable, isThere: boolean): readonly NftMessage[] {
  return [
    ...(isThere ? [deleteTable(family, name)] : []),
    newTable(family, name, comment),
    ...chains.flatMap((chain) => [
      newBaseChain(family, name, chain),
      ...chain.rules.map((expressions) => newRule({ family, table: name, chain: chain.name, expressions, comment })),
    ]),
  ];
}

function netMatch({ address, prefixLength }: IpNet): match.AddressMatch {
  return { address: bytesOf(address), prefixLength };
}

function wholeOf(address: string): IpNet {
  return { address, prefixLength: bytesOf(address).length * 8 };
}

function bytesOf(address: string): Uint8Array {
  return parseAddress(address) ?? new Uint8Array();
}
