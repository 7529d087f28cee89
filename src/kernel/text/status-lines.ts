// Single lines of /proc/PID/status, for who reads thousands of them: only what is asked for is parsed.
// Source: proc_pid_status(5), fs/proc/array.c proc_pid_status(), task_cap().

import { value, type Reading } from '../host.ts';
import { malformed } from './text.ts';

/** What stands before the value of a line. A newline leads, so that no other key that ends like it is met. */
export type LineStart = `\n${string}:\t`;

const NAME_START = 'Name:\t';

/** The first line of the file. */
export function nameLine(text: string): string | undefined {
  return text.startsWith(NAME_START) ? text.slice(NAME_START.length, text.indexOf('\n')) : undefined;
}

/** What stands in the first such line; no name can forge one, as its newlines are escaped. */
export function statusLine(text: string, start: LineStart): string | undefined {
  const at = text.indexOf(start);
  if (at < 0) return undefined;
  const end = text.indexOf('\n', at + start.length);
  return text.slice(at + start.length, end < 0 ? undefined : end);
}

/** Masks: bit n is capability n. */
export interface CapabilityLines {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
  readonly bounding: bigint;
  /** Since: Linux 4.3; before there were none. */
  readonly ambient: bigint;
}

const NONE = '0000000000000000';
const FIRST = '\nCapInh:\t';
const LAST = '\nCapAmb:\t';

/** The lines of capabilities, which stand together: of processes with the same sets they are the same text. */
export function capabilityLines(text: string): string {
  const start = text.indexOf(FIRST);
  const last = text.indexOf(LAST, start);
  if (start < 0 || last < 0) return text;
  const end = text.indexOf('\n', last + LAST.length);
  return text.slice(start, end < 0 ? undefined : end);
}

/** In the order of the lines. */
const BEFORE_BOUNDING = [FIRST, '\nCapPrm:\t', '\nCapEff:\t'];

/** Is a capability in any set but the bounding one? True where a line is missing: parsing tells what is wrong. */
export function holdsCapabilities(text: string): boolean {
  let at = 0;
  for (const key of BEFORE_BOUNDING) {
    at = text.indexOf(key, at);
    if (at < 0 || !text.startsWith(NONE, at + key.length)) return true;
  }
  const ambient = text.indexOf(LAST, at);
  return ambient >= 0 && !text.startsWith(NONE, ambient + LAST.length);
}

/** Errors: malformed. */
export function parseCapabilityLines(text: string, file: string): Reading<CapabilityLines> {
  let bad: string | undefined;
  const mask = (key: string, missing?: bigint): bigint => {
    const word = statusLine(text, `\n${key}:\t`);
    if (word === undefined && missing !== undefined) return missing;
    if (word !== undefined && /^[0-9a-f]{1,16}$/.test(word)) return BigInt(`0x${word}`);
    bad ??= word === undefined ? `no line "${key}:"` : `${key}: ${word}`;
    return 0n;
  };
  const lines: CapabilityLines = {
    inheritable: mask('CapInh'),
    permitted: mask('CapPrm'),
    effective: mask('CapEff'),
    bounding: mask('CapBnd'),
    ambient: mask('CapAmb', 0n),
  };
  return bad === undefined ? value(lines) : malformed(file, 1, bad);
}
