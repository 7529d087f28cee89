// Held back by a quota, starved by others, or by too few processors. Source: Documentation/scheduler/sched-bwc.rst,
// Documentation/admin-guide/cgroup-v2.rst, "CPU".

import type { CpuLevel, Look } from './look.ts';
import { waitedBetween } from './tasks.ts';
import { advise, coresText, grown, percentText, where, type Advice, type Verdict } from './verdict.ts';

/** `before` is absent on a recorded host: then there are only sums since the cgroups were made. */
export function cpuVerdicts(before: Look | undefined, after: Look): readonly Verdict[] {
  const held = after.cpu.flatMap((level, index) => quotaVerdict(before, after, level, index));
  const isHeld = held.some(({ level }) => level === 'finding');
  return [...held, ...cpusetVerdicts(before, after), ...(isHeld ? [] : waitVerdicts(before, after))];
}

function quotaOf({ quota }: CpuLevel): number | null {
  return quota === null || quota.quota === 'max' ? null : Number(quota.quota) / Number(quota.period);
}

/** Unit: seconds; null: there was one look. */
function secondsBetween(before: Look | undefined, after: Look): number | null {
  return before === undefined ? null : Math.max((after.at - before.at) / 1000, 0.001);
}

function quotaVerdict(before: Look | undefined, after: Look, level: CpuLevel, index: number): readonly Verdict[] {
  const quota = quotaOf(level);
  const [own] = after.cpu;
  const first = before?.cpu.find(({ path }) => path === level.path);
  const [periods, throttled, time] = [
    grown(first?.periods, level.periods),
    grown(first?.throttled, level.throttled),
    grown(first?.throttledUsec, level.throttledUsec),
  ];
  // One that was taken away meanwhile leaves its sums behind.
  if (quota === null || level.throttled === null) return [];
  const all = { total_periods: level.periods, total_throttled: level.throttled };
  const seconds = secondsBetween(before, after);
  const base = { code: 'W1', controller: 'cpu', certainty: 'certain', ...where(level, own) } as const;
  const place = index === 0 ? 'its own quota' : `the quota of ${level.path}, above it,`;
  const file = level.version === 1 ? 'cpu.cfs_quota_us' : 'cpu.max';
  if (level.throttled === 0n) {
    const what = `${place} of ${coresText(quota)}: never reached`;
    const evidence = { quota_cores: quota, file, ...all };
    return [{ ...base, code: 'W19', level: 'note', what, since: 'made', evidence, advice: [] }];
  }
  if (throttled === null || throttled === 0n) {
    const now = isBetweenPeriods(before, after, level) ? UNTOLD : 'and not now';
    const what = `${place} of ${coresText(quota)} held it back before, in ${level.throttled} of ${level.periods ?? '-'} periods, ${now}`;
    const evidence = { quota_cores: quota, file, periods, throttled, ...all };
    return [{ ...base, level: 'note', what, since: 'made', evidence, advice: [] }];
  }
  const used = usageBetween(before, after, index);
  const average = time === null ? null : Number(time) / Number(throttled) / 1000;
  const { threads = null, runnable = null } = after.tasks ?? {};
  // Where it is not told: what is held back has used its quota up.
  const spent =
    used ??
    (seconds === null ? null : quota * seconds * (Number(throttled) / Math.max(Number(periods ?? throttled), 1)));
  const demand = seconds === null || time === null || spent === null ? null : (spent + Number(time) / 1e6) / seconds;
  const many = runnable !== null && runnable > Math.max(quota, 1);
  const wants = wantsToRun(before, after);
  const what = [
    `held back by ${place} of ${coresText(quota)}: in ${throttled} of ${periods ?? '-'} periods`,
    average === null ? '' : `, ${average.toFixed(1)}ms each`,
    many ? `; ${runnable} threads want to run, and use it up early in each period` : '',
    wants ? '' : '; by others in it: this one wanted no processor',
  ].join('');
  const evidence = {
    quota_cores: quota,
    quota_usec: level.quota?.quota === 'max' ? null : (level.quota?.quota ?? null),
    period_usec: level.quota?.period ?? null,
    burst_usec: level.burst,
    periods,
    throttled,
    throttled_usec: time,
    average_msec: average === null ? null : Number(average.toFixed(3)),
    used_cores: seconds === null || used === null ? null : round(used / seconds),
    wanted_cores: demand === null ? null : round(demand),
    threads,
    runnable,
    file,
    ...all,
  };
  const span = before === undefined ? 'made' : 'interval';
  return [
    {
      ...base,
      level: wants ? 'finding' : 'note',
      what,
      since: span,
      evidence,
      advice: quotaAdvice(level, quota, demand),
    },
  ];
}

const UNTOLD = 'and between the two looks none began: more time tells more';

/** Was it looked at for less than a period, and none began? Then its counters tell nothing of now. */
function isBetweenPeriods(before: Look | undefined, after: Look, { path, quota, periods }: CpuLevel): boolean {
  const first = before?.cpu.find((level) => level.path === path);
  if (before === undefined || quota === null || quota.quota === 'max' || grown(first?.periods, periods) !== 0n)
    return false;
  return (after.at - before.at) * 1000 < Number(quota.period);
}

