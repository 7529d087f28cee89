// Cgroups with limits that a test makes below the roots, on v1 or v2, and programs that run in them.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { cgroupMounts, inheritCpuset, removeCgroup } from './test-cgroups.ts';

/** In the words of v2. */
export interface Limits {
  /** Of a period of 100 ms. */
  readonly cpus?: number;
  readonly weight?: number;
  readonly idle?: boolean;
  readonly cpuset?: string;
  readonly memory?: number;
  /** Swap alone. */
  readonly swap?: number;
  readonly pids?: number;
  readonly frozen?: boolean;
  /** Of writing: `8:0`, bytes per second. */
  readonly writes?: { readonly device: string; readonly rate: number };
}

export type Controller = 'cpu' | 'cpuset' | 'memory' | 'pids' | 'io' | 'freezer';

const V1: Readonly<Record<Controller, readonly string[]>> = {
  cpu: ['cpu', 'cpuacct'],
  cpuset: ['cpuset'],
  memory: ['memory'],
  pids: ['pids'],
  io: ['blkio'],
  freezer: ['freezer'],
};

export class LimitedGroups {
  private readonly mounts = cgroupMounts();
  private readonly folders: string[] = [];
  private readonly children: ChildProcess[] = [];

  /** Where these controllers are at work; undefined: one of them is nowhere. */
  version(controllers: readonly Controller[]): 1 | 2 | undefined {
    if (controllers.every((each) => V1[each].every((name) => this.mounts.has(name)))) return 1;
    const root = this.mounts.get('cgroup2');
    const offered = root === undefined ? [] : readFileSync(`${root}/cgroup.controllers`, 'utf8').trim().split(' ');
    return controllers.every((each) => each === 'freezer' || offered.includes(each)) && root !== undefined
      ? 2
      : undefined;
  }

  /** With these controllers, above it too. `path`: `/nstool-test-NAME`, or below one that was made before. */
  make(path: string, controllers: readonly Controller[], limits: Limits = {}): void {
    const version = this.version(controllers);
    if (version === 2) {
      const root = this.mounts.get('cgroup2') ?? '';
      const above = `${root}${path.slice(0, path.lastIndexOf('/'))}`;
      for (const each of controllers)
        if (each !== 'freezer') writeFileSync(`${above}/cgroup.subtree_control`, `+${each}`);
      this.folder(`${root}${path}`);
    } else {
      for (const name of new Set(controllers.flatMap((each) => V1[each])))
        this.folder(`${this.mounts.get(name) ?? ''}${path}`);
      if (controllers.includes('cpuset')) inheritCpuset(this.directory('cpuset', path));
    }
    this.limit(path, limits);
  }

  private folder(folder: string): void {
    mkdirSync(folder);
    this.folders.push(folder);
  }

  /** Where a controller's files of it are. */
  directory(controller: Controller, path: string): string {
    const version = this.version([controller]);
    return `${this.mounts.get(version === 2 ? 'cgroup2' : (V1[controller][0] ?? '')) ?? ''}${path}`;
  }

  read(controller: Controller, path: string, file: string): string {
    return readFileSync(`${this.directory(controller, path)}/${file}`, 'utf8').trim();
  }

  write(controller: Controller, path: string, file: string, text: string): void {
    writeFileSync(`${this.directory(controller, path)}/${file}`, text);
  }

  limit(path: string, { cpus, weight, idle, cpuset, memory, swap, pids, frozen, writes }: Limits): void {
    const write = (controller: Controller, v1: readonly [string, string], v2: readonly [string, string]): void => {
      const [file, text] = this.version([controller]) === 2 ? v2 : v1;
      writeFileSync(`${this.directory(controller, path)}/${file}`, text);
    };
    if (cpus !== undefined) {
      const quota = String(cpus * 100_000);
      write('cpu', ['cpu.cfs_quota_us', quota], ['cpu.max', `${quota} 100000`]);
    }
    if (weight !== undefined)
      write('cpu', ['cpu.shares', String(Math.round((weight * 1024) / 100))], ['cpu.weight', String(weight)]);
    if (idle !== undefined) write('cpu', ['cpu.idle', String(Number(idle))], ['cpu.idle', String(Number(idle))]);
    if (cpuset !== undefined) write('cpuset', ['cpuset.cpus', cpuset], ['cpuset.cpus', cpuset]);
    if (memory !== undefined)
      write('memory', ['memory.limit_in_bytes', String(memory)], ['memory.max', String(memory)]);
    // A kernel that does not count swap has no limit on it.
    if (swap !== undefined && memory !== undefined && this.limitsSwap(path))
      write('memory', ['memory.memsw.limit_in_bytes', String(memory + swap)], ['memory.swap.max', String(swap)]);
    if (pids !== undefined) write('pids', ['pids.max', String(pids)], ['pids.max', String(pids)]);
    if (frozen !== undefined)
      write('freezer', ['freezer.state', frozen ? 'FROZEN' : 'THAWED'], ['cgroup.freeze', String(Number(frozen))]);
    if (writes !== undefined) {
      const { device, rate } = writes;
      write('io', ['blkio.throttle.write_bps_device', `${device} ${rate}`], ['io.max', `${device} wbps=${rate}`]);
    }
  }

  private limitsSwap(path: string): boolean {
    const file = this.version(['memory']) === 2 ? 'memory.swap.max' : 'memory.memsw.limit_in_bytes';
    return existsSync(`${this.directory('memory', path)}/${file}`);
  }

  /** A shell's script that begins in this cgroup. */
  start(path: string, controllers: readonly Controller[], script: string): ChildProcess {
    const folders = new Set(
      controllers.flatMap((each) =>
        this.version(controllers) === 2
          ? [this.directory(each, path)]
          : V1[each].map((name) => `${this.mounts.get(name) ?? ''}${path}`),
      ),
    );
    const enter = [...folders].map((folder) => `echo $$ > '${folder}/cgroup.procs'`).join(' && ');
    const child = spawn('sh', ['-c', `${enter} || exit 99; ${script}`], { stdio: 'ignore', detached: true });
    this.children.push(child);
    return child;
  }

  /** Takes away what one of them was limited by, and all that was made below it. */
  async remove(path: string): Promise<void> {
    for (const folder of this.folders.filter((each) => each.endsWith(path) || each.includes(`${path}/`)).toReversed())
      await removeCgroup(folder);
  }

  /** Ends what was started, with all that it started. */
  stop(): void {
    for (const { pid } of this.children)
      if (pid !== undefined) spawnSync('kill', ['-KILL', '--', `-${pid}`], { stdio: 'ignore' });
  }

  async end(): Promise<void> {
    this.stop();
    for (const child of this.children) while (child.exitCode === null && child.signalCode === null) await sleep(5);
    for (const folder of this.folders.toReversed()) await removeCgroup(folder);
  }
}
