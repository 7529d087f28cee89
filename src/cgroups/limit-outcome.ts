// What became of each limit that was wished: read back after the writes, and of what failed the reason.

import type { CgroupWriteOutcome } from '../kernel/cgroup-plan.ts';
import { value, valueOf, type Reading } from '../kernel/host.ts';
import { decodeText } from '../kernel/text/text.ts';
import type { PlannedLimit } from './limit-drafts.ts';
import { readBound, readCores, readFrozen, readList, readRates, readSwap, readWeight } from './limit-files.ts';
import type { LimitPlace } from './limit-place.ts';
import type { LimitPlan, LimitWrite } from './limit-plan.ts';
import { ioKeys } from './wish.ts';

export type LimitState =
  /** It reads back as it was asked. */
  | 'applied'
  /** The kernel made something else of it. */
  | 'rounded'
  /** Its file is another's, or may not be written from here. */
  | 'not_delegated'
  /** This kernel, or the hierarchies that it is in, do not have it. */
  | 'unknown'
  /** The kernel does not take it. */
  | 'refused'
  /** It was not tried, or put back, as another one failed. */
  | 'left';

export interface LimitResult {
  readonly limit: PlannedLimit;
  readonly state: LimitState;
  /** In the words of the option, as it reads back. null: it is not set, or cannot be read. */
  readonly given: string | null;
  /** The files that it is written into. */
  readonly files: readonly string[];
  /** null: nothing failed. */
  readonly why: string | null;
  readonly tryThis: string | null;
  /** The uid whose file it is. null: of one that is not ours to write only. */
  readonly owner: number | null;
  readonly errno: string | null;
}

/** `outcomes`: one of each write; none: nothing was tried, as something was wrong before. */
export function limitResults(plan: LimitPlan, outcomes: readonly CgroupWriteOutcome[]): readonly LimitResult[] {
  return plan.limits.map((limit, index) => {
    const writes = plan.writes.flatMap((write, at) =>
      write.limit === index ? [{ write, outcome: outcomes[at] }] : [],
    );
    const files = [...new Set(writes.map(({ write }) => write.file))];
    const base = { limit, files, given: null, why: null, tryThis: null, owner: null, errno: null };
    if (limit.problem !== null) {
      const { state, why, tryThis = null, gap } = limit.problem;
      return { ...base, state, why, tryThis, errno: gap?.errno ?? null };
    }
    for (const { write, outcome } of writes) {
      if (outcome?.type === 'failed') return { ...base, ...failed(limit, write, outcome) };
    }
    if (writes.length === 0 || writes.some(({ outcome }) => outcome?.type !== 'written'))
      return { ...base, state: 'left', why: 'nothing was changed, as another limit cannot be had' };
    const given = valueOf(readGiven(limit)) ?? null;
    return { ...base, given, state: given === null || given === limit.asked ? 'applied' : 'rounded' };
  });
}

/** What its files say now. */
function readGiven({ name, place, device, asked }: PlannedLimit): Reading<string> {
  if (place === null) return value('');
  switch (name) {
    case 'cpus':
      return readCores(place);
    case 'cpu_weight':
      return readWeight(place);
    case 'cpuset_cpus':
      return readList(place, 'cpus');
    case 'cpuset_mems':
      return readList(place, 'mems');
    case 'memory':
      return text(readBound(place, place.version === 1 ? 'memory.limit_in_bytes' : 'memory.max'));
    case 'memory_high':
      return text(readBound(place, 'memory.high'));
    case 'swap':
      return text(readSwap(place));
    case 'pids':
      return text(readBound(place, 'pids.max'));
    case 'io':
      return readRates(
        place,
        device?.number ?? '',
        ioKeys.filter((key) => asked.includes(key)),
      );
    case 'freeze':
      return readFrozen(place);
  }
}

function text(bound: Reading<bigint | 'max'>): Reading<string> {
  return bound.ok ? value(String(bound.value)) : bound;
}

type Failure = Pick<LimitResult, 'state' | 'why' | 'tryThis' | 'owner' | 'errno'>;

function failed(
  { place }: PlannedLimit,
  { file, text: wanted }: LimitWrite,
  { step, gap, owner }: Extract<CgroupWriteOutcome, { type: 'failed' }>,
): Failure {
  const errno = gap.errno ?? gap.reason;
  const base = { tryThis: null, owner: null, errno };
  if (step === 'find') {
    // Without an owner the cgroup was not found either.
    if (gap.reason === 'gone' && place !== null && place.read('cgroup.procs').ok)
      return { ...base, state: 'unknown', why: `there is no ${file} in it: this kernel does not know it` };
    return {
      ...base,
      state: 'refused',
      why: `its cgroup cannot be opened (${errno}): it may have been removed meanwhile`,
    };
  }
  if (step === 'open') {
    if (gap.reason === 'denied')
      return { ...base, state: 'not_delegated', owner, why: `${gap.what} may not be written by us (${errno})` };
    return {
      ...base,
      state: 'refused',
      why: errno === 'EROFS' ? `${gap.what} is on a read-only mount` : `${gap.what}: ${errno}`,
    };
  }
  if (errno === 'EPERM') {
    const why = `${file} of the cgroup that is the root of a cgroup namespace is not for who is in that (EPERM)`;
    return { ...base, state: 'not_delegated', owner, why };
  }
  const because = place === null ? undefined : whyRefused(place, file, errno);
  const why = `${file} does not take '${wanted}': ${errno}${because === undefined ? '' : `, ${because}`}`;
  return { ...base, state: 'refused', why, tryThis: place === null ? null : whatItTakes(place, file) };
}

function whatItTakes({ version, readAbove }: LimitPlace, file: string): string | null {
  if (file.startsWith('memory.')) return 'more; nstool cgroup show tells how much is used';
  if (!file.startsWith('cpuset.')) return null;
  const above = valueOf(readAbove(version === 1 ? file : `${file}.effective`));
  const list = above === undefined ? '' : decodeText(above).trim();
  return list === '' ? null : `--${file.replace('.', '-')} ${list}, all there are above it`;
}

/** undefined: nothing that is known here. Source: the write functions of the controllers. */
function whyRefused(place: LimitPlace, file: string, errno: string): string | undefined {
  if (file.startsWith('cpuset.')) return whyCpuset(place, file, errno);
  if (file.startsWith('cpu.cfs_') && errno === 'EINVAL')
    return 'what is above it has less, or what is below it more: of v1 no quota may be larger than that above';
  if (/^cpu\.(?:shares|weight)$/.test(file) && errno === 'EINVAL') return 'its cpu.idle is set: it has no weight';
  if (file.startsWith('memory.') && errno === 'EBUSY') return 'more is used, and cannot be reclaimed';
  if (/^(?:io|blkio)\./.test(file) && errno === 'ENODEV') return 'there is no such device, or it is part of another';
  return undefined;
}

function whyCpuset({ readAbove }: LimitPlace, file: string, errno: string): string | undefined {
  switch (errno) {
    case 'EACCES': {
      const above = readAbove(file);
      return `what is above it has only ${above.ok ? decodeText(above.value).trim() : 'others'}`;
    }
    case 'EBUSY':
      return 'a cgroup below it has others';
    case 'ENOSPC':
      return 'it has processes, which would have none left';
    case 'EINVAL':
    case 'ERANGE':
      return 'some of them do not exist, or are another exclusively';
    default:
      return undefined;
  }
}
