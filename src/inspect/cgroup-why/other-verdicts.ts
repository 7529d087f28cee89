// Cannot fork, frozen, held by disks, and cgroups that do not go away. Source: Documentation/admin-guide/cgroup-v2.rst and
// cgroup-v1/, kernel/cgroup/pids.c, block/blk-throttle.c.

import { isIn, type LogView } from './log-view.ts';
import { ioKeys, type FreezerLevel, type IoKey, type IoLevel, type Look, type PidsLevel } from './look.ts';
import { advise, bytesText, grown, where, type Verdict } from './verdict.ts';

/** `path`: of the pids hierarchy; null: of all. */
export function pidsVerdicts(
  before: Look | undefined,
  after: Look | null,
  log: LogView | null,
  path: string | null,
): readonly Verdict[] {
  const levels = after?.pids ?? [];
  const limited = levels.filter(({ limit }) => typeof limit === 'bigint');
  const [own] = levels;
  const recent = grown(before?.pids[0]?.refused, own?.refused);
  const refusedNow = before === undefined ? null : recent;
  const full = limited.find((level) => isFull(level, level.current));
  // Of newer kernels' v2 the one whose limit it is counts.
  const above = limited.find((level) => level.version === 2 && level !== own && (level.refused ?? 0n) > 0n);
  const refused = own?.refused ?? 0n;
  const told = (log?.refusals ?? []).findLast((each) => path === null || isIn(each.path, path));
  const never = limited.flatMap((level) => neverReached(level, own, refused));
  if (full !== undefined || refused > 0n || above !== undefined) {
    const cause = full ?? limited.find((level) => isFull(level, level.peak)) ?? above ?? smallest(limited);
    return [forkVerdict(cause, full !== undefined, own, { refused, refusedNow, told }), ...never];
  }
  if (path === null) return [...refusalsOf(log), ...never];
  if (told === undefined) return never;
  const gone = after === null ? 'the cgroup is no more' : 'an earlier cgroup of this path';
  return [refusalVerdict(told, `(${gone})`), ...never];
}

function isFull({ limit }: PidsLevel, count: bigint | null): boolean {
  return typeof limit === 'bigint' && count !== null && count >= limit;
}

function smallest(levels: readonly PidsLevel[]): PidsLevel | undefined {
  return levels.toSorted((a, b) => Number(BigInt(a.limit ?? 0) - BigInt(b.limit ?? 0)))[0];
}

interface Refusals {
  readonly refused: bigint;
  readonly refusedNow: bigint | null;
  readonly told: LogView['refusals'][number] | undefined;
}

function forkVerdict(
  cause: PidsLevel | undefined,
  isFullNow: boolean,
  own: PidsLevel | undefined,
  { refused, refusedNow, told }: Refusals,
): Verdict {
  const limit = cause?.limit ?? null;
  const name =
    cause === undefined
      ? 'a limit'
      : cause.path === own?.path
        ? 'its own limit'
        : `the limit of ${cause.path}, above it,`;
  const size = typeof limit === 'bigint' ? ` of ${limit} tasks` : '';
  const times = refused > 0n ? refused : (cause?.refused ?? 0n);
  const refusals = `fork(2) was refused ${times} time${times === 1n ? '' : 's'} since it was made`;
  const isKnown = cause !== undefined && (isFullNow || isFull(cause, cause.peak));
  const state = isFullNow
    ? `is met, ${cause?.current ?? '-'} are there: the next fork fails`
    : `was met, peak ${cause?.peak ?? '-'}`;
  const met = `${isFullNow ? 'cannot' : 'could not'} fork: ${name}${size} ${state}${times > 0n ? `; ${refusals}` : ''}`;
  const none =
    'no limit from here up is set, so that the one that was met was taken away since, or is above what we see';
  const unmet = `${name}${size} has a peak of ${cause?.peak ?? '-'}, so that a limit was changed since, or is above what we see`;
  const twice = typeof limit === 'bigint' ? limit * 2n : null;
  return {
    code: 'W13',
    level: 'finding',
    controller: 'pids',
    what: isKnown ? met : `${refusals}: ${cause === undefined ? none : unmet}`,
    ...(cause === undefined ? { path: null, directory: null, own: false } : where(cause, own)),
    certainty: isKnown ? 'certain' : 'guess',
    since: isFullNow ? 'now' : 'made',
    evidence: {
      limit: limit === 'max' ? 'max' : limit,
      current: cause?.current ?? null,
      peak: cause?.peak ?? null,
      refused,
      refused_in_interval: refusedNow,
      first_refused_usec: told?.usec ?? null,
      file: 'pids.max',
    },
    advice:
      cause === undefined
        ? []
        : [
            advise(cause, {
              why: 'more processes and threads',
              set: twice === null ? null : ['--pids', String(twice)],
              file: 'pids.max',
              value: twice === null ? null : String(twice),
              oci: 'pids.limit',
              docker: twice === null ? '--pids-limit' : `--pids-limit ${twice}`,
              kubernetes: 'podPidsLimit of the kubelet',
            }),
          ],
  };
}

