// `KEY NUMBER` a line: memory.stat, memory.events, cpu.stat, cgroup.events, cgroup.stat, pids.events, of v1 also
// memory.oom_control and cpuacct.stat. Source: Documentation/admin-guide/cgroup-v2.rst, "flat keyed".

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseUnsigned64 } from './text.ts';

/** New kernels add keys: what is not there is not known. */
export function parseFlatKeyed(bytes: Uint8Array, file: string): Reading<ReadonlyMap<string, bigint>> {
  const numbers = new Map<string, bigint>();
  for (const [index, line] of decodeText(bytes).split('\n').entries()) {
    if (line === '') continue;
    const [key = '', word, ...more] = line.split(' ');
    const number = parseUnsigned64(word);
    if (key === '' || number === undefined || more.length > 0) return malformed(file, index + 1, line);
    numbers.set(key, number);
  }
  return value(numbers);
}
