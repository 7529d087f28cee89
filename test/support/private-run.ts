// A /run of a test's own, so that its journal is not that of the machine, where others are at work too.

import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { asUser, commandLine, run, type RunOptions, type RunResult } from './program.ts';

export class PrivateRun {
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  static async start(): Promise<PrivateRun> {
    const script = 'mount -t tmpfs -o mode=755 run /run && echo ready && exec sleep 3600';
    const child = spawn('unshare', ['-m', 'sh', '-ec', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('close', () => reject(new Error('no mount namespace')));
    });
    return new PrivateRun(child);
  }

  /** The command line that starts nstool there. */
  commandLine(args: readonly string[], before: readonly string[] = []): readonly string[] {
    return ['nsenter', '-t', String(this.child.pid), '-m', ...before, ...commandLine(args)];
  }

  nstool(args: readonly string[], options: RunOptions = {}): RunResult {
    const enter = ['nsenter', '-t', String(this.child.pid), '-m'];
    const own = asUser(commandLine(args), options.uid);
    return run([...enter, ...own], options);
  }

  /** Its status, once it has ended. */
  start(args: readonly string[]): Promise<number | null> {
    const [file = '', ...words] = this.commandLine(args);
    const child = spawn(file, words, { stdio: 'ignore' });
    return new Promise((resolve) => child.once('close', resolve));
  }

  /** The ids in root's journal. */
  journal(): readonly string[] {
    return list(`/proc/${this.child.pid}/root/run/nstool`);
  }

  entry(id: string): string {
    return readFileSync(`/proc/${this.child.pid}/root/run/nstool/${id}`, 'utf8');
  }

  /** Where it is, seen from here. */
  path(name: string): string {
    return `/proc/${this.child.pid}/root/run/${name}`;
  }

  async end(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.child.once('close', () => resolve()));
    this.child.kill('SIGKILL');
    await ended;
  }
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}
