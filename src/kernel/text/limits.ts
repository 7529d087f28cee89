// /proc/PID/limits. Source: proc_pid_limits(5), fs/proc/base.c proc_pid_limits().

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseUnsigned64 } from './text.ts';

/** null: unlimited. */
export interface Limit {
  readonly soft: bigint | null;
  readonly hard: bigint | null;
}

/** The limit of this name, as `Max open files`. */
export function parseLimit(bytes: Uint8Array, file: string, name: string): Reading<Limit> {
  const lines = decodeText(bytes).split('\n');
  const index = lines.findIndex((line) => line.startsWith(`${name} `));
  const words = (lines[index] ?? '').slice(name.length).trim().split(/\s+/);
  const [soft, hard] = words.map((word) => (word === 'unlimited' ? null : parseUnsigned64(word)));
  if (soft === undefined || hard === undefined) return malformed(file, index + 1, lines[index] ?? `no "${name}"`);
  return value({ soft, hard });
}