function refusalsOf(log: LogView | null): readonly Verdict[] {
  return (log?.refusals ?? []).map((each) => refusalVerdict(each, ''));
}

function refusalVerdict({ path, usec }: LogView['refusals'][number], note: string): Verdict {
  return {
    code: 'W13',
    level: 'finding',
    controller: 'pids',
    what: `fork(2) was refused in ${path}${note === '' ? '' : ` ${note}`}: the log says so of the first time`,
    path,
    directory: null,
    own: false,
    certainty: 'certain',
    since: 'log',
    evidence: { first_refused_usec: usec },
    advice: [],
  };
}

function neverReached(level: PidsLevel, own: PidsLevel | undefined, refused: bigint): readonly Verdict[] {
  const { limit, peak, current } = level;
  const most = peak ?? (refused === 0n ? current : null);
  if (typeof limit !== 'bigint' || most === null || most >= limit) return [];
  const name = level.path === own?.path ? '' : ` of ${level.path}, above it`;
  const what = `limit ${limit} tasks${name}, ${peak === null ? `${most} now` : `peak ${peak}`}: never reached`;
  const evidence = { limit, peak, current, file: 'pids.max' };
  return [
    {
      code: 'W19',
      level: 'note',
      controller: 'pids',
      what,
      ...where(level, own),
      certainty: peak === null ? 'guess' : 'certain',
      since: 'made',
      evidence,
      advice: [],
    },
  ];
}

export function freezerVerdicts({ freezer }: Look): readonly Verdict[] {
  return [1, 2].flatMap((version) => {
    const levels = freezer.filter((level) => level.version === version);
    const [own] = levels;
    const cause = levels.find(({ self }) => self === true);
    if (own === undefined || (cause === undefined && own.frozen !== true)) return [];
    return [frozenVerdict(own, cause)];
  });
}

function frozenVerdict(own: FreezerLevel, cause: FreezerLevel | undefined): Verdict {
  const by =
    cause === undefined
      ? 'by one above it that we do not see'
      : cause === own
        ? 'itself'
        : `by ${cause.path}, above it`;
  const file = own.version === 1 ? 'freezer.state' : 'cgroup.freeze';
  const advice = advise(cause ?? null, {
    why: 'let it run',
    set: cause === undefined ? null : ['--thaw'],
    file,
    value: own.version === 1 ? 'THAWED' : '0',
    docker: 'docker unpause',
  });
  return {
    code: 'W16',
    level: 'finding',
    controller: own.version === 1 ? 'freezer' : 'cgroup',
    what: own.frozen === false ? `is being frozen, ${by}` : `frozen, ${by}: nothing in it runs`,
    ...(cause === undefined ? { path: null, directory: null, own: false } : where(cause, own)),
    certainty: 'certain',
    since: 'now',
    evidence: { frozen: own.frozen, file },
    advice: cause === undefined ? [] : [advice],
  };
}

const IO_FILES: Readonly<Record<IoKey, string>> = {
  rbps: 'read_bps',
  wbps: 'write_bps',
  riops: 'read_iops',
  wiops: 'write_iops',
};

const OCI: Readonly<Record<IoKey, { readonly oci: string; readonly docker: string }>> = {
  rbps: { oci: 'blockIO.throttleReadBpsDevice', docker: '--device-read-bps' },
  wbps: { oci: 'blockIO.throttleWriteBpsDevice', docker: '--device-write-bps' },
  riops: { oci: 'blockIO.throttleReadIOPSDevice', docker: '--device-read-iops' },
  wiops: { oci: 'blockIO.throttleWriteIOPSDevice', docker: '--device-write-iops' },
};

export function ioVerdicts(before: Look | undefined, after: Look, ioPath: string | undefined): readonly Verdict[] {
  if (before === undefined) return [];
  const seconds = Math.max((after.at - before.at) / 1000, 0.001);
  const held = after.io.flatMap((level) => {
    const first = before.io.find(({ path, device }) => path === level.path && device === level.device);
    return first === undefined ? [] : ioKeys.flatMap((key) => rateVerdict(level, first, key, seconds, ioPath, after));
  });
  return held.length > 0 ? held : diskVerdicts(before, after, seconds);
}

/** Of a limit: what comes so near to it is held by it. */
const NEAR = 0.8;

