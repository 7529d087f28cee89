// What `cgroup show --json` says, compared with what cat(1) prints of the same files: each number, converted as
// docs and kernel have it. Nothing here is nstool's own, so that an error of it cannot hide behind itself.

import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './program.ts';

type Row = Readonly<Record<string, unknown>>;

interface GroupRow {
  readonly version: 1 | 2;
  readonly controllers: readonly string[];
  readonly path: string;
  readonly directory: string;
  readonly hierarchy: number;
}

interface LimitRow {
  readonly key: string;
  readonly controller: string;
  readonly version: 1 | 2;
  readonly device: string | null;
  readonly file: string;
  readonly set: number | string | null;
  readonly effective: number | string | null;
  readonly by: string | null;
  readonly usage: number | null;
  readonly peak: number | null;
  readonly levels: readonly {
    readonly path: string;
    readonly set: number | string | null;
    readonly usage: number | null;
  }[];
}

export interface ShownCgroups {
  readonly groups: readonly GroupRow[];
  readonly limits: readonly LimitRow[];
  readonly cpuset: readonly Row[];
  readonly weight: Row | null;
  readonly settings: readonly Row[];
  readonly cpu: Row & { readonly throttling: readonly Row[] };
  readonly memory: Row | null;
  readonly io: readonly Row[];
  readonly events: readonly (Row & { readonly counts: Readonly<Record<string, number>> })[];
  readonly pressure: (Row & { readonly path: string }) | null;
  readonly members: readonly Row[];
  readonly delegation: readonly Row[];
  readonly devices: Row;
}

/** Files of a cgroup that `cgroup show` has no use for. */
const UNSHOWN: readonly RegExp[] = [
  // To act by, or to be told by.
  /^(?:cgroup\.(?:kill|event_control)|memory\.(?:reclaim|force_empty|pressure_level)|blkio\.reset_stats)$/,
  // The same once more: by processor, by node, by user and system, as nice.
  /^(?:cpuacct\.usage_.*|.*numa_stat|cpu\.weight\.nice|memory\.kmem\.slabinfo|cpuset\.memory_pressure)$/,
  /^blkio\.(?:throttle|bfq)\.io_(?:service_bytes|serviced)(?:_recursive)?$/,
  // Of v1's upkeep; what never counts any more.
  /^(?:notify_on_release|cgroup\.clone_children|release_agent|memory\.(?:use_hierarchy|move_charge_at_immigrate))$/,
  /^memory\.kmem\.(?:failcnt|limit_in_bytes|max_usage_in_bytes)$/,
  // Of a kernel that is not Linux's own.
  /^memory\.shown_ram_in_bytes$/,
  // What each says once more of this cgroup alone, or what only a process with it open may set anew.
  /^(?:memory\.swap\.peak|hugetlb\..*\.rsvd\.(?:max_usage_in_bytes|failcnt)|net_cls\.tasks|net_prio\.prioidx)$/,
];

/** What is not as cat has it. Empty: all is. */
export class ShownFiles {
  readonly differences: string[] = [];
  /** How many files were compared. */
  compared = 0;
  private readonly seen = new Map<string, Set<string>>();
  private readonly before: ReadonlyMap<string, string>;
  private readonly after: ReadonlyMap<string, string>;
  private readonly shown: ShownCgroups;

  /** `before`, `after`: what cat printed before and after it was shown. */
  constructor(shown: ShownCgroups, before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>) {
    this.shown = shown;
    this.before = before;
    this.after = after;
    this.limits();
    this.settings();
    this.cpusets();
    this.weight();
    this.cpu();
    this.memory();
    this.io();
    this.events();
    this.pressure();
    this.members();
    this.devices();
  }

  private groupOf(controller: string): GroupRow {
    const found = this.shown.groups.find(
      ({ controllers, version }) => controllers.includes(controller) || (controller === 'cgroup' && version === 2),
    );
    if (found === undefined) throw new Error(`no hierarchy has ${controller}`);
    return found;
  }

  /** The directory of a cgroup at or above that of the process. */
  private folder({ path, directory }: GroupRow, at: string): string {
    const mount = directory.slice(0, directory.length - (path === '/' ? 0 : path.length));
    return at === '/' ? mount : `${mount}${at}`;
  }

  /** As it was before it was shown. undefined: there is no such file, or it cannot be read. */
  private cat(folder: string, file: string): string | undefined {
    const names = this.seen.get(folder) ?? new Set();
    this.seen.set(folder, names.add(file));
    return this.before.get(`${folder}/${file}`);
  }

