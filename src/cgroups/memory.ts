// What memory a cgroup uses, as each tool counts it. Source: Documentation/admin-guide/cgroup-v2.rst, "memory.stat", and
// cgroup-v1/memory.rst; docker: cli/command/container/stats_helpers.go; Kubernetes: cAdvisor's working set.

import type { GapTally } from '../kernel/gap-tally.ts';
import { parseAmount } from '../kernel/text/cgroup-bound.ts';
import { parseFlatKeyed } from '../kernel/text/flat-keyed.ts';
import { controlledBy, type Groups } from './groups.ts';
import { readFrom } from './read.ts';

/** With all cgroups below. Unit: bytes. null: not told, as slab and kernel by v1, and usage of v2's root. */
export interface MemoryUsage {
  /** The cgroup that counts it. */
  readonly path: string;
  readonly usage: bigint | null;
  readonly peak: bigint | null;
  /** usage without inactive_file, never below 0: what the kubelet evicts by. */
  readonly working_set: bigint | null;
  /** What `docker stats` and `podman stats` call usage: as the working set, but all of it where less is left than nothing. */
  readonly docker: bigint | null;
  /** What the kubelet calls rss. */
  readonly anon: bigint | null;
  /** With shmem in it. */
  readonly file: bigint | null;
  readonly inactive_file: bigint | null;
  /** tmpfs and shared memory: not given back without swap. */
  readonly shmem: bigint | null;
  readonly slab: bigint | null;
  readonly kernel: bigint | null;
  readonly sock: bigint | null;
  readonly swap: bigint | null;
}

/** undefined: no memory controller acts on it. */
export function readMemory(groups: Groups, gaps: GapTally): MemoryUsage | undefined {
  const controlled = controlledBy(groups, 'memory');
  const level = controlled?.levels[0];
  if (controlled === undefined || level === undefined) return undefined;
  const { group } = controlled;
  const amount = (name: string): bigint | null => readFrom(group, level, name, parseAmount, gaps) ?? null;
  const stat = readFrom(group, level, 'memory.stat', parseFlatKeyed, gaps);
  const of = (key: string): bigint | null => stat?.get(key) ?? null;
  if (group.version === 2) {
    const rest = { anon: of('anon'), file: of('file'), inactive_file: of('inactive_file'), shmem: of('shmem') };
    const kernel = { slab: of('slab'), kernel: of('kernel'), sock: of('sock'), swap: amount('memory.swap.current') };
    return memoryOf(level.path, amount('memory.current'), amount('memory.peak'), { ...rest, ...kernel });
  }
  return memoryOf(level.path, amount('memory.usage_in_bytes'), amount('memory.max_usage_in_bytes'), {
    anon: of('total_rss'),
    file: of('total_cache'),
    inactive_file: of('total_inactive_file'),
    shmem: of('total_shmem'),
    slab: null,
    kernel: amount('memory.kmem.usage_in_bytes'),
    sock: amount('memory.kmem.tcp.usage_in_bytes'),
    swap: of('total_swap'),
  });
}

type Parts = Omit<MemoryUsage, 'path' | 'usage' | 'peak' | 'working_set' | 'docker'>;

function memoryOf(path: string, usage: bigint | null, peak: bigint | null, parts: Parts): MemoryUsage {
  const inactive = parts.inactive_file;
  const left = usage === null || inactive === null ? null : usage - inactive;
  return {
    path,
    usage,
    peak,
    working_set: left === null ? null : left < 0n ? 0n : left,
    docker: left === null ? null : left <= 0n ? usage : left,
    ...parts,
  };
}
