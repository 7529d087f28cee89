// /proc/uptime. Source: proc_uptime(5).

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseUnsigned64 } from './text.ts';

/** How long the host is up, with the time that it was suspended. Unit: microseconds, told in hundredths of a second. */
export function parseUptime(bytes: Uint8Array, file: string): Reading<bigint> {
  const text = decodeText(bytes);
  const [, seconds, hundredths] = /^(\d+)\.(\d\d) /.exec(text) ?? [];
  const whole = parseUnsigned64(seconds);
  if (whole === undefined || hundredths === undefined) return malformed(file, 1, text);
  return value(whole * 1_000_000n + BigInt(hundredths) * 10_000n);
}
