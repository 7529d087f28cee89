// A cgroup in every hierarchy that has limits, v1 or v2, and what its files say.

import { readFileSync, writeFileSync } from 'node:fs';
import { TestCgroups } from './test-cgroups.ts';

const V1 = ['cpu', 'cpuset', 'memory', 'pids', 'blkio', 'freezer'] as const;

export type Version = 'v1' | 'v2';

/** Of the memory controller: the others are where that is. */
export function limitVersion(cgroups: TestCgroups): Version {
  return cgroups.mounts.has('memory') ? 'v1' : 'v2';
}

export class LimitedGroup {
  /** As in /proc/PID/cgroup. */
  readonly path: string;
  readonly version: Version;
  private readonly folders = new Map<string, string>();

  /** `path` begins with a name of the test's own. On v2 its parent hands all controllers on that it has. */
  constructor(cgroups: TestCgroups, path: string) {
    this.path = path;
    this.version = limitVersion(cgroups);
    if (this.version === 'v1') {
      for (const name of V1) if (cgroups.mounts.has(name)) this.folders.set(name, cgroups.make(name, path));
      return;
    }
    const parent = `${cgroups.mounts.get('cgroup2')}${path.slice(0, path.lastIndexOf('/'))}`;
    const offered = readFileSync(`${parent}/cgroup.controllers`, 'utf8').trim().split(' ').filter(Boolean);
    for (const name of offered) writeFileSync(`${parent}/cgroup.subtree_control`, `+${name}`);
    this.folders.set('cgroup2', cgroups.make('cgroup2', path));
  }

  /** Where a file of this name is: `memory.max`. */
  fileOf(name: string): string {
    const controller = name.slice(0, name.indexOf('.'));
    const folder = this.folders.get(this.version === 'v1' ? controller : 'cgroup2');
    if (folder === undefined) throw new Error(`no ${controller} controller`);
    return `${folder}/${name}`;
  }

  /** As cat(1) shows it. */
  read(name: string): string {
    return readFileSync(this.fileOf(name), 'utf8');
  }

  has(name: string): boolean {
    try {
      this.read(name);
      return true;
    } catch {
      return false;
    }
  }

  write(name: string, text: string): void {
    writeFileSync(this.fileOf(name), text);
  }

  /** All files that a limit may change, and what they say. */
  all(): Readonly<Record<string, string>> {
    const names = LIMIT_FILES[this.version].filter((name) => this.has(name));
    return Object.fromEntries(names.map((name) => [name, this.read(name)]));
  }

  /** A process in it. */
  start(cgroups: TestCgroups): number {
    return cgroups.start([...this.folders.values()]);
  }

  /** Its directories, in each hierarchy. */
  directories(): readonly string[] {
    return [...this.folders.values()];
  }
}

const LIMIT_FILES: Readonly<Record<Version, readonly string[]>> = {
  v1: [
    'cpu.cfs_quota_us',
    'cpu.cfs_period_us',
    'cpu.shares',
    'cpuset.cpus',
    'cpuset.mems',
    'memory.limit_in_bytes',
    'memory.memsw.limit_in_bytes',
    'pids.max',
    'blkio.throttle.read_bps_device',
    'blkio.throttle.write_bps_device',
    'blkio.throttle.read_iops_device',
    'blkio.throttle.write_iops_device',
    'freezer.state',
  ],
  v2: [
    'cpu.max',
    'cpu.weight',
    'cpuset.cpus',
    'cpuset.mems',
    'memory.max',
    'memory.high',
    'memory.swap.max',
    'pids.max',
    'io.max',
    'cgroup.freeze',
  ],
};

/** The words of `cgroup set`, and what the files say then. A file that the kernel does not have is not looked at. */
export interface LimitCase {
  readonly words: readonly string[];
  readonly v1: Readonly<Record<string, string>>;
  readonly v2: Readonly<Record<string, string>>;
}

export const limitCases: readonly LimitCase[] = [
  { words: ['--cpus', '0.1'], v1: { 'cpu.cfs_quota_us': '10000\n' }, v2: { 'cpu.max': '10000 100000\n' } },
  {
    words: ['--cpus', '0.005'],
    v1: { 'cpu.cfs_quota_us': '5000\n', 'cpu.cfs_period_us': '1000000\n' },
    v2: { 'cpu.max': '5000 1000000\n' },
  },
  { words: ['--cpu-weight', '50'], v1: { 'cpu.shares': '512\n' }, v2: { 'cpu.weight': '50\n' } },
  { words: ['--cpuset-cpus', '0'], v1: { 'cpuset.cpus': '0\n' }, v2: { 'cpuset.cpus': '0\n' } },
  { words: ['--cpuset-mems', '0'], v1: { 'cpuset.mems': '0\n' }, v2: { 'cpuset.mems': '0\n' } },
  {
    words: ['--memory', '64M'],
    v1: { 'memory.limit_in_bytes': '67108864\n', 'memory.memsw.limit_in_bytes': '67108864\n' },
    v2: { 'memory.max': '67108864\n', 'memory.swap.max': '0\n' },
  },
  {
    words: ['--memory', '20000000', '--swap', '128M'],
    v1: { 'memory.limit_in_bytes': '19996672\n', 'memory.memsw.limit_in_bytes': '154214400\n' },
    v2: { 'memory.max': '19996672\n', 'memory.swap.max': '134217728\n' },
  },
  { words: ['--pids', '8'], v1: { 'pids.max': '8\n' }, v2: { 'pids.max': '8\n' } },
  { words: ['--freeze'], v1: { 'freezer.state': 'FROZEN\n' }, v2: { 'cgroup.freeze': '1\n' } },
];