  private equal(what: string, ours: unknown, cats: unknown): void {
    this.compared += 1;
    if (JSON.stringify(ours) !== JSON.stringify(cats)) {
      this.differences.push(`${what}: ${JSON.stringify(ours)}, where cat has ${JSON.stringify(cats)}`);
    }
  }

  /** A number that may change: it lies between what cat printed before and what it prints now. */
  private between(folder: string, file: string, ours: unknown, convert: (text: string) => number | null): void {
    const [first, second] = [this.cat(folder, file), this.after.get(`${folder}/${file}`)];
    const now = second === undefined ? null : convert(second);
    const then = first === undefined ? null : convert(first);
    this.compared += 1;
    const isSame = ours === then || ours === now;
    const isBetween =
      typeof ours === 'number' &&
      then !== null &&
      now !== null &&
      ours >= Math.min(then, now) &&
      ours <= Math.max(then, now);
    if (!isSame && !isBetween) {
      this.differences.push(`${folder}/${file}: ${JSON.stringify(ours)}, where cat has ${then} and then ${now}`);
    }
  }

  private limits(): void {
    for (const limit of this.shown.limits) {
      const group = this.groupOf(limit.controller);
      for (const { path, set, usage } of limit.levels) {
        const folder = this.folder(group, path);
        this.equal(`${folder}/${limit.file} ${limit.device ?? ''}`, set, this.bound(limit, folder));
        const file = USAGE[limit.file] ?? usageOf(limit.file);
        // At the root the whole host counts, and never stands still.
        if (file !== undefined && limit.device === null && path !== '/') this.between(folder, file, usage, plain);
      }
      const own = this.folder(group, limit.levels[0]?.path ?? '/');
      const peak = PEAKS[limit.file] ?? peakOf(limit.file);
      if (peak !== undefined) this.between(own, peak, limit.peak, plain);
      const bounds = limit.levels.map(({ set }) => (set === 'max' || set === null ? Infinity : Number(set)));
      const least = Math.min(...bounds);
      this.equal(`${limit.key} in all`, limit.effective, least === Infinity ? 'max' : least);
      this.equal(
        `who sets ${limit.key}`,
        limit.by,
        limit.levels[bounds.indexOf(least)]?.path && least !== Infinity
          ? limit.levels[bounds.indexOf(least)]?.path
          : null,
      );
    }
  }

  private bound({ file, key, device, version }: LimitRow, folder: string): number | string | null {
    const text = this.cat(folder, file)?.trim() ?? '';
    if (key === 'cpu_max') {
      const [quota, period] = version === 2 ? text.split(' ') : [text, this.cat(folder, 'cpu.cfs_period_us')];
      return quota === 'max' || quota === '-1' ? 'max' : Number(quota) / Number(period);
    }
    if (device === null) return unlimited(text);
    const line = text.split('\n').find((each) => each.startsWith(`${device} `));
    if (line === undefined) return 'max';
    const word = key.replace(/^io_/, '');
    const pair = line.split(' ').find((each) => each.startsWith(`${word}=`));
    return unlimited(pair?.slice(word.length + 1) ?? line.split(' ')[1] ?? '');
  }

  private settings(): void {
    for (const { controller, file, unit, path, value } of this.shown.settings) {
      const group = this.groupOf(String(controller));
      const text =
        this.cat(this.folder(group, String(path)), String(file))
          ?.trim()
          .replaceAll('\n', ', ') ?? '';
      this.equal(String(file), value, unit === 'word' ? text : unlimited(text));
    }
  }

  private cpusets(): void {
    for (const row of this.shown.cpuset) {
      const { path, version, set, effective, count } = row;
      const key = String(row['key']);
      const folder = this.folder(this.groupOf('cpuset'), String(path));
      const name = version === 1 ? `cpuset.effective_${key}` : `cpuset.${key}.effective`;
      this.equal(`cpuset.${key}`, set, this.cat(folder, `cpuset.${key}`)?.trim());
      const text = this.cat(folder, name)?.trim() ?? '';
      this.equal(name, effective, text);
      const ids = text.split(',').flatMap((range) => {
        const [first = 0, last = first] = range.split('-').map(Number);
        return Array.from({ length: last - first + 1 }, (_, index) => first + index);
      });
      this.equal(`how many ${key}`, count, ids.length);
    }
  }

