// The limits that bind a cgroup together with all that is below it, so that the smallest on the way up decides. Source:
// Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/; the OCI names: runtime-spec, config-linux.md.

/** cores: of quota and period. */
export type Unit = 'bytes' | 'cores' | 'tasks' | 'bytes_per_second' | 'operations_per_second' | 'objects';

/** Names of files. */
export interface LimitFiles {
  readonly limit: string;
  readonly usage?: string;
  /** Since Linux 5.19 (memory.peak), 6.5 (memory.swap.peak), 6.1 (pids.peak; of v1 too), 6.11 (misc.peak). */
  readonly peak?: string;
}

export interface LimitDefinition {
  readonly key: string;
  readonly controller: string;
  readonly unit: Unit;
  /** Below `linux.resources`. null: there is none. */
  readonly oci: string | null;
  readonly v1: LimitFiles | null;
  readonly v2: LimitFiles | null;
}

export const LIMITS: readonly LimitDefinition[] = [
  {
    key: 'memory_max',
    controller: 'memory',
    unit: 'bytes',
    oci: 'memory.limit',
    v1: {
      limit: 'memory.limit_in_bytes',
      usage: 'memory.usage_in_bytes',
      peak: 'memory.max_usage_in_bytes',
    },
    v2: { limit: 'memory.max', usage: 'memory.current', peak: 'memory.peak' },
  },
  {
    key: 'memory_high',
    controller: 'memory',
    unit: 'bytes',
    oci: null,
    v1: null,
    v2: { limit: 'memory.high', usage: 'memory.current', peak: 'memory.peak' },
  },
  {
    // Memory and swap together.
    key: 'memsw_max',
    controller: 'memory',
    unit: 'bytes',
    oci: 'memory.swap',
    v1: {
      limit: 'memory.memsw.limit_in_bytes',
      usage: 'memory.memsw.usage_in_bytes',
      peak: 'memory.memsw.max_usage_in_bytes',
    },
    v2: null,
  },
  {
    // Swap alone; the OCI's number has the memory in it.
    key: 'swap_max',
    controller: 'memory',
    unit: 'bytes',
    oci: 'memory.swap',
    v1: null,
    v2: { limit: 'memory.swap.max', usage: 'memory.swap.current', peak: 'memory.swap.peak' },
  },
  {
    // From here on it is slowed down. Since: Linux 5.8.
    key: 'swap_high',
    controller: 'memory',
    unit: 'bytes',
    oci: null,
    v1: null,
    v2: { limit: 'memory.swap.high', usage: 'memory.swap.current', peak: 'memory.swap.peak' },
  },
  {
    // Compressed in memory, instead of on a swap device. Since: Linux 5.19.
    key: 'zswap_max',
    controller: 'memory',
    unit: 'bytes',
    oci: null,
    v1: null,
    v2: { limit: 'memory.zswap.max', usage: 'memory.zswap.current' },
  },
  {
    // Buffers of TCP sockets, which v1 counts beside the memory.
    key: 'kmem_tcp_max',
    controller: 'memory',
    unit: 'bytes',
    oci: 'memory.kernelTCP',
    v1: {
      limit: 'memory.kmem.tcp.limit_in_bytes',
      usage: 'memory.kmem.tcp.usage_in_bytes',
      peak: 'memory.kmem.tcp.max_usage_in_bytes',
    },
    v2: null,
  },
  {
    key: 'pids_max',
    controller: 'pids',
    unit: 'tasks',
    oci: 'pids.limit',
    v1: { limit: 'pids.max', usage: 'pids.current', peak: 'pids.peak' },
    v2: { limit: 'pids.max', usage: 'pids.current', peak: 'pids.peak' },
  },
];

/** A limit for each of what its files name a line: `NAME BOUND`. */
export const NAMED_LIMITS: readonly LimitDefinition[] = [
  {
    // Memory of graphics devices and other accelerators, by region. Since: Linux 6.14.
    key: 'dmem_max',
    controller: 'dmem',
    unit: 'bytes',
    oci: null,
    v1: null,
    v2: { limit: 'dmem.max', usage: 'dmem.current' },
  },
  {
    // Keys of memory encryption and what else is scarce, by kind. Since: Linux 5.13.
    key: 'misc_max',
    controller: 'misc',
    unit: 'objects',
    oci: null,
    v1: { limit: 'misc.max', usage: 'misc.current' },
    v2: { limit: 'misc.max', usage: 'misc.current', peak: 'misc.peak' },
  },
];

/** The limits of one size of huge pages: `2MB`; with `rsvd.` those that are taken at mmap(2) already. */
export function hugetlbLimit(size: string): LimitDefinition {
  return {
    key: `hugetlb_${size.replace('.', '_')}_max`,
    controller: 'hugetlb',
    unit: 'bytes',
    oci: 'hugepageLimits',
    v1: {
      limit: `hugetlb.${size}.limit_in_bytes`,
      usage: `hugetlb.${size}.usage_in_bytes`,
      peak: `hugetlb.${size}.max_usage_in_bytes`,
    },
    v2: { limit: `hugetlb.${size}.max`, usage: `hugetlb.${size}.current` },
  };
}

/** What of a file's name is a size of huge pages, as `2MB` or `rsvd`'s `2MB.rsvd`. */
export function hugetlbSize(name: string): string | undefined {
  return /^hugetlb\.([0-9]+[KMG]B(?:\.rsvd)?)\.(?:max|limit_in_bytes)$/.exec(name)?.[1];
}
