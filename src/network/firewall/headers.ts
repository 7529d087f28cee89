// The headers of a packet as far as they are known, byte by byte. A packet is taken to be whole (no fragment) and to
// have no IP options: those of others are rare, and no rule set treats them better.

import { memo } from '../../kernel/memo.ts';
import { parseAddress } from '../../kernel/netlink/address-text.ts';
import { join, knownBytes, slice, unknownBytes, type Bits } from './bits.ts';
import type { Packet } from './packet.ts';
import { be16, type State } from './state.ts';

const PROTOCOLS = { ip: { icmp: 1, tcp: 6, udp: 17 }, ip6: { icmp: 58, tcp: 6, udp: 17 } } as const;

/** IPPROTO_*; null: it has none (arp). */
export function protocolNumber({ family, protocol }: Packet): number | null {
  return family === 'arp' ? null : PROTOCOLS[family][protocol];
}

const ETHERTYPES = { ip: 0x0800, ip6: 0x86dd, arp: 0x0806 } as const;

export function etherType({ family }: Packet): Uint8Array {
  return be16(ETHERTYPES[family]);
}

/** Null: there is none of that sort. */
export function headerBits(
  state: State,
  base: 'link' | 'network' | 'transport' | 'inner',
  offset: number,
  length: number,
): Bits | null {
  const whole = base === 'inner' ? undefined : known(state, base, () => HEADERS[base](state));
  if (whole === null) return null;
  if (whole === undefined || offset + length > whole.bytes.length) return unknownBytes(length);
  return slice(whole, offset, length);
}

/** Thousands of rules ask for the same. */
const known = memo<Bits | null>();

const HEADERS = {
  link: ({ packet }: State): Bits | null => join([unknownBytes(12), knownBytes(etherType(packet))]),
  network: networkHeader,
  transport: transportHeader,
};

export function sourceBits(state: State): Bits {
  return addressBits(state, state.packet.source, state.unknown.has('source'));
}

export function destinationBits(state: State): Bits {
  return addressBits(state, state.packet.destination, state.unknown.has('destination'));
}

function addressBits({ packet: { family } }: State, text: string, isUnknown: boolean): Bits {
  const length = family === 'ip6' ? 16 : 4;
  const bytes = isUnknown ? undefined : parseAddress(text);
  return bytes?.length === length ? knownBytes(bytes) : unknownBytes(length);
}

export function portBits(port: number | null, isUnknown: boolean): Bits {
  return port === null || isUnknown ? unknownBytes(2) : knownBytes(be16(port));
}

const bytes = (...numbers: readonly number[]): Bits => knownBytes(Uint8Array.from(numbers));

function networkHeader(state: State): Bits | null {
  const { packet } = state;
  if (packet.family === 'arp') return arpHeader(state);
  const protocol = protocolNumber(packet) ?? 0;
  const addresses = [sourceBits(state), destinationBits(state)];
  if (packet.family === 'ip6') {
    // Version and traffic class, flow label, length, next header, hop limit.
    const version: Bits = { bytes: Uint8Array.of(0x60), known: Uint8Array.of(0xf0) };
    return join([version, unknownBytes(5), bytes(protocol), unknownBytes(1), ...addresses]);
  }
  // Version and length, service, length, id, fragment (its flags are not known), lifetime, protocol, checksum.
  const fragment: Bits = { bytes: Uint8Array.of(0, 0), known: Uint8Array.of(0x3f, 0xff) };
  return join([
    bytes(0x45),
    unknownBytes(5),
    fragment,
    unknownBytes(1),
    bytes(protocol),
    unknownBytes(2),
    ...addresses,
  ]);
}

/** A request on Ethernet for IPv4. Source: RFC 826. */
function arpHeader(state: State): Bits {
  const operation: Bits = { bytes: Uint8Array.of(0, 0), known: Uint8Array.of(0xff, 0xfc) };
  return join([
    bytes(0, 1, 8, 0, 6, 4),
    operation,
    unknownBytes(6),
    sourceBits(state),
    unknownBytes(6),
    destinationBits(state),
  ]);
}

const TCP_SYN = 2;
const ECHO = { ip: { request: 8, reply: 0 }, ip6: { request: 128, reply: 129 } } as const;
/** Source: RFC 4861. */
const NEIGHBOUR = { solicit: 135, advert: 136 } as const;

function transportHeader(state: State): Bits | null {
  const { packet, unknown } = state;
  if (packet.family === 'arp') return null;
  if (packet.protocol === 'icmp') {
    const type =
      packet.neighbour === null
        ? ECHO[packet.family][packet.isReply ? 'reply' : 'request']
        : NEIGHBOUR[packet.neighbour];
    // What is related is an error.
    return packet.ctState === 'related' ? unknownBytes(8) : join([bytes(type, 0), unknownBytes(6)]);
  }
  const ports = [portBits(packet.sport, unknown.has('sport')), portBits(packet.dport, unknown.has('dport'))];
  if (packet.protocol === 'udp') return join([...ports, unknownBytes(4)]);
  // A connection's first packet has SYN alone, others have ACK.
  const flags: Bits =
    packet.ctState === 'new'
      ? bytes(TCP_SYN)
      : { bytes: Uint8Array.of(TCP_ACK), known: Uint8Array.of(packet.isReply ? TCP_ACK : TCP_ACK | TCP_SYN) };
  return join([...ports, unknownBytes(9), flags, unknownBytes(6)]);
}

const TCP_ACK = 0x10;
