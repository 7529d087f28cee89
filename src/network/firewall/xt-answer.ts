// Does a match of iptables hold?

import type { PacketEnd, XtTest } from '../../kernel/xtables/match.ts';
import { parseAddress } from '../../kernel/netlink/address-text.ts';
import { addressType } from './address-type.ts';
import { both, equals, isWithin, masked, not, slice, type Answer, type Bits } from './bits.ts';
import { originalEnds, stateSeen } from './connection.ts';
import { destinationBits, headerBits, portBits, protocolNumber, sourceBits } from './headers.ts';
import { linkNamed, nameBits, type Place } from './meta.ts';
import type { Packet } from './packet.ts';
import { be16, u32, type State } from './state.ts';

export function xtAnswer(place: Place, state: State, test: XtTest): Answer {
  const answer = plainAnswer(place, state, test);
  return test.inverted ? not(answer) : answer;
}

function plainAnswer(place: Place, state: State, test: XtTest): Answer {
  const { packet } = state;
  switch (test.kind) {
    case 'ports':
      return portsAnswer(state, test);
    case 'tcp flags':
      return flagsAnswer(state, test.mask, test.compare);
    case 'icmp':
      return icmpAnswer(state, test);
    case 'connection state':
      return connectionState(place, packet, test.states);
    case 'connection reply':
      return packet.isReply === test.reply;
    case 'connection address':
      return connectionAddress(packet, test);
    case 'connection port':
      return connectionPort(packet, test);
    case 'connection protocol':
      return protocolNumber(packet) === test.protocol;
    case 'address type':
      return addressTypeAnswer(place, packet, test);
    case 'address range':
      return isWithin(addressOf(state, test.end), test.from, test.to);
    case 'mark':
      return equals(masked(test.of === 'packet' ? state.mark : state.ctMark, u32(test.mask), NOTHING), u32(test.mark));
    case 'bridge port':
      return bridgePort(packet, test);
    case 'bridged':
      return isBridged(packet, test.by);
    case 'never':
      return false;
    case 'uncertain':
      return null;
  }
}

const NOTHING = new Uint8Array(4);

type Test<Kind extends XtTest['kind']> = Extract<XtTest, { readonly kind: Kind }>;

function anyOf(answers: readonly Answer[]): Answer {
  return not(both(...answers.map(not)));
}

function addressOf(state: State, end: PacketEnd): Bits {
  return end === 'source' ? sourceBits(state) : destinationBits(state);
}

function portsAnswer(state: State, { end, spans }: Test<'ports'>): Answer {
  const { packet, unknown } = state;
  if (packet.protocol === 'icmp') return false;
  const ends = end === 'either' ? (['source', 'destination'] as const) : [end];
  return anyOf(
    ends.flatMap((one) => {
      const port =
        one === 'source' ? portBits(packet.sport, unknown.has('sport')) : portBits(packet.dport, unknown.has('dport'));
      return spans.map(({ first, last }) => isWithin(port, be16(first), be16(last)));
    }),
  );
}

const TCP_FLAGS_OFFSET = 13;

function flagsAnswer(state: State, mask: number, compare: number): Answer {
  if (state.packet.protocol !== 'tcp') return false;
  const flags = headerBits(state, 'transport', TCP_FLAGS_OFFSET, 1);
  return flags === null ? false : equals(masked(flags, Uint8Array.of(mask), Uint8Array.of(0)), Uint8Array.of(compare));
}

function icmpAnswer(state: State, { type, codes }: Test<'icmp'>): Answer {
  if (state.packet.protocol !== 'icmp') return false;
  const header = headerBits(state, 'transport', 0, 2);
  if (header === null) return false;
  const code = isWithin(slice(header, 1, 1), Uint8Array.of(codes.first), Uint8Array.of(codes.last));
  return both(equals(slice(header, 0, 1), Uint8Array.of(type)), code);
}

function connectionState(place: Place, packet: Packet, states: readonly string[]): Answer {
  const seen = stateSeen(place, packet);
  if (states.includes(seen.toUpperCase())) return true;
  if (seen === 'invalid' || seen === 'untracked') return false;
  return packet.ctStatus.some((status) => states.includes(status.toUpperCase()));
}

function connectionAddress(packet: Packet, { of, end, address, mask }: Test<'connection address'>): Answer {
  if (of === 'reply') return null;
  const bytes = parseAddress(originalEnds(packet)[end]);
  if (bytes?.length !== address.length) return false;
  return bytes.every((byte, at) => ((byte ^ (address[at] ?? 0)) & (mask[at] ?? 0)) === 0);
}

function connectionPort(packet: Packet, { of, end, span }: Test<'connection port'>): Answer {
  if (of === 'reply') return null;
  const ends = originalEnds(packet);
  return isWithin(portBits(end === 'source' ? ends.sport : ends.dport, false), be16(span.first), be16(span.last));
}

const RTN_COUNT = 12;

function addressTypeAnswer({ ruleset }: Place, packet: Packet, { end, types, link }: Test<'address type'>): Answer {
  const name = link === 'in' ? packet.iif : packet.oif;
  const ifindex = link === null ? null : (linkNamed(ruleset, name)?.ifindex ?? null);
  const type = addressType(ruleset, packet[end], ifindex);
  const wanted = Array.from({ length: RTN_COUNT }, (_, bit) => bit).filter((bit) => (types & (1 << bit)) !== 0);
  return anyOf(wanted.map((number) => equals(type, u32(number))));
}

function bridgePort({ ports }: Packet, { way, name, mask }: Test<'bridge port'>): Answer {
  const port = ports?.[way] ?? null;
  if (port === null) return false;
  return nameBits(port).bytes.every((byte, at) => ((byte ^ (name[at] ?? 0)) & (mask[at] ?? 0)) === 0);
}

function isBridged({ ports }: Packet, by: 'in' | 'out' | 'both'): Answer {
  if (ports === null) return false;
  if (by !== 'both') return ports[by] !== null;
  return ports.in !== null && ports.out !== null;
}
