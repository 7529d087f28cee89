// Who was killed for want of memory, and whose limit broke. The counters of a cgroup say how many, and are gone with it;
// the kernel's log says who, where and by which limit, until it is overwritten. Source: mm/oom_kill.c, mm/memcontrol.c.

import { pathName } from '../../containers/display-name.ts';
import { isBelow, type OomKill } from '../../kernel/text/kernel-log.ts';
import type { WhyCode } from './codes.ts';
import { killsBeside, killsIn, type LogView } from './log-view.ts';
import { wasMet, type Look, type MemoryLevel } from './look.ts';
import { advise, bytesText, grown, sizeWord, where, type Advice, type Evidence, type Verdict } from './verdict.ts';

/** `path`: of the memory hierarchy; null: of all. `after` is null where there is no such cgroup now. */
export function killVerdicts(
  before: Look | undefined,
  after: Look | null,
  log: LogView | null,
  path: string | null,
): readonly Verdict[] {
  const [own] = after?.memory ?? [];
  const counted = own === undefined ? null : (own.killsBelow ?? own.kills);
  const recent = grown(before?.memory[0]?.killsBelow ?? before?.memory[0]?.kills, counted);
  const logged = log === null ? [] : killsIn(log, path);
  // The counters of v1 leave out those below it.
  const comparable = own?.version === 1 ? logged.filter(({ victimIn }) => victimIn === path) : logged;
  const surplus = counted === null || path === null ? 0 : Math.max(comparable.length - Number(counted), 0);
  const earlier = new Set(comparable.slice(0, after === null ? comparable.length : surplus));
  const facts = { counted_kills: counted, kills_in_interval: before === undefined ? null : recent };
  const told = groupsOf(logged, earlier).map((group) => loggedVerdict(group, after, log, path, facts));
  const untold = counted === null ? 0n : counted - BigInt(comparable.length - surplus);
  const unlogged = own !== undefined && untold > 0n && path !== null ? [countedVerdict(after, own, untold, log)] : [];
  const beside = log === null || path === null ? [] : besideVerdicts(killsBeside(log, path), after, log);
  return [...told, ...unlogged, ...groupKills(after, logged), ...beside];
}

interface KillGroup {
  readonly kills: readonly [OomKill, ...OomKill[]];
  readonly last: OomKill;
  readonly isEarlier: boolean;
}

/** Those of one cause together, the last cause first. */
function groupsOf(kills: readonly OomKill[], earlier: ReadonlySet<OomKill>): readonly KillGroup[] {
  const groups = new Map<string, [OomKill, ...OomKill[]]>();
  for (const kill of kills) {
    const key = JSON.stringify([kill.cause, kill.limitOf, earlier.has(kill)]);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [kill]);
    else known.push(kill);
  }
  return [...groups.values()]
    .map((group) => ({ kills: group, last: group.at(-1) ?? group[0], isEarlier: earlier.has(group[0]) }))
    .toReversed();
}

function loggedVerdict(
  { kills, last, isEarlier }: KillGroup,
  after: Look | null,
  log: LogView | null,
  path: string | null,
  facts: Evidence,
): Verdict {
  const { cause, limitOf } = last;
  const level = after?.memory.find((each) => each.path === limitOf);
  const victims = `${kills.length === 1 ? '' : `${kills.length} processes, the last `}${last.comm} (${last.pid})`;
  const when = agoText(last, log);
  const name = last.victimIn === null ? null : pathName(last.victimIn);
  const called = name === null ? '' : ` (${name})`;
  const inside = last.victimIn === null || last.victimIn === path ? called : ` in ${last.victimIn}${called}`;
  const of = isEarlier ? (after === null ? ' (the cgroup is no more)' : ' (of an earlier cgroup of this path)') : '';
  const what = `${victims} killed${inside}${when}${of}: ${causeText(last, path)}`;
  return {
    code: codeOf(last, path),
    level: 'finding',
    controller: 'memory',
    what,
    path: cause === 'host' ? null : limitOf,
    directory: level?.folder ?? null,
    own: limitOf === path,
    certainty: last.ambiguous || (cause === 'memory cgroup' && limitOf === null) ? 'guess' : 'certain',
    since: 'log',
    evidence: {
      kills: kills.length,
      earlier: isEarlier,
      pid: last.pid,
      comm: last.comm,
      uid: last.uid,
      victim_path: last.victimIn,
      victim_name: name,
      limit_name: limitOf === null ? null : pathName(limitOf),
      limit_bytes: last.limit,
      usage_bytes: last.usage,
      anon_bytes: last.anon,
      file_bytes: last.file,
      shmem_bytes: last.shmem,
      logged_usec: last.usec,
      ago_sec: ago(last, log),
      ...(isEarlier ? {} : facts),
      ...filledBy(after, limitOf),
    },
    // Of all kills of the host the same would be said of each.
    advice: limitOf === null || path === null ? [] : memoryAdvice(level, last.limit),
  };
}

