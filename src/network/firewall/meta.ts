// What `meta` asks of a packet. Source: net/netfilter/nft_meta.c.

import { addressType } from './address-type.ts';
import { knownBytes, unknownBytes, type Bits } from './bits.ts';
import { etherType, protocolNumber } from './headers.ts';
import type { Hook } from './packet.ts';
import type { FirewallLink, Ruleset } from './ruleset.ts';
import { u32, type State } from './state.ts';

/** Where a rule is asked. */
export interface Place {
  readonly ruleset: Ruleset;
  readonly hook: Hook;
  /** Of its base chain: before -200 the connection is not known yet. */
  readonly priority: number;
}

const NAME_LENGTH = 16;

/** Null: the packet has none, and the rule ends. */
export function metaBits(place: Place, state: State, key: string, length: number): Bits | null {
  const { packet } = state;
  const { ruleset, hook } = place;
  const of = (name: string | null): FirewallLink | undefined => linkNamed(ruleset, name);
  switch (key) {
    case 'protocol':
      return knownBytes(etherType(packet));
    case 'mark':
      return state.mark;
    case 'nfproto':
      return knownBytes(Uint8Array.of(familyNumber(hook, packet.family)));
    case 'l4proto': {
      const number = protocolNumber(packet);
      return number === null ? null : knownBytes(Uint8Array.of(number));
    }
    case 'iif':
      return indexBits(packet.iif, of(packet.iif));
    case 'oif':
      return indexBits(packet.oif, of(packet.oif));
    case 'iifname':
      return nameBits(packet.iif ?? '');
    case 'oifname':
      return nameBits(packet.oif ?? '');
    case 'iifgroup':
      return groupBits(packet.iif, of(packet.iif));
    case 'oifgroup':
      return groupBits(packet.oif, of(packet.oif));
    case 'iifkind':
      return kindBits(packet.iif, of(packet.iif));
    case 'oifkind':
      return kindBits(packet.oif, of(packet.oif));
    case 'ibrname':
      return bridgeBits(ruleset, of(packet.iif));
    case 'obrname':
      return bridgeBits(ruleset, of(packet.oif));
    case 'pkttype':
      return packetType(place, state);
    case 'nftrace':
      return knownBytes(Uint8Array.of(0));
    case 'skuid':
    case 'skgid':
      // Only what was made here has a socket, or may have one once it has arrived.
      return packet.iif === null || hook === 'input' ? unknownBytes(4) : null;
    default:
      return unknownBytes(length);
  }
}

export function linkNamed({ links }: Ruleset, name: string | null): FirewallLink | undefined {
  return name === null ? undefined : links.find((link) => link.name === name);
}

const NUMBERS = { ip: 2, arp: 3, ip6: 10 } as const;
const NFPROTO_BRIDGE = 7;

function familyNumber(hook: Hook, family: keyof typeof NUMBERS): number {
  return hook.startsWith('bridge ') ? NFPROTO_BRIDGE : NUMBERS[family];
}

function indexBits(name: string | null, link: FirewallLink | undefined): Bits {
  if (name === null) return knownBytes(u32(0));
  return link === undefined ? unknownBytes(4) : knownBytes(u32(link.ifindex));
}

export function nameBits(name: string): Bits {
  const bytes = new Uint8Array(NAME_LENGTH);
  bytes.set(new TextEncoder().encode(name).subarray(0, NAME_LENGTH - 1));
  return knownBytes(bytes);
}

function groupBits(name: string | null, link: FirewallLink | undefined): Bits | null {
  if (name === null) return null;
  return link === undefined ? unknownBytes(4) : knownBytes(u32(link.group));
}

function kindBits(name: string | null, link: FirewallLink | undefined): Bits | null {
  if (name === null) return null;
  if (link === undefined) return unknownBytes(NAME_LENGTH);
  return link.kind === null ? null : nameBits(link.kind === 'tap' ? 'tun' : link.kind);
}

function bridgeBits({ links }: Ruleset, port: FirewallLink | undefined): Bits | null {
  if (port === undefined) return unknownBytes(NAME_LENGTH);
  const bridge = links.find(({ ifindex }) => ifindex === port.master);
  return bridge === undefined ? null : nameBits(bridge.name);
}

const RTN_BROADCAST = 3;
const RTN_MULTICAST = 5;
/** PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST. */
const PACKET = { host: 0, broadcast: 1, multicast: 2 } as const;

function packetType({ ruleset, hook }: Place, { packet }: State): Bits {
  // Frames that a bridge passes on are for others, or for it.
  if (packet.ports !== null || hook.startsWith('bridge ') || hook === 'ingress') return unknownBytes(1);
  const type = addressType(ruleset, packet.destination, null).bytes[0];
  const number = type === RTN_BROADCAST ? PACKET.broadcast : type === RTN_MULTICAST ? PACKET.multicast : PACKET.host;
  return knownBytes(Uint8Array.of(number));
}
