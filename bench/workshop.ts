// What measuring needs: the C programs in a temporary folder, crowds of processes, and one command timed. All of it is
// gone after close(), also when a signal ends the bench.

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);

const ATTEMPTS = 5;

export type CProgram = 'crowd' | 'readlinks' | 'measure';

/** What is timed: a whole process, or `inside`: one that times itself and prints its milliseconds. */
export interface Row {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly inside?: boolean;
}

/** In the order of the runs. Units: milliseconds and MiB. */
export interface Series {
  readonly times: number[];
  readonly peaks: number[];
}

export class Workshop {
  private readonly crowds: ChildProcess[] = [];
  private readonly folder: string;
  private readonly stop: AbortSignal;

  private constructor(folder: string, stop: AbortSignal) {
    this.folder = folder;
    this.stop = stop;
  }

  /** Compiles the C programs in `sources`. `stop` ends what is being done: it throws. */
  static async open(sources: string, stop: AbortSignal): Promise<Workshop> {
    const workshop = new Workshop(await mkdtemp(join(tmpdir(), 'nstool-bench-')), stop);
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
    for (const crowd of this.crowds) {
      crowd.stdin?.end();
      if (crowd.exitCode === null && crowd.signalCode === null) await once(crowd, 'exit');
    }
    await rm(this.folder, { recursive: true });
  }

  /** Sleeping processes in groups of six fresh namespaces each, until close(). Returns the pid of one of them. */
  async crowd(groups: number, processesInGroup: number): Promise<number> {
    this.stop.throwIfAborted();
    const crowd = spawn(this.program('crowd'), [`${groups}`, `${processesInGroup}`], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.crowds.push(crowd);
    for await (const line of createInterface({ input: crowd.stdout })) {
      const pid = /^ready (\d+)$/.exec(line)?.[1];
      if (pid !== undefined) return Number(pid);
    }
    throw new Error('the crowd of processes could not be made');
  }

  /** Each row once in every round, so that what else the machine does falls on all alike. The first round is not counted. */
  async measure(rows: readonly Row[], rounds: number): Promise<ReadonlyMap<string, Series>> {
    const measured = new Map<string, Series>(rows.map((row) => [row.name, { times: [], peaks: [] }]));
    for (let round = 0; round <= rounds; round++) {
      for (const row of rows) {
        const { time, peak } = row.inside === true ? await this.inside(row) : await this.once(row);
        if (round === 0) continue;
        measured.get(row.name)?.times.push(time);
        measured.get(row.name)?.peaks.push(peak);
      }
    }
    return measured;
  }

  private async once({ command }: Row): Promise<{ time: number; peak: number }> {
    for (let attempt = 1; ; attempt++) {
      const { stdout } = await run(this.program('measure'), command, { signal: this.stop });
      const [nanoseconds = NaN, kibibytes = NaN, status] = stdout.split(' ').map(Number);
      if (status === 0) return { time: nanoseconds / 1e6, peak: kibibytes / 1024 };
      // lsns fails when a process ends while it looks: then the run does not count.
      if (attempt === ATTEMPTS) throw new Error(`'${command.join(' ')}' failed (wait status ${status})`);
    }
  }

  private async inside({ command: [file, ...words] }: Row): Promise<{ time: number; peak: number }> {
    const { stdout } = await run(file, words, { signal: this.stop });
    return { time: Number(stdout), peak: NaN };
  }
}
