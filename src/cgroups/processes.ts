// Which processes are in which cgroup: as each of them says, where one file tells all of its hierarchies, or as the
// kernel lists those of one cgroup.

import type { GapTally } from '../kernel/gap-tally.ts';
import type { Host } from '../kernel/host.ts';
import { parseCgroup } from '../kernel/text/cgroup.ts';
import { encodePath } from '../kernel/text/file-name.ts';
import { decodeText, parseDecimal } from '../kernel/text/text.ts';
import { hierarchyName } from './location.ts';
import type { Place } from './walk.ts';

export interface ProcessTable {
  /** In that directory itself, ascending; also those that have ended and that nobody waited for. */
  readonly in: (place: Pick<Place, 'hierarchy' | 'path'>) => readonly number[];
}

const latin1 = new TextDecoder('latin1');

/** Processes that come or go meanwhile are there or not. What cannot be read is a gap. */
export function readProcessTable(host: Pick<Host, 'readDirectory' | 'readFile'>, gaps: GapTally): ProcessTable {
  const byPlace = new Map<string, number[]>();
  // Most processes are where others are, too.
  const known = new Map<string, readonly string[]>();
  const listed = host.readDirectory('/proc');
  if (!listed.ok) gaps.add('process', listed.gap);
  const pids = (listed.ok ? listed.value : []).flatMap((name) => parseDecimal(name) ?? []);
  for (const pid of pids.toSorted((a, b) => a - b)) {
    const file = `/proc/${pid}/cgroup`;
    const bytes = host.readFile(file);
    // As Latin-1 no two contents are one text.
    const text = bytes.ok ? latin1.decode(bytes.value) : '';
    let keys = known.get(text);
    if (keys === undefined || !bytes.ok) {
      const parsed = bytes.ok ? parseCgroup(bytes.value, file) : bytes;
      if (!parsed.ok) {
        gaps.add('process', parsed.gap);
        continue;
      }
      keys = parsed.value.map((membership) => keyOf(hierarchyName(membership), membership.path));
      known.set(text, keys);
    }
    for (const key of keys) {
      const there = byPlace.get(key);
      if (there === undefined) byPlace.set(key, [pid]);
      else there.push(pid);
    }
  }
  return { in: ({ hierarchy, path }) => byPlace.get(keyOf(hierarchy.name, asTold(path))) ?? [] };
}

/**
 * In that directory itself, as the kernel lists them: not those that have ended, nor those outside of our pid namespace.
 * A threaded cgroup has none of its own: that is no gap.
 */
export function listedProcesses({ files, folder }: Pick<Place, 'files' | 'folder'>, gaps: GapTally): readonly number[] {
  const bytes = files.read(`${folder}/cgroup.procs`);
  if (!bytes.ok) {
    if (bytes.gap.errno !== 'EOPNOTSUPP') gaps.add('file of a cgroup', bytes.gap);
    return [];
  }
  const pids = decodeText(bytes.value)
    .split('\n')
    .flatMap((line) => parseDecimal(line) ?? []);
  // v2 has 0 for each that we do not see.
  return pids.filter((pid) => pid > 0).toSorted((a, b) => a - b);
}

function keyOf(hierarchy: string, path: string): string {
  return `${hierarchy} ${path}`;
}

/** As /proc/PID/cgroup reads: there what is no UTF-8 is not kept apart. */
function asTold(path: string): string {
  return /[\uDC80-\uDCFF]/.test(path) ? decodeText(encodePath(path)) : path;
}
