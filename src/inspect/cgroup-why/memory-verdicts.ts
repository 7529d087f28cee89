// Slowed down, swapped out, or stuck for want of memory, and limits that were never reached. Source:
// Documentation/admin-guide/cgroup-v2.rst, "Memory", and cgroup-v1/memory.rst.

import { memoryAdvice } from './kill-verdicts.ts';
import { wasMet, type Look, type MemoryLevel } from './look.ts';
import { advise, bytesText, grown, sizeWord, where, type Verdict } from './verdict.ts';

export function memoryVerdicts(before: Look | undefined, after: Look): readonly Verdict[] {
  const stalled = stalledShare(before, after);
  const [own] = after.memory;
  return after.memory.flatMap((level) => {
    const first = before?.memory.find(({ path }) => path === level.path);
    const look = { level, first, own, stalled, isSampled: before !== undefined };
    return [...waiting(look), ...high(look), ...limit(look)];
  });
}

interface One {
  readonly level: MemoryLevel;
  readonly first: MemoryLevel | undefined;
  readonly own: MemoryLevel | undefined;
  /** How much of the time at least one waited for memory, 0 to 1. null: not told. */
  readonly stalled: number | null;
  readonly isSampled: boolean;
}

function stalledShare(before: Look | undefined, after: Look): number | null {
  if (before === undefined) return null;
  const [first, last] = [before, after].map(({ stalls }) => stalls?.by.get('memory')?.some);
  const milliseconds = after.at - before.at;
  if (first == null || last == null || after.stalls?.path === '/' || milliseconds <= 0) return null;
  return Math.min(Number(last.total - first.total) / 1000 / milliseconds, 1);
}

function nameOf({ level, own }: One): string {
  return level.path === own?.path ? '' : ` of ${level.path}, above it`;
}

function waiting(one: One): readonly Verdict[] {
  const { level, own } = one;
  if (level.waiting !== true || level.killDisabled !== true) return [];
  const what = `out of memory${nameOf(one)}, and nobody is killed (oom_kill_disable): who asks for memory waits until some is free`;
  const advice = [
    advise(level, {
      why: 'let the kernel kill',
      file: 'memory.oom_control',
      value: '0',
      oci: 'memory.disableOOMKiller',
      docker: 'without --oom-kill-disable',
    }),
    ...memoryAdvice(level),
  ];
  const evidence = { usage_bytes: level.usage, limit_bytes: limitOf(level), file: 'memory.oom_control' };
  return [
    {
      code: 'W11',
      level: 'finding',
      controller: 'memory',
      what,
      ...where(level, own),
      certainty: 'certain',
      since: 'now',
      evidence,
      advice,
    },
  ];
}

function limitOf({ limit }: MemoryLevel): bigint | null {
  return typeof limit === 'bigint' ? limit : null;
}

function high(one: One): readonly Verdict[] {
  const { level, first, own, stalled, isSampled } = one;
  const { high: bound, highHits: hits, usage, peak } = level;
  if (typeof bound !== 'bigint' || hits === null) return [];
  const recent = grown(first?.highHits, hits);
  const evidence = { high_bytes: bound, usage_bytes: usage, peak_bytes: peak, hits, hits_in_interval: recent, stalled };
  const base = { controller: 'memory', certainty: 'certain', ...where(level, own), evidence } as const;
  const name = `memory.high ${bytesText(bound)}${nameOf(one)}`;
  if (hits === 0n) {
    const what = `${name}, peak ${peak === null ? '-' : bytesText(peak)}: never reached`;
    return [{ ...base, code: 'W19', level: 'note', what, since: 'made', advice: [] }];
  }
  const isNow = recent !== null && recent > 0n;
  const twice = bound * 2n;
  const waits = stalled === null ? '' : `, and waited for memory ${(100 * stalled).toFixed(0)}% of the time`;
  const what = isNow
    ? `slowed down ${recent} times by ${name}, with ${usage === null ? '-' : bytesText(usage)} used${waits}`
    : `${name} slowed it down before, ${hits} times, and not now`;
  const advice = [
    advise(level, {
      why: 'more before it is slowed down',
      set: ['--memory-high', sizeWord(twice)],
      file: 'memory.high',
      value: String(twice),
      kubernetes: 'resources.limits.memory (MemoryQoS)',
    }),
  ];
  const span = isSampled && isNow ? 'interval' : 'made';
  return [{ ...base, code: 'W9', level: isNow ? 'finding' : 'note', what, since: span, advice: isNow ? advice : [] }];
}

function limit(one: One): readonly Verdict[] {
  const { level, first, own, stalled, isSampled } = one;
  const { limit: bound, hits, usage, peak, swap, swapLimit } = level;
  if (typeof bound !== 'bigint') return [];
  const recent = grown(first?.hits, hits);
  const evidence = {
    limit_bytes: bound,
    usage_bytes: usage,
    peak_bytes: peak,
    swap_bytes: swap,
    swap_limit: swapLimit === null ? null : swapLimit === 'max' ? 'max' : swapLimit,
    hits,
    hits_in_interval: isSampled ? recent : null,
    stalled,
  };
  const base = { controller: 'memory', certainty: 'certain', ...where(level, own), evidence } as const;
  const name = `limit ${bytesText(bound)}${nameOf(one)}`;
  const top = peak === null ? '' : `, peak ${bytesText(peak)}`;
  const isMet = wasMet(level);
  const all = usage === null || swap === null ? null : usage + swap;
  if (swap !== null && swap > 0n && (isMet || (all !== null && all > bound))) {
    const times = hits === null || hits === 0n ? '' : `, met ${hits} times`;
    const what = `${name}${top}${times}: ${bytesText(swap)} went to swap, so that it kills nobody, and is slow`;
    // Else the host may have swapped it out for others.
    const certainty = all !== null && all > bound ? 'certain' : 'guess';
    return [
      { ...base, certainty, code: 'W10', level: 'finding', what, since: 'now', advice: [swapAdvice(level, bound)] },
    ];
  }
  if (!isMet) {
    if (hits === null && peak === null) return [];
    return [{ ...base, code: 'W19', level: 'note', what: `${name}${top}: never reached`, since: 'made', advice: [] }];
  }
  const isNow = isSampled && recent !== null && recent > 0n;
  // To give back what was read from files is how a limit works; it is trouble when somebody waits for it.
  const isSlow = isNow && stalled !== null && stalled >= STALLS;
  const waits = stalled === null ? '' : `; waited for memory ${(100 * stalled).toFixed(0)}% of the time`;
  const what = isNow
    ? `${name}${top}: met ${recent} times, and something was given back for it each time${waits}`
    : `${name}${top}: met ${hits === 0n ? '' : `${hits} times `}since it was made, and not now`;
  return [
    {
      ...base,
      code: 'W12',
      level: isSlow ? 'finding' : 'note',
      what,
      since: isNow ? 'interval' : 'made',
      advice: isSlow ? memoryAdvice(level) : [],
    },
  ];
}

/** How much of the time. */
const STALLS = 0.1;

function swapAdvice(level: MemoryLevel, bound: bigint): ReturnType<typeof advise> {
  return advise(level, {
    why: 'let it be killed at its limit in place of swapping',
    set: ['--swap', '0'],
    file: level.version === 1 ? 'memory.memsw.limit_in_bytes' : 'memory.swap.max',
    value: level.version === 1 ? String(bound) : '0',
    oci: 'memory.swap (equal to memory.limit)',
    docker: '--memory-swap as --memory',
  });
}
