// What measuring needs: the C programs in a temporary folder, crowds of processes, and one command timed. All of it is
// gone after close(), also when a signal ends the bench.

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { pidOfRemains, remainsName } from './remains.ts';

const run = promisify(execFile);

const ATTEMPTS = 5;

export const PROCESSES_IN_GROUP = 10;

export type CProgram = 'crowd' | 'readlinks' | 'measure';

/** What is timed: a whole process, or `inside`: one that times itself and prints its milliseconds. */
export interface Row {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly inside?: boolean;
}

/** Of one run. NaN: not measured. */
interface Run {
  /** Unit: milliseconds, by the clock. */
  readonly time: number;
  /** Unit: milliseconds, of the processor; what else the machine does hardly changes it. */
  readonly cpu: number;
  /** Unit: MiB. */
  readonly peak: number;
}

/** In the order of the runs. */
export type Series = readonly Run[];

/** By the name of the row. */
export type Measured = ReadonlyMap<string, Series>;

export interface Crowd {
  /** A process in the first group. */
  readonly pid: number;
  /** The inode of a network namespace without a process. */
  readonly empty: string;
}

export class Workshop {
  /** Temporary files. */
  readonly folder: string;
  private crowds: ChildProcess[] = [];
  /** Ends what is being done. */
  readonly stop: AbortSignal;

  private constructor(folder: string, stop: AbortSignal) {
    this.folder = folder;
    this.stop = stop;
  }

  /** Compiles the C programs in `sources`. `stop` ends what is being done: it throws. */
  static async open(sources: string, stop: AbortSignal): Promise<Workshop> {
    await sweep();
    const workshop = new Workshop(await mkdtemp(join(tmpdir(), `${remainsName()}-`)), stop);
    try {
      for (const name of ['crowd', 'readlinks', 'measure'] as const) {
        const words = ['-O2', '-Wall', '-Wextra', '-o', workshop.program(name), join(sources, `${name}.c`)];
        await run('cc', words, { signal: stop });
      }
    } catch (error) {
      await workshop.close();
      throw error;
    }
    return workshop;
  }

  program(name: CProgram): string {
    return join(this.folder, name);
  }

  async close(): Promise<void> {
    await this.disperse();
    await rm(this.folder, { recursive: true });
  }

  /** Sleeping processes in groups of six fresh namespaces each, until disperse(); with `cgroups` containers: see crowd.c. */
  async crowd(groups: number, processesInGroup: number, cgroups?: string): Promise<Crowd> {
    this.stop.throwIfAborted();
    const words = [`${groups}`, `${processesInGroup}`, ...(cgroups === undefined ? [] : [cgroups])];
    const crowd = spawn(this.program('crowd'), words, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.crowds.push(crowd);
    for await (const line of createInterface({ input: crowd.stdout })) {
      const [, pid, empty] = /^ready (\d+) (\d+)$/.exec(line) ?? [];
      if (pid !== undefined && empty !== undefined) return { pid: Number(pid), empty };
    }
    throw new Error('the crowd of processes could not be made');
  }

  /** So many network namespaces `bench1` and so on as ip-netns(8) makes them, until disperse(). A process that sees them. */
  async named(count: number, then = 'true'): Promise<number> {
    this.stop.throwIfAborted();
    const script = `mount -t tmpfs tmpfs /run && mkdir /run/netns && for i in $(seq ${count}); do ip netns add bench$i || exit; done; COUNT=${count}; ${then}; echo ready; exec cat`;
    const words = ['--mount', '--net', '--propagation', 'private', 'sh', '-c', script];
    const holder = spawn('unshare', words, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.crowds.push(holder);
    for await (const line of createInterface({ input: holder.stdout })) if (line === 'ready') return holder.pid ?? 0;
    throw new Error('the named network namespaces could not be made');
  }

  /** A process in a network of its own, with a resolv.conf that is another than ours, until disperse(). */
  async resolver(): Promise<number> {
    this.stop.throwIfAborted();
    const script = `mount -t tmpfs tmpfs /mnt && echo 'nameserver 192.0.2.1' > /mnt/resolv.conf &&
      mount --bind /mnt/resolv.conf /etc/resolv.conf && echo ready && exec cat`;
    const child = spawn('unshare', ['--net', '--mount', 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.crowds.push(child);
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === 'ready' && child.pid !== undefined) return child.pid;
    }
    throw new Error('a process with its own resolv.conf could not be made');
  }

  /** Ends all crowds. */
  async disperse(): Promise<void> {
    for (const crowd of this.crowds) {
      crowd.stdin?.end();
      if (crowd.exitCode === null && crowd.signalCode === null) await once(crowd, 'exit');
    }
    this.crowds = [];
  }

  /** Each row once in every round, so that what else the machine does falls on all alike. The first round is not counted. */
  async measure(rows: readonly Row[], rounds: number): Promise<Measured> {
    const measured = new Map<string, Run[]>(rows.map((row) => [row.name, []]));
    for (let round = 0; round <= rounds; round++) {
      for (const row of rows) {
        const run = row.inside === true ? await this.inside(row) : await this.once(row);
        if (round > 0) measured.get(row.name)?.push(run);
      }
    }
    return measured;
  }

  private async once({ command }: Row): Promise<Run> {
    for (let attempt = 1; ; attempt++) {
      const { stdout } = await run(this.program('measure'), command, { signal: this.stop });
      const [nanoseconds = NaN, microseconds = NaN, kibibytes = NaN, status] = stdout.split(' ').map(Number);
      if (status === 0) return { time: nanoseconds / 1e6, cpu: microseconds / 1e3, peak: kibibytes / 1024 };
      // lsns fails when a process ends while it looks: then the run does not count.
      if (attempt === ATTEMPTS) throw new Error(`'${command.join(' ')}' failed (wait status ${status})`);
    }
  }

  private async inside({ command: [file, ...words] }: Row): Promise<Run> {
    const { stdout } = await run(file, words, { signal: this.stop });
    return { time: Number(stdout), cpu: NaN, peak: NaN };
  }
}

/** Removes what killed benches have left; in a folder that all may write to, only what is our own. */
async function sweep(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = pidOfRemains(name);
    const path = join(tmpdir(), name);
    if (pid === undefined || existsSync(`/proc/${pid}`) || (await lstat(path)).uid !== process.getuid?.()) continue;
    await rm(path, { recursive: true });
  }
}
