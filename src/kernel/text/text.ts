// What every parser of a text file needs: bytes to text, and a parse error that names file, line and text.

import { gap, type Reading } from '../host.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** UTF-8; bytes that are not become U+FFFD. Kernel files are ASCII but for names that a process chose. */
export function decodeText(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The reading of a text that is not as documented. `text` is cut, as it may be anything. */
export function malformed(file: string, line: number, text: string): Reading<never> {
  return gap({ reason: 'malformed', what: file, line, text: text.slice(0, 200) });
}

const MAX_DIGITS = 20;

/** A decimal number without sign, that Number holds exactly; else undefined. */
export function parseDecimal(word: string | undefined): number | undefined {
  if (word === undefined || word.length > MAX_DIGITS || !/^[0-9]+$/.test(word)) return undefined;
  const number = Number(word);
  return Number.isSafeInteger(number) ? number : undefined;
}

/** A decimal number of at most 64 bits without sign; else undefined. */
export function parseUnsigned64(word: string | undefined): bigint | undefined {
  if (word === undefined || word.length > MAX_DIGITS || !/^[0-9]+$/.test(word)) return undefined;
  const number = BigInt(word);
  return number < 1n << 64n ? number : undefined;
}
