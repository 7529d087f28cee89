// `NAME KEY=VALUE …` a line: io.stat and io.max by device (8:0), rdma.max and rdma.current by adapter. Source:
// Documentation/admin-guide/cgroup-v2.rst, "nested keyed".

import { value, type Reading } from '../host.ts';
import { boundOf, type Bound } from './cgroup-bound.ts';
import { decodeText, malformed } from './text.ts';

export type NestedKeyed = ReadonlyMap<string, ReadonlyMap<string, Bound>>;

/**
 * Values that are no numbers are left out, as `cost.vrate=100.00` of a debugging kernel. A device without any is there
 * all the same: io.stat writes `8:0 ` or the number alone of one that did nothing.
 */
export function parseNestedKeyed(bytes: Uint8Array, file: string): Reading<NestedKeyed> {
  const entries = new Map<string, ReadonlyMap<string, Bound>>();
  for (const [index, line] of decodeText(bytes).split('\n').entries()) {
    if (line === '') continue;
    const [name = '', ...words] = line.trimEnd().split(' ');
    const pairs = words.map((word) => /^([^=]+)=(.*)$/.exec(word));
    if (name === '' || pairs.includes(null)) return malformed(file, index + 1, line);
    const numbers = pairs.flatMap((pair): [string, Bound][] => {
      const bound = boundOf(pair?.[2]);
      return bound === undefined ? [] : [[pair?.[1] ?? '', bound]];
    });
    entries.set(name, new Map(numbers));
  }
  return value(entries);
}