function round(number: number): number {
  return Number(number.toFixed(3));
}

/** Has it run, or would it have? Where that is not told, yes. */
function wantsToRun(before: Look | undefined, after: Look): boolean {
  const used = before === undefined ? null : usageBetween(before, after, 0);
  const { tasks } = after;
  if (used === null || tasks === null) return true;
  return used > IDLE_SECONDS || tasks.runnable > 0 || (before?.tasks?.runnable ?? 0) > 0;
}

/** What a process uses that only wakes up now and then. */
const IDLE_SECONDS = 0.005;

/** Of the processors, at this level with all below. Unit: seconds. null: not told. */
function usageBetween(before: Look | undefined, after: Look, index: number): number | null {
  const level = after.cpu[index];
  const first = before?.cpu.find(({ path }) => path === level?.path);
  if (level?.usageUsec == null || first?.usageUsec == null) return null;
  return Math.max(Number(level.usageUsec - first.usageUsec), 0) / 1e6;
}

function quotaAdvice(level: CpuLevel, quota: number, demand: number | null): readonly Advice[] {
  const cores = Math.ceil(10 * Math.max(demand ?? 0, quota * 1.5)) / 10;
  const period = level.quota?.period ?? 100_000n;
  const usec = Math.round(cores * Number(period));
  return [
    advise(level, {
      why: demand === null ? 'more' : `what it wanted was ${coresText(demand)}`,
      set: ['--cpus', String(cores)],
      file: level.version === 1 ? 'cpu.cfs_quota_us' : 'cpu.max',
      value: level.version === 1 ? String(usec) : `${usec} ${period}`,
      oci: 'cpu.quota',
      docker: `--cpus ${cores}`,
      kubernetes: 'resources.limits.cpu',
    }),
  ];
}

function cpusetVerdicts(before: Look | undefined, after: Look): readonly Verdict[] {
  const placement = after.cpuset.find(({ key }) => key === 'cpus');
  const count = placement?.count;
  if (placement === undefined || count == null || placement.by === null) return [];
  const quotas = after.cpu.flatMap((level) => quotaOf(level) ?? []);
  const quota = quotas.length === 0 ? null : Math.min(...quotas);
  const seconds = secondsBetween(before, after);
  const used = usageBetween(before, after, 0);
  const cores = seconds === null || used === null ? null : used / seconds;
  const waited = waitedShare(before, after);
  const isFull = cores !== null && cores >= FULL * count && (waited ?? 0) >= WAITS;
  const isSmaller = quota !== null && quota > count;
  if (!isFull && !isSmaller) return [];
  const what = isSmaller
    ? `has ${processors(count)} (${placement.effective ?? '-'}), fewer than its quota of ${coresText(quota)} could use`
    : `uses all of its ${processors(count)} (${placement.effective ?? '-'}), and wants more`;
  const evidence = {
    processors: count,
    list: placement.effective,
    quota_cores: quota,
    used_cores: cores === null ? null : round(cores),
    waiting_threads: waited === null ? null : round(waited),
    file: placement.file,
  };
  const at = after.cpusetLevels.findIndex(({ path }) => path === placement.by);
  const [narrow, wider] = [after.cpusetLevels[at], after.cpusetLevels[at + 1]?.cpus];
  const base = { code: 'W4', level: 'finding', controller: 'cpuset', certainty: 'certain' } as const;
  const advice = [
    advise(narrow ?? null, {
      why: 'all that the one above it has',
      set: wider == null ? null : ['--cpuset-cpus', wider],
      file: 'cpuset.cpus',
      value: wider ?? null,
      oci: 'cpu.cpus',
      docker: wider == null ? '--cpuset-cpus' : `--cpuset-cpus ${wider}`,
    }),
  ];
  return [
    {
      ...base,
      path: placement.by,
      directory: narrow?.folder ?? null,
      own: placement.by === placement.path,
      what,
      since: isSmaller ? 'now' : 'interval',
      evidence,
      advice,
    },
  ];
}

function processors(count: number): string {
  return `${count} processor${count === 1 ? '' : 's'}`;
}

/** Of what it may have. */
const FULL = 0.9;

/** How many threads waited on average, ready to run. null: not told. */
function waitedShare(before: Look | undefined, after: Look): number | null {
  const seconds = secondsBetween(before, after);
  if (before?.tasks == null || after.tasks === null || seconds === null) return null;
  if (after.tasks.times.size === 0) return null;
  return Number(waitedBetween(before.tasks, after.tasks, BigInt(Math.round(seconds * 1e9)))) / 1e9 / seconds;
}

/** A fifth of the time at least one thread: less is what any busy host does. */
const WAITS = 0.2;

