// Processes of several kinds that do what they are told: acts.c, started with other rights each.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { childrenOf } from './targets.ts';

/** The program, in a folder that everybody can read. */
export function compileActs(): { readonly folder: string; readonly program: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'acts-'));
  chmodSync(folder, 0o755);
  const program = join(folder, 'acts');
  const source = fileURLToPath(new URL('acts.c', import.meta.url));
  const { status, stderr } = spawnSync('cc', ['-o', program, source], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`cc: ${stderr}`);
  return { folder, program, remove: () => rmSync(folder, { recursive: true }) };
}

export class Actor {
  readonly pid: number;
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>, forks: boolean) {
    this.child = child;
    this.lines = lines;
    this.pid = forks ? Number(childrenOf(child.pid ?? 0)[0]) : (child.pid ?? 0);
  }

  /** `descriptor` becomes its number 3. */
  static async start(command: readonly string[], descriptor?: number): Promise<Actor> {
    const [file = '', ...args] = command;
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit', descriptor ?? 'ignore'], cwd: '/' });
    const { stdout } = child;
    if (stdout === null) throw new Error('no pipe');
    const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
    const { value } = await lines.next();
    if (value !== 'ready') throw new Error(`${command.join(' ')} said '${String(value)}'`);
    return new Actor(child, lines, command.includes('--fork'));
  }

  /** The errno; 0: it was done. */
  async act(words: string): Promise<number> {
    this.child.stdin?.write(`${words}\n`);
    return Number((await this.lines.next()).value);
  }

  async end(): Promise<void> {
    const ended = new Promise((done) => this.child.once('close', done));
    this.child.stdin?.end();
    await ended;
  }
}
