// Bytes of which some bits may not be known: what a rule compares.

export interface Bits {
  readonly bytes: Uint8Array;
  /** 1: the bit is known. Bits that are not are 0 in `bytes`. */
  readonly known: Uint8Array;
  /** It is one of these. Absent: what `known` says is all that is known. */
  readonly choices?: readonly Uint8Array[];
}

/** null: it depends on what is not known. */
export type Answer = boolean | null;

export function not(answer: Answer): Answer {
  return answer === null ? null : !answer;
}

/** Null where one is null and none is false. */
export function both(...answers: readonly Answer[]): Answer {
  if (answers.includes(false)) return false;
  return answers.includes(null) ? null : true;
}

export function knownBytes(bytes: Uint8Array): Bits {
  return { bytes, known: new Uint8Array(bytes.length).fill(0xff) };
}

/** All registers together have as many. */
const MAX_LENGTH = 64;

export function unknownBytes(length: number): Bits {
  const size = Math.min(length, MAX_LENGTH);
  return { bytes: new Uint8Array(size), known: new Uint8Array(size) };
}

/** One of several values of the same length; at least one. */
export function choiceOf(choices: readonly Uint8Array[]): Bits {
  const [first = new Uint8Array(), ...others] = choices;
  if (others.length === 0) return knownBytes(first);
  const known = first.map(
    (byte, at) => 0xff & ~others.reduce((differs, other) => differs | (byte ^ (other[at] ?? 0)), 0),
  );
  return { bytes: first.map((byte, at) => byte & (known[at] ?? 0)), known, choices };
}

export function isKnown({ known }: Bits): boolean {
  return known.every((byte) => byte === 0xff);
}

export function slice({ bytes, known }: Bits, start: number, length: number): Bits {
  return { bytes: bytes.subarray(start, start + length), known: known.subarray(start, start + length) };
}

export function join(parts: readonly Bits[]): Bits {
  const of = (key: 'bytes' | 'known'): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part[key]]));
  return { bytes: of('bytes'), known: of('known') };
}

/** (value & mask) ^ xor */
export function masked(value: Bits, mask: Uint8Array, xor: Uint8Array): Bits {
  const one = (bytes: Uint8Array): Uint8Array => bytes.map((byte, at) => (byte & (mask[at] ?? 0)) ^ (xor[at] ?? 0));
  if (value.choices !== undefined) return choiceOf(distinct(value.choices.map(one)));
  const known = value.known.map((bits, at) => bits | (~(mask[at] ?? 0) & 0xff));
  return { bytes: one(value.bytes).map((byte, at) => byte & (known[at] ?? 0)), known };
}

function distinct(all: readonly Uint8Array[]): readonly Uint8Array[] {
  return [...new Map(all.map((bytes) => [bytes.join(), bytes])).values()];
}

/** Whether it is less than (-1), equal to (0) or more than (1) the other, byte by byte; null: not known. */
function order({ bytes, known }: Bits, other: Uint8Array): -1 | 0 | 1 | null {
  for (let at = 0; at < other.length; at += 1) {
    const mask = known[at] ?? 0;
    const [own = 0, its = 0] = [bytes[at], other[at]];
    if (mask !== 0xff) {
      // The highest and the lowest that it can be may both be on one side.
      const highest = own | (~mask & 0xff);
      if (own > its) return 1;
      return highest < its ? -1 : null;
    }
    if (own !== its) return own < its ? -1 : 1;
  }
  return 0;
}

export function equals(value: Bits, other: Uint8Array): Answer {
  if (value.choices !== undefined) return agreed(value.choices.map((choice) => sameBytes(choice, other)));
  for (let at = 0; at < other.length; at += 1) {
    if ((((value.bytes[at] ?? 0) ^ (other[at] ?? 0)) & (value.known[at] ?? 0)) !== 0) return false;
  }
  return value.known.subarray(0, other.length).every((byte) => byte === 0xff) ? true : null;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return b.every((byte, at) => a[at] === byte);
}

/** The answer that all give; null where they differ, or there is none. */
function agreed(answers: readonly Answer[]): Answer {
  const [first = null] = answers;
  return answers.every((answer) => answer === first) ? first : null;
}

/** As memcmp(3) compares: numbers in network byte order. */
export function isLess(value: Bits, other: Uint8Array, orEqual: boolean): Answer {
  if (value.choices !== undefined) {
    return agreed(value.choices.map((choice) => isLess(knownBytes(choice), other, orEqual)));
  }
  const side = order(value, other);
  if (side === null) return null;
  return orEqual ? side <= 0 : side < 0;
}

export function isWithin(value: Bits, from: Uint8Array, to: Uint8Array): Answer {
  return both(not(isLess(value, from, false)), isLess(value, to, true));
}
