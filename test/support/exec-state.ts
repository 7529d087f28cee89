// Starts exec-state.c: processes of a given state, looked at before they execute a file, and what they are afterwards.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { copyFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { run } from './program.ts';

export interface State {
  /** `INSIDE:OUTSIDE:COUNT` of both maps of a new user namespace; `none`: one without maps. */
  readonly userNamespace?: string;
  readonly sharesFs?: boolean;
  readonly traced?: boolean;
  /** Real, effective, saved. */
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  readonly groups?: readonly number[];
  readonly inheritable?: bigint;
  readonly ambient?: bigint;
  readonly permitted?: bigint;
  readonly effective?: bigint;
  /** Absent: all. */
  readonly bounding?: bigint;
  readonly securebits?: number;
  readonly noNewPrivileges?: boolean;
}

export interface TestFile {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** security.capability in hex. */
  readonly attribute?: string;
  /** On a mount with nosuid. */
  readonly nosuid?: boolean;
}

/** As numbers and /proc/PID/status tell. */
export type After =
  | {
      readonly secure: boolean;
      readonly securebits: number;
      readonly inheritable: bigint;
      readonly permitted: bigint;
      readonly effective: bigint;
      readonly bounding: bigint;
      readonly ambient: bigint;
      readonly uids: readonly number[];
      readonly gids: readonly number[];
    }
  | { readonly errno: number };

export class ExecStates {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;
  readonly folder: string;
  readonly file: string;
  private readonly nosuidFolder: string;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'exec-state-'));
    chmodSync(this.folder, 0o755);
    const program = join(this.folder, 'driver');
    const source = fileURLToPath(new URL('exec-state.c', import.meta.url));
    const { status, stderr } = spawnSync('cc', ['-o', program, source], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`cc: ${stderr}`);
    this.file = join(this.folder, 'file');
    copyFileSync(program, this.file);
    this.nosuidFolder = join(this.folder, 'nosuid');
    mkdirSync(this.nosuidFolder);
    if (run(['mount', '-t', 'tmpfs', '-o', 'nosuid,mode=755', 'tmpfs', this.nosuidFolder]).status !== 0)
      throw new Error('cannot mount');
    copyFileSync(program, join(this.nosuidFolder, 'file'));
    this.child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'], cwd: '/' });
    const { stdout } = this.child;
    if (stdout === null) throw new Error('no pipe');
    this.lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  /** `look` sees the process before it executes the file. */
  async execute<T>(
    state: State,
    file: TestFile,
    look: (pid: number, securebits: number, path: string) => T,
  ): Promise<{ readonly seen: T; readonly after: After }> {
    const path = file.nosuid === true ? join(this.nosuidFolder, 'file') : this.file;
    this.child.stdin?.write(`${words(state, file, path).join(' ')}\n`);
    const [, pid, securebits] = (await this.line('before')).split(' ').map(Number);
    const seen = look(pid ?? 0, securebits ?? 0, path);
    this.child.stdin?.write('go\n');
    const after = afterOf(await this.line('after', 'errno'));
    await this.line('end');
    return { seen, after };
  }

  private async line(...starts: readonly string[]): Promise<string> {
    const { value } = await this.lines.next();
    const text: unknown = value;
    if (typeof text === 'string' && starts.some((start) => text.startsWith(start))) return text;
    throw new Error(`exec-state said '${String(text)}' in place of ${starts.join(' or ')}`);
  }

  async end(): Promise<void> {
    const ended = new Promise((done) => this.child.once('close', done));
    this.child.stdin?.end();
    await ended;
    run(['umount', this.nosuidFolder]);
    rmSync(this.folder, { recursive: true });
  }
}

const EVERY = (1n << 64n) - 1n;

function words(state: State, file: TestFile, path: string): readonly string[] {
  const mask = (bits: bigint = 0n): string => bits.toString(16);
  const groups = state.groups ?? [];
  return [
    state.userNamespace ?? '-',
    state.sharesFs === true ? '1' : '0',
    state.traced === true ? '1' : '0',
    state.uids.join(','),
    state.gids.join(','),
    groups.length === 0 ? '-' : groups.join(','),
    mask(state.inheritable),
    mask(state.ambient),
    mask(state.permitted),
    mask(state.effective),
    mask(state.bounding ?? EVERY),
    String(state.securebits ?? 0),
    state.noNewPrivileges === true ? '1' : '0',
    path,
    (file.mode ?? 0o755).toString(8),
    String(file.uid ?? 0),
    String(file.gid ?? 0),
    file.attribute ?? '-',
  ];
}

function afterOf(line: string): After {
  const [, first = '', second = '', ...rest] = line.split(' ');
  if (line.startsWith('errno')) return { errno: Number(first) };
  const masks = rest.slice(0, 5).map((word) => BigInt(`0x${word}`));
  const [inheritable = 0n, permitted = 0n, effective = 0n, bounding = 0n, ambient = 0n] = masks;
  const [uids = [], gids = []] = rest.slice(5).map((word) => word.split(',').map(Number));
  const sets = { inheritable, permitted, effective, bounding, ambient };
  return { secure: first === '1', securebits: Number(second), ...sets, uids, gids };
}
