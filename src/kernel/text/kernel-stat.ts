// /proc/stat. Source: proc_stat(5), fs/proc/stat.c.

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseDecimal } from './text.ts';

/**
 * When the host was started, in seconds since 1970, to a second. In a time namespace its clock is shifted as that of
 * processes' start times is, so that both still add up.
 */
export function parseBootTime(bytes: Uint8Array, file: string): Reading<number> {
  const lines = decodeText(bytes).split('\n');
  const index = lines.findIndex((line) => line.startsWith('btime '));
  const seconds = parseDecimal(lines[index]?.slice('btime '.length));
  return seconds === undefined ? malformed(file, index + 1, lines[index] ?? 'no line "btime"') : value(seconds);
}