function waitVerdicts(before: Look | undefined, after: Look): readonly Verdict[] {
  const [own] = after.cpu;
  const seconds = secondsBetween(before, after);
  if (own === undefined || before === undefined || seconds === null) return [];
  const waited = waitedShare(before, after) ?? stalledShare(before, after, seconds);
  if (waited === null || waited < WAITS) return [];
  const idle = after.cpu.find((level) => level.idle === true);
  const levels = after.cpu.flatMap((level, index) => {
    const others = othersCores(before, after, index, seconds);
    return others === null || level.weight === undefined ? [] : [{ level, others }];
  });
  const busy = levels.filter(({ others }) => others >= LITTLE);
  // Of several it is held back most where it is promised least.
  const most = busy.toSorted((a, b) => (a.level.weight?.share ?? 1) - (b.level.weight?.share ?? 1))[0];
  const cores = (usageBetween(before, after, 0) ?? 0) / seconds;
  const measured = { waiting_threads: round(waited), used_cores: round(cores), pressure_avg10: pressure(after) };
  const ready = `${waited.toFixed(1)} thread${waited.toFixed(1) === '1.0' ? '' : 's'} on average ready to run, without a processor`;
  const common = { level: 'finding', controller: 'cpu', since: 'interval' } as const;
  if (idle !== undefined) {
    const what = `${ready}: ${idle.path} is idle, and gets only what nobody else wants`;
    const advice = advise(idle, { why: 'let it compete', file: 'cpu.idle', value: '0', oci: 'cpu.idle' });
    const evidence = { ...measured, others_cores: most === undefined ? null : round(most.others), file: 'cpu.idle' };
    return [{ ...common, code: 'W3', ...where(idle, own), what, certainty: 'certain', evidence, advice: [advice] }];
  }
  if (most === undefined) {
    const what = `${ready}, and no cgroup beside it uses much: the host's other processors are not for it, or its own threads are too many`;
    const evidence = { ...measured, others_cores: othersMost(levels) };
    const nowhere = { path: null, directory: null, own: false };
    return [{ ...common, code: 'W2', ...nowhere, what, certainty: 'guess', evidence, advice: [] }];
  }
  const { level, others } = most;
  const { weight } = level;
  const share = weight?.share ?? null;
  const its = level.path === own.path ? 'it' : level.path;
  const what =
    `${ready}: others beside ${its} use ${coresText(others)}` +
    (share === null
      ? ''
      : `, and ${its} is promised ${percentText(share)} by its ${noun(level)} ${weight?.set ?? '-'}`);
  const evidence = {
    ...measured,
    others_cores: round(others),
    share: share === null ? null : round(share),
    weight: weight?.set ?? null,
    siblings: weight?.siblings ?? null,
    file: weight?.file ?? null,
  };
  // Who runs on the very processors that it may use is not told; a quota may be why it waits.
  const isUnclear = busy.length > 1 || after.cpu.some((each) => isBetweenPeriods(before, after, each));
  const certainty = isUnclear ? 'guess' : 'certain';
  return [{ ...common, code: 'W2', ...where(level, own), what, certainty, evidence, advice: weightAdvice(level) }];
}

function othersMost(levels: readonly { readonly others: number }[]): number | null {
  return levels.length === 0 ? null : round(Math.max(...levels.map(({ others }) => others)));
}

/** Less is no reason to wait. Unit: processors. */
const LITTLE = 0.1;

function noun({ version }: CpuLevel): string {
  return version === 1 ? 'shares' : 'weight';
}

/** At least one waited: of v2, and not of the root, which has everybody in it. */
function stalledShare(before: Look, after: Look, seconds: number): number | null {
  const [first, last] = [before, after].map((look) =>
    look.stalls === null || look.stalls.path === '/' ? undefined : look.stalls.by.get('cpu')?.some,
  );
  if (first == null || last == null || last.total < first.total) return null;
  return Math.min(Number(last.total - first.total) / 1e6 / seconds, 1);
}

function pressure({ stalls }: Look): number | null {
  return stalls === null || stalls.path === '/' ? null : (stalls.by.get('cpu')?.some?.avg10 ?? null);
}

/** What the parent used, and this one did not. Unit: processors. */
function othersCores(before: Look, after: Look, index: number, seconds: number): number | null {
  const [own, above] = [usageBetween(before, after, index), usageBetween(before, after, index + 1)];
  return own === null || above === null ? null : Math.max(above - own, 0) / seconds;
}

function weightAdvice(level: CpuLevel): readonly Advice[] {
  const set = level.weight?.set ?? null;
  const [least, most] = level.version === 1 ? [1024, 262_144] : [100, 10_000];
  const more = Math.min(Math.max((set ?? 0) * 2, least), most);
  const weight = level.version === 1 ? Math.max(1, Math.round((more * 100) / 1024)) : more;
  return [
    advise(level, {
      why: 'a larger part when all want processors',
      set: ['--cpu-weight', String(Math.min(weight, 10_000))],
      file: level.version === 1 ? 'cpu.shares' : 'cpu.weight',
      value: String(more),
      oci: 'cpu.shares',
      docker: '--cpu-shares',
      kubernetes: 'resources.requests.cpu',
    }),
  ];
}
