// `nstool watch --ndjson` and its kin as a child, and what it says.

import { spawn, type ChildProcess } from 'node:child_process';
import { commandLine } from './program.ts';

export type Said = Readonly<Record<string, unknown>> & { readonly event: string };

export interface Watching {
  readonly child: ChildProcess;
  readonly said: readonly Said[];
  /** Until this holds of what was said, or some seconds have passed. */
  until(holds: (said: readonly Said[]) => boolean): Promise<void>;
  /** Ends it by a signal (SIGINT), if it has not ended; what was said in all. */
  end(signal?: NodeJS.Signals): Promise<readonly Said[]>;
}

/** Resolves when it has said its first line. `before` are words that start it, as `['unshare', '--net']`. */
export async function startWatching(
  words: readonly string[],
  {
    uid,
    before = [],
    command = ['watch'],
  }: { readonly uid?: number; readonly before?: readonly string[]; readonly command?: readonly string[] } = {},
): Promise<Watching> {
  const [file = '', ...args] = [...before, ...commandLine([...command, '--ndjson', ...words], uid)];
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/' });
  const said: Said[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    said.push(...lines.map((line) => JSON.parse(line) as Said));
  });
  const closed = new Promise<void>((done) => child.once('close', () => done()));
  const until = async (holds: (said: readonly Said[]) => boolean): Promise<void> => {
    for (let waited = 0; waited < 15_000 && !holds(said) && child.exitCode === null; waited += 20) {
      await new Promise((done) => setTimeout(done, 20));
    }
  };
  const end = async (signal: NodeJS.Signals = 'SIGINT'): Promise<readonly Said[]> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await closed;
    return said;
  };
  await until(() => said.length > 0);
  return { child, said, until, end };
}