  private weight(): void {
    const { weight } = this.shown;
    if (weight === null) return;
    const folder = this.folder(this.groupOf('cpu'), String(weight['path']));
    const file = String(weight['file']);
    this.equal(file, weight['set'], Number(this.cat(folder, file)));
    this.equal(
      'cpu.idle',
      weight['idle'],
      this.cat(folder, 'cpu.idle') === undefined ? null : this.cat(folder, 'cpu.idle') === '1\n',
    );
    const above = folder.slice(0, folder.lastIndexOf('/'));
    const siblings = readdirSync(above, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const weights = siblings.map(({ name }) => Number(run(['cat', `${above}/${name}/${file}`]).stdout));
    const all = weights.reduce((sum, each) => sum + each, 0);
    this.equal('siblings', [weight['siblings'], weight['share']], [weights.length, Number(weight['set']) / all]);
  }

  private cpu(): void {
    const { cpu } = this.shown;
    const accounted = this.shown.groups.find(({ controllers }) => controllers.includes('cpuacct'));
    if (accounted === undefined) {
      const { directory } = this.groupOf('cgroup');
      for (const key of ['usage_usec', 'user_usec', 'system_usec', 'nice_usec'])
        this.between(directory, 'cpu.stat', cpu[key], (text) => keyed(text, key));
    } else {
      const { directory } = accounted;
      this.between(directory, 'cpuacct.usage', cpu['usage_usec'], (text) => Math.floor(Number(text) / 1000));
      for (const key of ['user', 'system']) {
        const ticks = (text: string): number | null => keyed(text, key);
        this.between(directory, 'cpuacct.stat', cpu[`${key}_usec`], (text) => (ticks(text) ?? NaN) * 10_000);
      }
    }
    const group = this.shown.groups.find(({ controllers }) => controllers.includes('cpu'));
    if (group === undefined) return;
    const time = (text: string, key: string): number | null => {
      if (group.version === 2) return keyed(text, `${key}_usec`);
      const nanoseconds = keyed(text, `${key}_time`);
      return nanoseconds === null ? null : Math.floor(nanoseconds / 1000);
    };
    this.between(group.directory, 'cpu.stat.local', cpu['held_usec'], (text) => time(text, 'throttled'));
    for (const { path, periods, throttled, throttled_usec, bursts, burst_usec } of cpu.throttling) {
      const folder = this.folder(group, String(path));
      this.between(folder, 'cpu.stat', periods, (text) => keyed(text, 'nr_periods'));
      this.between(folder, 'cpu.stat', throttled, (text) => keyed(text, 'nr_throttled'));
      this.between(folder, 'cpu.stat', throttled_usec, (text) => time(text, 'throttled'));
      this.between(folder, 'cpu.stat', bursts, (text) => keyed(text, 'nr_bursts'));
      this.between(folder, 'cpu.stat', burst_usec, (text) => time(text, 'burst'));
    }
    // Those that held nobody back are left out; beside v1 the unified hierarchy says the same once more.
    for (const { directory } of this.shown.groups.filter(({ version }) => version === group.version || version === 2))
      for (const file of ['cpu.stat', 'cpu.stat.local']) this.cat(directory, file);
  }

  private memory(): void {
    const { memory } = this.shown;
    if (memory === null) return;
    const group = this.groupOf('memory');
    const folder = this.folder(group, String(memory['path']));
    const stat = (key: string, ours: unknown): void =>
      this.between(folder, 'memory.stat', ours, (text) => keyed(text, key));
    if (group.version === 2) {
      this.between(folder, 'memory.current', memory['usage'], plain);
      this.between(folder, 'memory.peak', memory['peak'], plain);
      this.between(folder, 'memory.swap.current', memory['swap'], plain);
      for (const key of ['anon', 'file', 'inactive_file', 'shmem', 'slab', 'kernel', 'sock']) stat(key, memory[key]);
    } else {
      this.between(folder, 'memory.usage_in_bytes', memory['usage'], plain);
      this.between(folder, 'memory.max_usage_in_bytes', memory['peak'], plain);
      this.between(folder, 'memory.kmem.usage_in_bytes', memory['kernel'], plain);
      this.between(folder, 'memory.kmem.tcp.usage_in_bytes', memory['sock'], plain);
      const keys = { anon: 'rss', file: 'cache', inactive_file: 'inactive_file', shmem: 'shmem', swap: 'swap' };
      for (const [ours, theirs] of Object.entries(keys)) stat(`total_${theirs}`, memory[ours]);
    }
    const [usage, inactive] = [Number(memory['usage']), Number(memory['inactive_file'])];
    this.equal('working set', memory['working_set'], Math.max(usage - inactive, 0));
  }

  private io(): void {
    const v2 = this.shown.groups.find(({ controllers }) => controllers.includes('io'));
    if (v2 !== undefined) {
      const lines = this.cat(v2.directory, 'io.stat')?.split('\n') ?? [];
      for (const row of this.shown.io) {
        const line = lines.find((each) => each.startsWith(`${String(row['device'])} `)) ?? '';
        for (const key of ['rbytes', 'wbytes', 'rios', 'wios']) {
          const told = new RegExp(` ${key}=(\\d+)`).exec(line)?.[1];
          this.equal(`io.stat ${key}`, row[key], told === undefined ? null : Number(told));
        }
      }
    }
  }

  private events(): void {
    for (const { controller, path, file, counts } of this.shown.events) {
      const text = this.cat(this.folder(this.groupOf(String(controller)), String(path)), String(file)) ?? '';
      const told = text.includes(' ') ? Object.fromEntries(pairs(text)) : { count: Number(text) };
      this.equal(String(file), counts, told);
    }
  }

  private pressure(): void {
    const { pressure } = this.shown;
    if (pressure === null) return;
    const folder = this.folder(this.groupOf('cgroup'), pressure.path);
    for (const resource of ['cpu', 'memory', 'io', 'irq']) {
      const ours = pressure[resource] as Readonly<Record<string, { readonly total: number } | null>> | null;
      for (const kind of ['some', 'full']) {
        const total = (text: string): number | null => {
          const told = new RegExp(`^${kind} .*total=(\\d+)$`, 'm').exec(text)?.[1];
          return told === undefined ? null : Number(told);
        };
        this.between(folder, `${resource}.pressure`, ours?.[kind]?.total ?? null, total);
      }
    }
  }

  private members(): void {
    for (const [index, row] of this.shown.members.entries()) {
      const group = this.shown.groups.find(({ hierarchy }) => hierarchy === row['hierarchy']);
      if (group === undefined || group.path === '/') continue;
      const { directory, version } = group;
      const count = (file: string): number | null => {
        const text = this.cat(directory, file);
        return text === undefined ? null : text.split('\n').length - 1;
      };
      this.equal(`${directory} processes`, row['processes'], count('cgroup.procs'));
      this.equal(`${directory} threads`, row['threads'], count(version === 1 ? 'tasks' : 'cgroup.threads'));
      const owner = (file: string): number => statSync(`${directory}/${file}`).uid;
      const { folder, procs } = this.shown.delegation[index] ?? {};
      this.equal(`${directory} owners`, [folder, procs], [owner('.'), owner('cgroup.procs')]);
      if (version === 1) continue;
      const flag = (key: string): boolean => keyed(this.cat(directory, 'cgroup.events') ?? '', key) === 1;
      this.equal('cgroup.events', [row['populated'], row['frozen']], [flag('populated'), flag('frozen')]);
      this.equal('cgroup.type', row['type'], this.cat(directory, 'cgroup.type')?.trim());
      const stat = this.cat(directory, 'cgroup.stat') ?? '';
      const told = [keyed(stat, 'nr_descendants'), keyed(stat, 'nr_dying_descendants')];
      this.equal('cgroup.stat', [row['descendants'], row['dying']], told);
      const by = row['by_controller'] as readonly { readonly controller: string; readonly cgroups: number }[];
      for (const { controller, cgroups } of by)
        this.equal(`cgroup.stat ${controller}`, cgroups, keyed(stat, `nr_subsys_${controller}`));
      const subsystems = pairs(stat).filter(([key]) => key.startsWith('nr_subsys_'));
      this.equal('controllers of cgroup.stat', by.length, subsystems.length);
      this.between(directory, 'cgroup.stat.local', row['frozen_usec'], (text) => keyed(text, 'frozen_usec'));
      this.cat(directory, 'cgroup.controllers');
    }
  }

  private devices(): void {
    const { file, rules } = this.shown.devices;
    if (typeof file !== 'string') return;
    const at = file.lastIndexOf('/');
    this.equal(
      file,
      rules,
      this.cat(file.slice(0, at), file.slice(at + 1))
        ?.trim()
        .split('\n'),
    );
  }

  /** Files of the process's own cgroups that nobody compared, and of which it is not known why. */
  forgotten(): readonly string[] {
    return this.shown.groups.flatMap(({ directory }) => {
      const seen = this.seen.get(directory);
      return (
        filesIn(directory)
          .filter((name) => seen?.has(name) !== true && !UNSHOWN.some((pattern) => pattern.test(name)))
          .map((name) => `${directory}/${name}`)
          // As of who has no such device, or cannot be read at all.
          .filter((path) => (this.before.get(path) ?? '').trim() !== '')
      );
    });
  }
}

const USAGE: Readonly<Record<string, string>> = {
  'memory.limit_in_bytes': 'memory.usage_in_bytes',
  'memory.memsw.limit_in_bytes': 'memory.memsw.usage_in_bytes',
  'memory.kmem.tcp.limit_in_bytes': 'memory.kmem.tcp.usage_in_bytes',
  'memory.max': 'memory.current',
  'memory.high': 'memory.current',
  'memory.swap.max': 'memory.swap.current',
  'memory.swap.high': 'memory.swap.current',
  'memory.zswap.max': 'memory.zswap.current',
  'pids.max': 'pids.current',
};

const PEAKS: Readonly<Record<string, string>> = {
  'memory.limit_in_bytes': 'memory.max_usage_in_bytes',
  'memory.memsw.limit_in_bytes': 'memory.memsw.max_usage_in_bytes',
  'memory.kmem.tcp.limit_in_bytes': 'memory.kmem.tcp.max_usage_in_bytes',
  'memory.max': 'memory.peak',
  'memory.high': 'memory.peak',
  'memory.swap.max': 'memory.swap.peak',
  'pids.max': 'pids.peak',
};

function usageOf(file: string): string | undefined {
  if (!file.startsWith('hugetlb.')) return undefined;
  return file.replace('.limit_in_bytes', '.usage_in_bytes').replace(/\.max$/, '.current');
}

function peakOf(file: string): string | undefined {
  if (!file.startsWith('hugetlb.') || file.endsWith('.max')) return undefined;
  return file.replace('.limit_in_bytes', '.max_usage_in_bytes');
}

function plain(text: string): number {
  return Number(text);
}

/** v1's memory is unlimited at LONG_MAX rounded down to its pages, its quota at -1. */
function unlimited(text: string): number | string {
  return text === 'max' || text === '-1' || Number(text) > 2 ** 62 ? 'max' : Number(text);
}

function pairs(text: string): readonly (readonly [string, number])[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => [line.split(' ')[0] ?? '', Number(line.split(' ')[1])]);
}

