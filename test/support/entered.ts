// A process that entered, seen from outside by its pid and from inside by what it prints.

import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { childrenOf } from './targets.ts';

const linkNames = ['mnt', 'uts', 'ipc', 'net', 'pid', 'pid_for_children', 'user', 'cgroup', 'time'] as const;

export interface Entered {
  /** The process that was started: the waiting parent where there is one. */
  readonly started: number;
  /** The command. */
  readonly pid: number;
  /** What the command's `report` printed. */
  readonly report: string;
  /** The namespaces of the command, by /proc/PID/ns read from outside. */
  readonly links: Readonly<Record<string, string>>;
  /** A line of the command's /proc/PID/status, read from outside. */
  readonly status: (name: string) => string;
}

const END = 'end of the report';

/** The last words of a command line that prints what `report` (a shell script) does, and stays. */
export function staying(report: string): readonly string[] {
  return ['sh', '-c', `exec 2>&1; ${report}\necho '${END}'; exec sleep 1000`];
}

/** Starts `commandLine`, whose command reports and stays; looks at it; ends it. Fails with its output if it ends early. */
export async function look(
  commandLine: readonly string[],
  report = 'true',
  more: (entered: Entered) => unknown = () => undefined,
): Promise<Entered> {
  const [file = '', ...args] = [...commandLine, ...staying(report)];
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
  try {
    const text = await untilReported(child);
    const started = child.pid ?? 0;
    const pid = await commandBelow(started, 'sleep');
    const links = Object.fromEntries(linkNames.map((name) => [name, linkOf(pid, name)]));
    const entered: Entered = { started, pid, report: text, links, status: (name) => statusLine(pid, name) };
    // Its own status is gone once it ended: read what a test may ask for while it lives.
    const frozen = readFileSync(`/proc/${pid}/status`, 'utf8');
    await more(entered);
    return { ...entered, status: (name) => lineOf(frozen, name) };
  } finally {
    await end(child);
  }
}

function untilReported(child: ChildProcess): Promise<string> {
  return new Promise((done, failed) => {
    let stdout = '';
    let stderr = '';
    child.stderr?.on('data', (data: Buffer) => (stderr += data.toString('latin1')));
    child.stdout?.on('data', (data: Buffer) => {
      stdout += data.toString('latin1');
      if (stdout.endsWith(`${END}\n`)) done(stdout.slice(0, -END.length - 1));
    });
    child.once('close', (status, signal) =>
      failed(new Error(`${child.spawnargs.join(' ')}: ended with ${status ?? signal}: ${stdout}${stderr}`)),
    );
  });
}

/** A waiting parent has one child. */
function leafOf(pid: number): number {
  const [child] = childrenOf(pid);
  return child === undefined ? pid : leafOf(Number(child));
}

/** The descendant that executed `file`, once it has. */
export async function commandBelow(pid: number, file: string): Promise<number> {
  for (;;) {
    const leaf = executing(pid, file);
    if (leaf !== undefined) return leaf;
    await new Promise((done) => setTimeout(done, 5));
  }
}

/** What is on its way there may end meanwhile, as the reader of another's filters does. */
function executing(pid: number, file: string): number | undefined {
  try {
    const leaf = leafOf(pid);
    return readFileSync(`/proc/${leaf}/cmdline`, 'utf8').startsWith(`${file}\0`) ? leaf : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return undefined;
    throw error;
  }
}

export function linkOf(pid: number | 'self', name: string): string {
  return readlinkSync(`/proc/${pid}/ns/${name}`);
}

export function statusLine(pid: number | 'self', name: string): string {
  return lineOf(readFileSync(`/proc/${pid}/status`, 'utf8'), name);
}

function lineOf(status: string, name: string): string {
  return new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, 'm').exec(status)?.[1] ?? '';
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((done) => {
    if (child.exitCode !== null || child.signalCode !== null) return done();
    child.removeAllListeners('close');
    child.once('close', () => done());
    const started = child.pid ?? 0;
    for (const pid of [leafOf(started), started]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It went with the other one.
      }
    }
  });
}
