// What `ct` asks of a packet's connection. Source: net/netfilter/nft_ct.c.

import { parseAddress } from '../../kernel/netlink/address-text.ts';
import { knownBytes, unknownBytes, type Bits } from './bits.ts';
import { portBits, protocolNumber } from './headers.ts';
import type { Place } from './meta.ts';
import type { ConnectionState, Packet, PacketEnds } from './packet.ts';
import { u32, type State } from './state.ts';

const STATES: Readonly<Record<ConnectionState, number>> = {
  invalid: 1,
  established: 2,
  related: 4,
  new: 8,
  untracked: 64,
};

/** NF_IP_PRI_CONNTRACK: where a packet's connection is looked for. */
const CONNTRACK_PRIORITY = -200;

/** As the chain sees it: before its connection is looked for a packet has none. */
export function stateSeen({ hook, priority }: Place, { ctState }: Packet): ConnectionState {
  const isEarly = (hook === 'prerouting' || hook === 'output') && priority <= CONNTRACK_PRIORITY;
  return isEarly && ctState !== 'untracked' ? 'invalid' : ctState;
}

/** Source: linux/netfilter/nf_conntrack_common.h. */
const IPS_SEEN_REPLY = 2;
const IPS_SRC_NAT = 0x10;
const IPS_DST_NAT = 0x20;
const KNOWN_STATUS = IPS_SEEN_REPLY | IPS_SRC_NAT | IPS_DST_NAT;

/** Null: it has no connection, and the rule ends. */
export function connectionBits(
  place: Place,
  state: State,
  key: string,
  direction: 'original' | 'reply' | null,
  length: number,
): Bits | null {
  const { packet } = state;
  const seen = stateSeen(place, packet);
  if (key === 'state') return knownBytes(u32(STATES[seen]));
  if (seen === 'invalid' || seen === 'untracked') return null;
  switch (key) {
    case 'direction':
      return knownBytes(Uint8Array.of(packet.isReply ? 1 : 0));
    case 'status':
      return statusBits(packet);
    case 'mark':
      return state.ctMark;
    case 'l3proto':
      return knownBytes(Uint8Array.of(packet.family === 'ip6' ? 10 : 2));
    case 'protocol':
      return knownBytes(Uint8Array.of(protocolNumber(packet) ?? 0));
    case 'zone':
      return knownBytes(Uint8Array.of(0, 0));
    default:
      return endBits(packet, key, direction, length);
  }
}

function statusBits({ ctStatus, ctState }: Packet): Bits {
  const bits =
    (ctStatus.includes('snat') ? IPS_SRC_NAT : 0) |
    (ctStatus.includes('dnat') ? IPS_DST_NAT : 0) |
    (ctState === 'established' ? IPS_SEEN_REPLY : 0);
  return { bytes: u32(bits), known: u32(KNOWN_STATUS) };
}

/** The ends as the connection's first packet had them. */
export function originalEnds(packet: Packet): PacketEnds {
  if (packet.original !== null) return packet.original;
  const { source, destination, sport, dport } = packet;
  return packet.isReply
    ? { source: destination, destination: source, sport: dport, dport: sport }
    : { source, destination, sport, dport };
}

function endBits(packet: Packet, key: string, direction: 'original' | 'reply' | null, length: number): Bits {
  // What the other side answers to after NAT, only that side's rules say.
  if (direction !== 'original') return unknownBytes(length);
  const { source, destination, sport, dport } = originalEnds(packet);
  const address = (text: string): Bits => {
    const bytes = parseAddress(text);
    return bytes === undefined ? unknownBytes(length) : knownBytes(bytes);
  };
  if (/^(?:ip6? )?saddr$/.test(key)) return address(source);
  if (/^(?:ip6? )?daddr$/.test(key)) return address(destination);
  if (key === 'proto-src') return portBits(sport, false);
  return key === 'proto-dst' ? portBits(dport, false) : unknownBytes(length);
}
