// The registers of nftables: 16 words of 4 bytes, under two numberings. Source: linux/netfilter/nf_tables.h.

import { unknownBytes, type Bits } from './bits.ts';

const NFT_REG32_00 = 8;
const SIZE = 64;

/** Where a register begins; that of verdicts is none. Undefined: there is no such. */
function offsetOf(register: number): number | undefined {
  if (register >= 1 && register <= 4) return 16 * (register - 1);
  if (register >= NFT_REG32_00 && register < NFT_REG32_00 + 16) return 4 * (register - NFT_REG32_00);
  return undefined;
}

/** Of one rule: no rule reads what another wrote. */
export interface Registers {
  readonly bytes: Uint8Array;
  readonly known: Uint8Array;
  /** What was written as one of several values, by where it begins. */
  readonly choices: Map<number, readonly Uint8Array[]>;
}

export function freshRegisters(): Registers {
  return { bytes: new Uint8Array(SIZE), known: new Uint8Array(SIZE), choices: new Map() };
}

/** Filled up with zeros to a whole word. */
export function write(registers: Registers, register: number, value: Bits): void {
  const offset = offsetOf(register);
  if (offset === undefined) return;
  const length = value.bytes.length;
  const end = Math.min(SIZE, (offset + length + 3) & ~3);
  registers.bytes.fill(0, offset, end);
  registers.known.fill(0xff, offset, end);
  registers.bytes.set(value.bytes.subarray(0, SIZE - offset), offset);
  registers.known.set(value.known.subarray(0, SIZE - offset), offset);
  for (const at of registers.choices.keys()) if (at >= offset && at < end) registers.choices.delete(at);
  if (value.choices !== undefined) registers.choices.set(offset, value.choices);
}

export function read(registers: Registers, register: number, length: number): Bits {
  const offset = offsetOf(register);
  if (offset === undefined || offset + length > SIZE) return unknownBytes(length);
  const bytes = registers.bytes.slice(offset, offset + length);
  const known = registers.known.slice(offset, offset + length);
  const choices = registers.choices.get(offset);
  if (choices === undefined || choices.some((choice) => choice.length !== length)) return { bytes, known };
  return { bytes, known, choices };
}