function rateVerdict(
  level: IoLevel,
  first: IoLevel,
  key: IoKey,
  seconds: number,
  ioPath: string | undefined,
  { tasks, stalls }: Look,
): readonly Verdict[] {
  const limit = level.limits[key];
  const count = grown(first.counts[key], level.counts[key]);
  if (typeof limit !== 'bigint' || count === null || first.counts[key] === null) return [];
  const rate = Number(count) / seconds;
  if (rate < NEAR * Number(limit)) return [];
  const isBytes = key.endsWith('bps');
  const text = (amount: bigint): string => (isBytes ? `${bytesText(amount)}/s` : `${amount} requests/s`);
  const verb = key.startsWith('r') ? 'reads' : 'writes';
  const device = level.deviceName ?? level.device;
  const name = level.path === ioPath ? 'its own limit' : `the limit of ${level.path}, above it,`;
  const file = level.version === 1 ? `blkio.throttle.${IO_FILES[key]}_device` : 'io.max';
  const more = limit * 2n;
  const waits = stalls === null || stalls.path === '/' ? null : (stalls.by.get('io')?.some?.avg10 ?? null);
  return [
    {
      code: 'W14',
      level: 'finding',
      controller: level.version === 1 ? 'blkio' : 'io',
      what: `${verb} ${text(BigInt(Math.round(rate)))} of ${device}: ${name} of ${text(limit)} holds it`,
      path: level.path,
      directory: level.folder,
      own: level.path === ioPath,
      certainty: 'certain',
      since: 'interval',
      evidence: {
        device: level.device,
        device_name: level.deviceName,
        key,
        limit,
        rate: Math.round(rate),
        waiting_threads: tasks?.blocked ?? null,
        pressure_avg10: waits,
        file,
      },
      advice: [
        advise(level, {
          why: 'a higher rate',
          set: ['--io', `${level.deviceName === null ? level.device : `/dev/${level.deviceName}`}:${key}=${more}`],
          file,
          value: level.version === 1 ? `${level.device} ${more}` : `${level.device} ${key}=${more}`,
          ...OCI[key],
        }),
      ],
    },
  ];
}

/** How much of the time at least one waits. */
const WAITS = 0.2;

/** No limit holds it: the disk is slow, or busy with others. */
function diskVerdicts(before: Look, after: Look, seconds: number): readonly Verdict[] {
  const [first, last] = [before, after].map(({ stalls }) => stalls?.by.get('io')?.some);
  const base = { code: 'W15', level: 'finding', controller: 'io', path: null, directory: null, own: false } as const;
  if (first != null && last != null && after.stalls?.path !== '/') {
    const share = Math.min(Number(last.total - first.total) / 1e6 / seconds, 1);
    if (share < WAITS) return [];
    const what = `waited for disks ${(100 * share).toFixed(0)}% of the time, and no limit of a cgroup is near: they are slow, or busy with others`;
    const evidence = { stalled: Number(share.toFixed(3)), pressure_avg10: last.avg10 };
    return [{ ...base, what, certainty: 'certain', since: 'interval', evidence, advice: [] }];
  }
  const [were, are] = [before.tasks?.blocked ?? 0, after.tasks?.blocked ?? 0];
  // Who is frozen is in the same state.
  if (were === 0 || are === 0 || after.freezer.some(({ frozen }) => frozen === true)) return [];
  const what = `${are} thread${are === 1 ? '' : 's'} in state D at both looks: waiting for a disk or a file system`;
  return [{ ...base, what, certainty: 'guess', since: 'now', evidence: { waiting_threads: are }, advice: [] }];
}

/** A few wait for their memory to be given back on any host. */
const MANY_DYING = 500n;
const SOME_DYING = 50n;

export function dyingVerdicts(before: Look | undefined, { dying: now }: Look): readonly Verdict[] {
  if (now === null || now.dying === null || now.dying < SOME_DYING) return [];
  const isMany = now.dying >= MANY_DYING;
  const recent = before === undefined ? null : grown(before.dying?.dying, now.dying);
  const what = `${now.dying} cgroups below it were removed and are still held, mostly by what is in the page cache or in tmpfs; ${now.living ?? '-'} are there`;
  return [
    {
      code: 'W17',
      level: isMany ? 'finding' : 'note',
      controller: 'cgroup',
      what,
      ...where(now, now),
      certainty: 'certain',
      since: 'now',
      evidence: { dying: now.dying, living: now.living, grown: recent, file: 'cgroup.stat' },
      advice: [],
    },
  ];
}

export function hugetlbVerdicts({ hugetlb }: Look): readonly Verdict[] {
  return hugetlb.flatMap(({ path, file, counts }) => {
    const met = counts.get('max') ?? counts.get('count') ?? 0n;
    if (met === 0n) return [];
    const what = `huge pages were refused ${met} times since it was made (${file}): mmap(2) fails, or the process dies of SIGBUS`;
    const base = { code: 'W18', level: 'finding', controller: 'hugetlb', path, directory: null, own: true } as const;
    return [{ ...base, what, certainty: 'certain', since: 'made', evidence: { refused: met, file }, advice: [] }];
  });
}
