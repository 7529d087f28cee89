// Cgroups that a test makes below the roots of the v1 hierarchies (and the unified one), never in those that are there.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where each is mounted: `memory`, `cpu`, `name=systemd`, `cgroup2`. */
export function cgroupMounts(): ReadonlyMap<string, string> {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const entries = lines.flatMap((line): [string, string][] => {
    const words = line.split(' ');
    const at = words.indexOf('-', 6);
    const [type, , options = ''] = words.slice(at + 1);
    const folder = words[4] ?? '';
    if (type === 'cgroup2' && words[3] === '/') return [['cgroup2', folder]];
    if (type !== 'cgroup' || words[3] !== '/') return [];
    return options.split(',').map((option): [string, string] => [option, folder]);
  });
  return new Map(entries);
}

export class TestCgroups {
  private readonly folders: string[] = [];
  private readonly children: ChildProcess[] = [];
  readonly mounts = cgroupMounts();

  /** Its directory. `path` begins with a name of the test's own. */
  make(hierarchy: string, path: string, files: Readonly<Record<string, string>> = {}): string {
    const mount = this.mounts.get(hierarchy);
    if (mount === undefined) throw new Error(`no ${hierarchy} hierarchy`);
    const folder = `${mount}${path}`;
    mkdirSync(folder);
    this.folders.push(folder);
    for (const [name, text] of Object.entries(files)) writeFileSync(`${folder}/${name}`, text);
    return folder;
  }

  /** A process in these cgroups, which sleeps. */
  start(folders: readonly string[], before: readonly string[] = []): number {
    const [command, ...words] = [...before, 'sleep', '600'];
    const child = spawn(command, words, { stdio: 'ignore' });
    this.children.push(child);
    for (const folder of folders) writeFileSync(`${folder}/cgroup.procs`, String(child.pid));
    return child.pid ?? 0;
  }

  /** A process that ended in this cgroup, and that nobody waits for. */
  async startZombie(folder: string): Promise<number> {
    // The first ends in there, the shell is replaced by who never waits.
    const script = `sh -c 'echo $$ > "$0/cgroup.procs"; echo $$' "$0" & exec sleep 600`;
    const child = spawn('sh', ['-c', script, folder], { stdio: ['ignore', 'pipe', 'ignore'] });
    this.children.push(child);
    const line = await new Promise<string>((resolve) => {
      child.stdout.once('data', (data: Buffer) => resolve(data.toString()));
    });
    const pid = Number(line);
    while (!/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) {
      // eslint-disable-next-line no-await-in-loop -- it is waited for
      await sleep(5);
    }
    return pid;
  }

  async end(): Promise<void> {
    for (const child of this.children) {
      child.kill('SIGKILL');
      // eslint-disable-next-line no-await-in-loop -- one after the other
      while (child.exitCode === null && child.signalCode === null) await sleep(5);
    }
    // eslint-disable-next-line no-await-in-loop -- the lower ones first
    for (const folder of this.folders.toReversed()) await removeCgroup(folder);
  }
}

const TRIES = 300;

/** A cgroup is empty a moment after its last process is gone. */
export async function removeCgroup(folder: string): Promise<void> {
  for (let tries = 0; tries < TRIES && !removed(folder); tries += 1) {
    // eslint-disable-next-line no-await-in-loop -- it is waited for
    await sleep(10);
  }
}

/** A cpuset of v1 begins without any, and nothing may run there: it gets what the cgroup above it has. */
export function inheritCpuset(folder: string): void {
  for (const file of ['cpuset.cpus', 'cpuset.mems'])
    writeFileSync(`${folder}/${file}`, readFileSync(`${folder}/../${file}`));
}

function removed(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT';
  }
}