function codeOf({ cause, limitOf, victimIn }: OomKill, path: string | null): WhyCode {
  if (cause === 'host') return 'W7';
  // Of all there are, and below it, it depends on where the victim was.
  if (limitOf === null || limitOf === path) return 'W5';
  return limitOf === victimIn ? 'W5' : 'W6';
}

function causeText({ cause, limitOf, limit, victimIn }: OomKill, path: string | null): string {
  const size = limit === null ? '' : ` of ${bytesText(limit)}`;
  if (cause === 'host') return 'the host ran out of memory (no limit of a cgroup broke)';
  if (limitOf === null) return 'a memory limit broke, the log does not say whose';
  if (limitOf === path) return `it reached its own limit${size}`;
  if (victimIn === limitOf) return `that cgroup reached its own limit${size}`;
  return path !== null && isBelow(path, limitOf)
    ? `${limitOf}, above it, reached its limit${size}`
    : `${limitOf} reached its limit${size}`;
}

function ago({ usec }: OomKill, log: LogView | null): number | null {
  return log?.now == null || log.now < usec ? null : Number((log.now - usec) / 1_000_000n);
}

function agoText(kill: OomKill, log: LogView | null): string {
  const seconds = ago(kill, log);
  if (seconds === null) return '';
  if (seconds < 120) return ` ${seconds}s ago`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 120 ? ` ${minutes}min ago` : ` ${Math.floor(minutes / 60)}h ago`;
}

/** What it is full of, now. */
function filledBy(after: Look | null, limitOf: string | null): Evidence {
  const filled = after?.filled;
  if (filled == null || filled.path !== limitOf) return {};
  const { anon, file, shmem, slab, sock, kernel, swap } = filled;
  return {
    now_anon_bytes: anon,
    now_file_bytes: file,
    now_shmem_bytes: shmem,
    now_slab_bytes: slab,
    now_sock_bytes: sock,
    now_kernel_bytes: kernel,
    now_swap_bytes: swap,
  };
}

/** Twice: how much is enough nobody can tell, as it was never given. */
export function memoryAdvice(level: MemoryLevel | undefined, told: bigint | null = null): readonly Advice[] {
  const limit = typeof level?.limit === 'bigint' ? level.limit : told;
  const twice = limit === null ? null : limit * 2n;
  return [
    advise(level ?? null, {
      why: 'a larger limit, or less in it; how much is enough was never seen',
      set: twice === null ? null : ['--memory', sizeWord(twice)],
      file: level?.version === 2 ? 'memory.max' : 'memory.limit_in_bytes',
      value: twice === null ? null : String(twice),
      oci: 'memory.limit',
      docker: twice === null ? '--memory' : `--memory ${sizeWord(twice).toLowerCase()}`,
      kubernetes: 'resources.limits.memory',
    }),
  ];
}

