// A packet on its way through the rules: what they see of it changes as they mark and translate it.

import { knownBytes, unknownBytes, type Bits } from './bits.ts';
import type { Packet } from './packet.ts';
import type { NatEffect } from './verdict.ts';

/** Marks are in the machine's order, 4 bytes. */
export interface State {
  readonly packet: Packet;
  readonly mark: Bits;
  readonly ctMark: Bits;
  readonly nat: NatEffect | null;
  /** What NAT made of them is not known. */
  readonly unknown: ReadonlySet<'source' | 'destination' | 'sport' | 'dport'>;
}

export function stateOf(packet: Packet): State {
  return { packet, mark: markBits(packet.mark), ctMark: markBits(packet.ctMark), nat: null, unknown: new Set() };
}

function markBits(mark: number | null): Bits {
  return mark === null ? unknownBytes(4) : knownBytes(u32(mark));
}

/** In the machine's order. */
export function u32(number: number): Uint8Array {
  return Uint8Array.from([0, 8, 16, 24], (shift) => (number >>> shift) & 0xff);
}

/** In network order. */
export function be16(number: number): Uint8Array {
  return Uint8Array.of((number >> 8) & 0xff, number & 0xff);
}

/** Two with the same key go the same way from here on. */
export function keyOf(state: State): string {
  const { packet, mark, ctMark, nat, unknown } = state;
  const { source, destination, sport, dport, ctState } = packet;
  const bits = [mark, ctMark].map(({ bytes, known }) => `${bytes.join('.')}/${known.join('.')}`);
  const effect = nat === null ? '' : `${nat.kind} ${nat.address} ${nat.port}`;
  return [source, destination, sport, dport, ctState, ...bits, effect, ...unknown].join(' ');
}
