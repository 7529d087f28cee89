// Is a port of the host free to be published?

import { NsError } from '../kernel/error.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import {
  decodeListeners,
  encodeListenerDump,
  type Listener,
  type ListenerFamily,
} from '../kernel/netlink/sock-diag.ts';
import { judge } from './firewall/judge.ts';
import { newPacket, type Packet } from './firewall/packet.ts';
import type { Ruleset } from './firewall/ruleset.ts';
import type { Decider, NatEffect } from './firewall/verdict.ts';
import type { Sight } from './lab-sight.ts';
import { isLoopback, labOfTable, type PublishedPort } from './nat.ts';

/** Errors: BAD_VALUE. What cannot be asked is in nobody's way. */
export function requireFreePort(host: Host, sight: Sight, published: PublishedPort): void {
  requireOwnAddress(sight, published);
  const { protocol, port } = published;
  const taken = listenersOf(host, sight, protocol).find((each) => each.port === port && isHidden(each, published));
  if (taken === undefined) return;
  throw new NsError('BAD_VALUE', {
    what: `port ${port}/${protocol} cannot be published: the host listens on it`,
    why: `uid ${taken.uid} at ${taken.address} would not be heard of any more from outside`,
    tryThis: `another port: --publish ${neighbourOf(port)}:${published.toPort}; who it is: nstool show port:${port}`,
  });
}

/** Of no machine's: TEST-NET-3 and the net of documents. Source: RFC 5737, RFC 3849. */
export const SOMEBODY = { ip: '203.0.113.113', ip6: '2001:db8::113' } as const;
/** Of a host with more the first are looked at. */
const MOST_ADDRESSES = 32;

/**
 * Two that lead a port elsewhere: only the first is asked, and which that is may change. `others`: the rules of the node, but
 * for those of the lab. What is not certain is in nobody's way. Errors: BAD_VALUE.
 */
export function requireUntranslated(others: Ruleset, sight: Sight, published: PublishedPort): void {
  const { port, protocol, toPort } = published;
  for (const packet of askingPackets(sight, published)) {
    const { nat, certain } = judge(others, isLoopback(published) ? 'output' : 'prerouting', packet);
    if (!certain || nat === null || (nat.kind !== 'dnat' && nat.kind !== 'redirect')) continue;
    throw new NsError('BAD_VALUE', {
      what: `port ${port}/${protocol} cannot be published: it leads elsewhere already`,
      why: `at ${packet.destination} table ${nat.by.family} ${nat.by.table}, chain ${nat.by.chain}, leads it to ${targetText(nat)}`,
      tryThis: `another port: --publish ${neighbourOf(port)}:${toPort}; ${whoseText(nat.by)}`,
    });
  }
}

function whoseText({ family, table }: Decider): string {
  const lab = family === 'inet' ? labOfTable(table) : undefined;
  if (lab !== undefined) return `or nstool net down ${lab}`;
  if (family === 'legacy ip') return 'its rules: iptables-legacy -t nat -S';
  return `its rules: ${family === 'legacy ip6' ? 'ip6tables-legacy -t nat -S' : 'nft list ruleset'}`;
}

function targetText({ kind, address, port }: NatEffect): string {
  const host = kind === 'redirect' ? 'the host itself' : (address ?? 'the same address');
  return port === null ? host : `${host}, port ${port}`;
}

/** The first of a connection, to each address that it is published at. */
function askingPackets({ addresses, links }: Sight, published: PublishedPort): readonly Packet[] {
  const { address, protocol, port, toAddress } = published;
  const family = toAddress.includes(':') ? 'ip6' : 'ip';
  const names = new Map(Array.from(links.values(), ({ ifindex, name }) => [ifindex, name]));
  const first = { family, protocol, dport: port } as const;
  if (address !== null && isLoopback(published))
    return [newPacket({ ...first, source: '127.0.0.1', destination: address, oif: 'lo' })];
  const meant = addresses.filter((each) => {
    if (each.family !== (family === 'ip6' ? 'inet6' : 'inet')) return false;
    return address === null ? !/^(?:127\.|::1$|fe80:)/.test(each.address) : each.address === address;
  });
  return meant.slice(0, MOST_ADDRESSES).map((each) => {
    const iif = names.get(each.ifindex) ?? null;
    return newPacket({ ...first, source: SOMEBODY[family], destination: each.address, iif });
  });
}

function neighbourOf(port: number): number {
  return port === 65_535 ? port - 1 : port + 1;
}

function requireOwnAddress({ addresses, inode, node }: Sight, { address }: PublishedPort): void {
  const isOwn = address === null || address.startsWith('127.') || addresses.some((each) => each.address === address);
  if (isOwn || inode === null) return;
  throw new NsError('BAD_VALUE', {
    what: `cannot publish at ${address}`,
    why: `${node.name === 'host' ? 'the host' : node.name} does not have that address`,
    tryThis: `one of ${addresses
      .map((each) => each.address)
      .slice(0, 4)
      .join(', ')}; or none: all of them`,
  });
}

function listenersOf(host: Host, { at, inode }: Sight, protocol: 'tcp' | 'udp'): readonly Listener[] {
  if (inode === null) return [];
  const families: readonly ListenerFamily[] = protocol === 'tcp' ? ['tcp', 'tcp6'] : ['udp', 'udp6'];
  return families.flatMap((family) => {
    const answer = host.netlink(encodeListenerDump(family, at ?? undefined));
    return (answer.ok ? valueOf(decodeListeners(answer.value, family)) : undefined) ?? [];
  });
}

/** Would what is said to it go elsewhere? `::` also is for IPv4, as a rule. */
function isHidden({ address }: Listener, published: PublishedPort): boolean {
  const isIpv6 = published.toAddress.includes(':');
  if (address === '::') return true;
  if (address.includes(':') !== isIpv6) return false;
  if (address === '0.0.0.0') return true;
  const isLocal = address.startsWith('127.') || address === '::1';
  return published.address === null ? !isLocal : address === published.address;
}