/** Kills that the log does not have, or that may not be read. */
function countedVerdict(after: Look | null, own: MemoryLevel, kills: bigint, log: LogView | null): Verdict {
  const levels = after?.memory ?? [];
  // v2 tells which one was out of memory, v1 only which limits were met.
  const met = levels.filter(({ limit, ...level }) => {
    if (limit === null) return false;
    return level.outOfMemory === null ? wasMet({ limit, ...level }) : level.outOfMemory > 0n;
  });
  // What was met is counted also of a limit that was taken away since.
  const broken = met.toSorted((a, b) => Number(a.limit === 'max') - Number(b.limit === 'max'));
  const [nearest] = broken;
  const unlogged = log === null ? '' : ', which the log does not have';
  const processes = `${kills} process${kills === 1n ? '' : 'es'} killed since it was made${unlogged}`;
  const evidence = {
    counted_kills: kills,
    limit_bytes: typeof nearest?.limit === 'bigint' ? nearest.limit : null,
    hits: nearest?.hits ?? null,
    out_of_memory: nearest?.outOfMemory ?? null,
    peak_bytes: nearest?.peak ?? null,
    ...filledBy(after, nearest?.path ?? null),
  };
  const base = { level: 'finding', controller: 'memory', since: 'made', evidence } as const;
  if (nearest === undefined) {
    const what = `${processes}: no limit from here up was met, so that it was the host's memory, or a limit that was changed since`;
    return { ...base, code: 'W7', what, path: null, directory: null, own: false, certainty: 'guess', advice: [] };
  }
  const isOwn = nearest.path === own.path;
  const size = typeof nearest.limit === 'bigint' ? ` of ${bytesText(nearest.limit)}` : ', which was taken away since';
  const reached = isOwn ? `it reached its own limit${size}` : `${nearest.path}, above it, reached its limit${size}`;
  return {
    ...base,
    code: isOwn ? 'W5' : 'W6',
    what: `${processes}: ${reached}`,
    ...where(nearest, own),
    certainty: broken.length === 1 ? 'certain' : 'guess',
    advice: nearest.limit === 'max' ? [] : memoryAdvice(nearest),
  };
}

function groupKills(after: Look | null, logged: readonly OomKill[]): readonly Verdict[] {
  const [own] = after?.memory ?? [];
  const together = logged.filter(({ byGroup }) => byGroup);
  const counted = own?.groupKills ?? null;
  if ((counted ?? 0n) === 0n && together.length === 0) return [];
  const level = after?.memory.find(({ killsAll }) => killsAll === true);
  const path = level?.path ?? together.at(-1)?.victimIn ?? null;
  const what = `memory.oom.group${path === null ? '' : ` of ${path}`}: with the one that the kernel chose all others of the group were killed`;
  const advice = advise(level ?? null, { why: 'let one die alone', file: 'memory.oom.group', value: '0' });
  const evidence = { group_kills: counted, killed_with_it: together.length, file: 'memory.oom.group' };
  return [
    {
      code: 'W8',
      level: 'finding',
      controller: 'memory',
      what,
      path,
      directory: level?.folder ?? null,
      own: path !== null && path === own?.path,
      certainty: 'certain',
      since: counted === null ? 'log' : 'made',
      evidence,
      advice: level === undefined ? [] : [advice],
    },
  ];
}

/** The next one may be of this cgroup. */
function besideVerdicts(kills: readonly OomKill[], after: Look | null, log: LogView): readonly Verdict[] {
  return groupsOf(kills, new Set()).map(({ kills: all, last }) => {
    const level = after?.memory.find(({ path }) => path === last.limitOf);
    const victims = `${all.length === 1 ? '' : `${all.length} processes, the last `}${last.comm} (${last.pid})`;
    return {
      code: 'W6',
      level: 'note',
      controller: 'memory',
      what: `${victims} killed in ${last.victimIn ?? '-'}, beside it,${agoText(last, log)}: ${last.limitOf ?? '-'}, above both, reached its limit`,
      path: last.limitOf,
      directory: level?.folder ?? null,
      own: false,
      certainty: last.ambiguous ? 'guess' : 'certain',
      since: 'log',
      evidence: {
        kills: all.length,
        pid: last.pid,
        comm: last.comm,
        victim_path: last.victimIn,
        limit_bytes: last.limit,
        logged_usec: last.usec,
        ago_sec: ago(last, log),
      },
      advice: [],
    };
  });
}
