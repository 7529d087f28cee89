// A container engine as nstool meets it, without its daemon's work: cgroups named as Docker names them, its files, and a
// process that is called as the daemon is and tells where they are. All of it is below one folder of temporary files and
// one cgroup, both with our pid in their names: what a killed bench has left there the next one removes.

import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pidOfRemains, remainsName } from './remains.ts';

/** About as long as those of real containers: 4 KiB. */
const ENVIRONMENT = Array.from({ length: 40 }, (_, index) => `SETTING_${index}=${'value'.repeat(15)}`);

export class Engine {
  count = 0;
  private batches = 0;
  private readonly cgroup: string;
  private readonly containers: string;
  private readonly daemon: ChildProcess;

  private constructor(cgroup: string, root: string) {
    this.cgroup = cgroup;
    this.containers = join(root, 'containers');
    mkdirSync(this.containers, { recursive: true });
    mkdirSync(join(cgroup, 'docker'), { recursive: true });
    // It ends when its standard input closes, so with us in any case.
    this.daemon = spawn('/bin/sh', ['-c', 'read line', 'sh', '--data-root', root], {
      argv0: 'dockerd',
      stdio: ['pipe', 'ignore', 'inherit'],
    });
  }

  static async start(folder: string): Promise<Engine> {
    const hierarchy = hierarchyPath();
    sweep(hierarchy);
    return new Engine(join(hierarchy, remainsName()), join(folder, 'docker'));
  }

  /** Makes the cgroups and the files of more containers. Returns what the path of each begins with: see crowd.c. */
  make(count: number): string {
    this.batches += 1;
    const prefix = this.batches.toString(16).padStart(56, '0');
    for (let index = 0; index < count; index += 1) {
      const id = `${prefix}${index.toString(16).padStart(8, '0')}`;
      mkdirSync(join(this.cgroup, 'docker', id));
      this.describe(id, `web-${this.count}`);
      this.count += 1;
    }
    return join(this.cgroup, 'docker', prefix);
  }

  /** Once nothing runs in them. */
  stop(): void {
    this.daemon.stdin?.end();
    removeCgroup(this.cgroup);
  }

  private describe(id: string, name: string): void {
    const folder = join(this.containers, id);
    mkdirSync(folder);
    const config = { ID: id, Name: `/${name}`, Config: { Image: 'web:1', Env: ENVIRONMENT, Labels: {} } };
    writeFileSync(join(folder, 'config.v2.json'), JSON.stringify(config));
    writeFileSync(join(folder, 'hostconfig.json'), JSON.stringify({ Runtime: 'runc' }));
  }
}

/** Where cgroups cost nothing but their names: the freezer of v1, else the unified hierarchy. */
function hierarchyPath(): string {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const found =
    mounts.find((line) => / - cgroup \S+ \S*freezer/.test(line)) ?? mounts.find((line) => / - cgroup2 /.test(line));
  const path = found?.split(' ')[4];
  if (path === undefined) throw new Error('no cgroup hierarchy is mounted, neither the freezer nor cgroup2');
  return path;
}

function sweep(hierarchy: string): void {
  for (const name of readdirSync(hierarchy)) {
    const pid = pidOfRemains(name);
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeCgroup(join(hierarchy, name));
  }
}

/** The files in a cgroup are no obstacle to its removal. */
export function removeCgroup(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(path, entry.name));
  }
  rmdirSync(path);
}
