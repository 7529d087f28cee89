// What a cgroup that is about to go has to tell: who was killed in it for its memory, which forks it refused.
// Source: cgroup-v1/memory.rst, cgroup-v1/pids.rst, cgroup-v2.rst. Since: oom_kill of v1 Linux 4.13; memory.peak 5.19;
// memory.events.local 5.2; pids.events.local 6.11;
// pids.peak 6.1.

import { parseAmount, parseBound, type Bound } from '../kernel/text/cgroup-bound.ts';
import { parseFlatKeyed } from '../kernel/text/flat-keyed.ts';
import { valueOf, type Host, type Reading } from '../kernel/host.ts';

export type Ending =
  | {
      readonly type: 'killed';
      /** How many processes. */
      readonly count: bigint;
      /** Did it meet its own limit? Else one above it was the cause. */
      readonly own: boolean;
      /** Unit: bytes, as the next two. null: not told. */
      readonly limit: Bound | null;
      /** What it could have swapped out. */
      readonly swap: Bound | null;
      readonly peak: bigint | null;
    }
  | {
      readonly type: 'forks';
      readonly count: bigint;
      /** Of which cgroup the limit was met: of this one, of one above it, or of one that the command made in it. */
      readonly whose: 'own' | 'above' | 'below';
      /** Of this one. */
      readonly limit: Bound | null;
    };

/** `folder`: of one hierarchy. */
export function endingsOf(host: Host, folder: string): readonly Ending[] {
  const files = new Files(host, folder);
  return [killedV1(files), killedV2(files), forks(files)].filter((each) => each !== undefined);
}

class Files {
  private readonly host: Host;
  private readonly folder: string;

  constructor(host: Host, folder: string) {
    this.host = host;
    this.folder = folder;
  }

  counts(file: string): ReadonlyMap<string, bigint> | undefined {
    return this.parsed(file, parseFlatKeyed);
  }

  amount(file: string): bigint | null {
    return this.parsed(file, parseAmount) ?? null;
  }

  bound(file: string): Bound | null {
    return this.parsed(file, parseBound) ?? null;
  }

  private parsed<T>(file: string, parse: (bytes: Uint8Array, file: string) => Reading<T>): T | undefined {
    const path = `${this.folder}/${file}`;
    const bytes = this.host.readFile(path);
    return bytes.ok ? valueOf(parse(bytes.value, path)) : undefined;
  }
}

function killedV1(files: Files): Ending | undefined {
  const count = files.counts('memory.oom_control')?.get('oom_kill') ?? 0n;
  if (count === 0n) return undefined;
  const limit = files.bound('memory.limit_in_bytes');
  const both = files.bound('memory.memsw.limit_in_bytes');
  const own =
    isMet(files, 'memory.failcnt', 'memory.max_usage_in_bytes', limit) ||
    isMet(files, 'memory.memsw.failcnt', 'memory.memsw.max_usage_in_bytes', both);
  const swap = typeof limit === 'bigint' && typeof both === 'bigint' ? both - limit : both;
  return { type: 'killed', count, own, limit, swap, peak: files.amount('memory.max_usage_in_bytes') };
}

/** Memory is charged in batches. Source: mm/memcontrol.c MEMCG_CHARGE_BATCH, 64 pages. */
const BATCH = 64n * 4096n;

/** Not every kernel counts in failcnt what ended in a kill. */
function isMet(files: Files, failures: string, peak: string, limit: Bound | null): boolean {
  if ((files.amount(failures) ?? 0n) > 0n) return true;
  return typeof limit === 'bigint' && (files.amount(peak) ?? 0n) + BATCH > limit;
}

function killedV2(files: Files): Ending | undefined {
  const events = files.counts('memory.events');
  const count = events?.get('oom_kill') ?? 0n;
  if (count === 0n) return undefined;
  const own = (files.counts('memory.events.local') ?? events)?.get('oom') ?? 0n;
  return {
    type: 'killed',
    count,
    own: own > 0n,
    limit: files.bound('memory.max'),
    swap: files.bound('memory.swap.max'),
    peak: files.amount('memory.peak'),
  };
}

function forks(files: Files): Ending | undefined {
  const count = files.counts('pids.events')?.get('max') ?? 0n;
  if (count === 0n) return undefined;
  const limit = files.bound('pids.max');
  return { type: 'forks', count, whose: whoseForks(files, limit), limit };
}

/**
 * v1, and v2 before Linux 6.11, count a fork that failed where it was tried, whoever's limit it was: ours, if there ever
 * were as many as it allows. Since then v2 counts it at the limit, and above that.
 */
function whoseForks(files: Files, limit: Bound | null): 'own' | 'above' | 'below' {
  const local = files.counts('pids.events.local')?.get('max');
  if (local !== undefined) return local > 0n ? 'own' : 'below';
  const peak = files.amount('pids.peak');
  return limit === 'max' || (peak !== null && limit !== null && peak < limit) ? 'above' : 'own';
}
