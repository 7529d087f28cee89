// `NAME BOUND` a line: misc.max and its kin by kind, dmem.max and its kin by region (`drm/0000:03:00.0/vram0`). Source:
// Documentation/admin-guide/cgroup-v2.rst, "Misc", "DMEM".

import { value, type Reading } from '../host.ts';
import { boundOf, type Bound } from './cgroup-bound.ts';
import { decodeText, malformed } from './text.ts';

export function parseKeyedBounds(bytes: Uint8Array, file: string): Reading<ReadonlyMap<string, Bound>> {
  const bounds = new Map<string, Bound>();
  for (const [index, line] of decodeText(bytes).split('\n').entries()) {
    if (line === '') continue;
    const [name = '', word, ...more] = line.split(' ');
    const bound = boundOf(word);
    if (name === '' || bound === undefined || more.length > 0) return malformed(file, index + 1, line);
    bounds.set(name, bound);
  }
  return value(bounds);
}
