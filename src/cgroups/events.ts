// How often a cgroup met its limits. Source: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst. They are
// counted since the cgroup was made, and gone with it.

import type { GapTally } from '../kernel/gap-tally.ts';
import { value, valueOf, type Reading } from '../kernel/host.ts';
import { parseAmount } from '../kernel/text/cgroup-bound.ts';
import { parseFlatKeyed } from '../kernel/text/flat-keyed.ts';
import { controlledBy, type Groups } from './groups.ts';
import { readFrom, type Parse } from './read.ts';

export interface EventCounts {
  readonly controller: string;
  readonly path: string;
  readonly file: string;
  /** `.local` and v1's: this cgroup alone. Else with all below. */
  readonly local: boolean;
  /** By the kernel's own keys; of a file with one number `count`. */
  readonly counts: ReadonlyMap<string, bigint>;
}

interface EventFile {
  readonly controller: string;
  readonly version: 1 | 2;
  readonly file: string;
  readonly local: boolean;
  readonly parse: Parse<ReadonlyMap<string, bigint>>;
}

const keyed = (controller: string, version: 1 | 2, file: string, local = false): EventFile => {
  return { controller, version, file, local, parse: parseFlatKeyed };
};

const single = (controller: string, file: string): EventFile => {
  return { controller, version: 1, file, local: true, parse: parseCount };
};

const FILES: readonly EventFile[] = [
  keyed('memory', 2, 'memory.events'),
  keyed('memory', 2, 'memory.events.local', true),
  keyed('memory', 2, 'memory.swap.events'),
  single('memory', 'memory.failcnt'),
  single('memory', 'memory.memsw.failcnt'),
  single('memory', 'memory.kmem.tcp.failcnt'),
  keyed('memory', 1, 'memory.oom_control', true),
  keyed('pids', 1, 'pids.events', true),
  keyed('pids', 2, 'pids.events'),
  keyed('pids', 2, 'pids.events.local', true),
  keyed('misc', 2, 'misc.events'),
  keyed('misc', 2, 'misc.events.local', true),
];

/** `only`: of this controller alone. */
export function readEvents(groups: Groups, gaps: GapTally, only?: string): readonly EventCounts[] {
  const files =
    only === undefined ? [...FILES, ...hugetlbEvents(groups)] : FILES.filter((each) => each.controller === only);
  return files.flatMap(({ controller, version, file, local, parse }) => {
    const found = controlledBy(groups, controller);
    const level = found?.levels[0];
    if (found === undefined || level === undefined || found.group.version !== version) return [];
    const counts = readFrom(found.group, level, file, parse, gaps);
    // Of misc there is nothing to count where there is no such resource.
    return counts == null || counts.size === 0 ? [] : [{ controller, path: level.path, file, local, counts }];
  });
}

/** Killed for want of memory: with v1 in it, with v2 with all below it. Since: Linux 4.13. null: not told, as of v2's root. */
export function countOomKills(groups: Groups, gaps: GapTally): bigint | null {
  const told = readEvents(groups, gaps, 'memory').find(({ file }) => OOM_FILES.has(file));
  return told?.counts.get('oom_kill') ?? null;
}

const OOM_FILES: ReadonlySet<string> = new Set(['memory.events', 'memory.oom_control']);

function hugetlbEvents(groups: Groups): readonly EventFile[] {
  const found = controlledBy(groups, 'hugetlb');
  const level = found?.levels[0];
  if (found === undefined || level === undefined) return [];
  const names = (valueOf(found.group.files.list(level.folder)) ?? []).toSorted();
  return names.flatMap((name) => {
    const [, kind] = /^hugetlb\.[0-9]+[KMG]B\.(?:rsvd\.)?(events|events\.local|failcnt)$/.exec(name) ?? [];
    if (kind === undefined) return [];
    return [kind === 'failcnt' ? single('hugetlb', name) : keyed('hugetlb', 2, name, kind === 'events.local')];
  });
}

function parseCount(bytes: Uint8Array, file: string): Reading<ReadonlyMap<string, bigint>> {
  const count = parseAmount(bytes, file);
  return count.ok ? value(new Map([['count', count.value]])) : count;
}
