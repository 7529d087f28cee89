// The built program as a child: what a user gets.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Who runs the program. */
export interface Identity {
  readonly name: 'root' | 'a plain user';
  readonly uid: number;
}

export const PLAIN_UID = 65534;

/** As root both; as a plain user only that. */
export const identities: readonly Identity[] =
  process.geteuid?.() === 0
    ? [
        { name: 'root', uid: 0 },
        { name: 'a plain user', uid: PLAIN_UID },
      ]
    : [{ name: 'a plain user', uid: process.geteuid?.() ?? PLAIN_UID }];

let installed: string | undefined;

/** A copy that every user can read: the checkout may lie in a closed home directory. */
export function installation(): string {
  if (installed !== undefined) return installed;
  const folder = mkdtempSync(join(tmpdir(), `nstool-test-${process.pid}-`));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const parts = [
    'package.json',
    'bin',
    'dist',
    'docs/findings',
    'native/nsexec',
    'node_modules/koffi',
    'node_modules/@koromix',
  ];
  for (const part of parts) {
    if (existsSync(join(root, part))) cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  spawnSync('chmod', ['-R', 'a+rX', folder]);
  installed = folder;
  return folder;
}

/** A test runner's worker does not always come to its exit event. */
export function removeInstallation(): void {
  if (installed !== undefined) rmSync(installed, { recursive: true, force: true });
  installed = undefined;
}

export interface RunOptions {
  readonly uid?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Buffer;
  readonly cwd?: string;
}

export interface RunResult {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line that starts nstool as this user, for tests that start it in a way of their own. */
export function commandLine(args: readonly string[], uid?: number): readonly string[] {
  return asUser([process.execPath, join(installation(), 'bin/nstool.cjs'), ...args], uid);
}

/** The same command line as another user, without groups and capabilities. */
export function asUser(command: readonly string[], uid?: number): readonly string[] {
  if (uid === undefined || uid === process.geteuid?.()) return command;
  return ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--inh-caps=-all', ...command];
}

export function nstool(args: readonly string[], options: RunOptions = {}): RunResult {
  return run(commandLine(args, options.uid), options);
}

/** Any command. Environment variables are added to ours. */
export function run(command: readonly string[], options: RunOptions = {}): RunResult {
  const [file = '', ...args] = command;
  const { status, signal, stdout, stderr, error } = spawnSync(file, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    env: { ...process.env, ...options.env },
    cwd: options.cwd ?? '/',
    // The runner's own limit cannot interrupt a synchronous call.
    timeout: 50_000,
    killSignal: 'SIGKILL',
    ...(options.input === undefined ? {} : { input: options.input }),
  });
  if (error !== undefined && status === null && signal === null) throw error;
  return { status, signal, stdout, stderr };
}