function keyed(text: string, key: string): number | null {
  return pairs(text).find(([name]) => name === key)?.[1] ?? null;
}

/** What cat prints of all files of a process's cgroups and of those above them, by their paths. */
export function catAll(pid: number, mounts: ReadonlyMap<string, string>): Map<string, string> {
  const lines = run(['cat', `/proc/${pid}/cgroup`])
    .stdout.trim()
    .split('\n');
  const folders = lines.flatMap((line) => {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    const mount = mounts.get(controllers === '' ? 'cgroup2' : (controllers.split(',')[0] ?? ''));
    if (mount === undefined) return [];
    const names = path.split('/').filter(Boolean);
    return [mount, ...names.map((_, count) => `${mount}/${names.slice(0, count + 1).join('/')}`)];
  });
  return new Map([...new Set(folders)].flatMap((folder) => [...catFolder(folder)]));
}

const BETWEEN = '\u0001between two files\u0001';

/** One cat for all files of a directory: in a guest a process is slow to start. Those that cannot be read are left out. */
function catFolder(folder: string): ReadonlyMap<string, string> {
  const paths = filesIn(folder).map((name) => `${folder}/${name}`);
  const separator = join(tmpdir(), `nstool-test-between-${process.pid}`);
  writeFileSync(separator, BETWEEN);
  const { stdout, stderr } = run(['cat', ...paths.flatMap((path) => [path, separator])]);
  rmSync(separator);
  const texts = stdout.split(BETWEEN);
  const read = paths.map((path, index): [string, string] => [path, texts[index] ?? '']);
  return new Map(read.filter(([path]) => !stderr.includes(`cat: ${path}: `) && !stderr.includes(`cat: '${path}': `)));
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}
