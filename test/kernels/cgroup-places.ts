// Cgroups that a test makes, in the words of whichever version the guest has, and what nstool left of its own.

import { equal } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asUser } from '../support/program.ts';
import { TestCgroups } from '../support/test-cgroups.ts';
import { facts } from './facts.ts';
import { until } from './until.ts';

export const PAYLOAD = fileURLToPath(new URL('../../native/cgroup-payload', import.meta.url));

type Controller = 'cpu' | 'memory' | 'pids' | 'io' | 'freezer' | 'cpuset';

export const isV2 = facts.cgroups === 'v2';

/** Where cgroups of this controller begin. */
export function topOf(controller: Controller): string {
  if (isV2) return '/sys/fs/cgroup';
  return `/sys/fs/cgroup/${controller === 'io' ? 'blkio' : controller}`;
}

/** Lets all controllers that the tests use be handed on from the root, as an init system does. */
export function handOn(folder: string, controllers: readonly string[] = ['cpu', 'memory', 'pids', 'io']): void {
  if (!isV2) return;
  for (const controller of controllers) writeFileSync(`${folder}/cgroup.subtree_control`, `+${controller}`);
}

export interface Nested {
  readonly cgroups: TestCgroups;
  /** Of the root: `/nstool-test-NAME`. */
  readonly path: string;
  /** Directories. */
  readonly parent: string;
  readonly leaf: string;
}

/** A cgroup with one below it, which has the controller as well. */
export function nested(controller: Controller, name: string): Nested {
  const cgroups = new TestCgroups();
  const hierarchy = isV2 ? 'cgroup2' : controller;
  // What freezes needs no controller on v2.
  const controllers = controller === 'freezer' ? [] : [controller];
  handOn('/sys/fs/cgroup', controllers);
  const path = `/nstool-test-${name}`;
  const parent = cgroups.make(hierarchy, path);
  handOn(parent, controllers);
  const leaf = cgroups.make(hierarchy, `${path}/leaf`);
  return { cgroups, path, parent, leaf };
}

/** Of all that nstool makes for commands, in all hierarchies: the directories. */
export function left(): readonly string[] {
  const tops = isV2 ? ['/sys/fs/cgroup'] : readdirSync('/sys/fs/cgroup').map((name) => `/sys/fs/cgroup/${name}`);
  return tops.flatMap((top) =>
    readdirSync(top, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && /^nstool-[0-9a-z]{8}(-monitor)?$/.test(entry.name))
      .map((entry) => join(top, entry.name)),
  );
}

export async function untilNothingIsLeft(): Promise<void> {
  await until(() => left().length === 0);
}

export interface Running {
  readonly pid: number;
  readonly said: () => string;
  readonly ended: Promise<number | null>;
  readonly end: () => Promise<void>;
}

/** A command that goes on while the test looks. */
export function startCommand(command: readonly string[], uid?: number): Running {
  const [file = '', ...args] = asUser(command, uid);
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/' });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<number | null>((done) => child.once('close', (status) => done(status)));
  const end = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
  };
  return { pid: child.pid ?? 0, said: () => said, ended, end };
}

/** The process below `pid`, or itself, that runs this file. */
export async function runningBelow(pid: number, file: string): Promise<number> {
  let found: number | undefined;
  await until(() => (found = findBelow(pid, file)) !== undefined);
  return found ?? 0;
}

function findBelow(pid: number, file: string): number | undefined {
  const folder = `/proc/${pid}`;
  if (!existsSync(folder)) return undefined;
  try {
    if (readFileSync(`${folder}/cmdline`, 'utf8').startsWith(`${file}\0`)) return pid;
    const children = readFileSync(`${folder}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
    return children.map((child) => findBelow(Number(child), file)).find((each) => each !== undefined);
  } catch {
    return undefined;
  }
}

/** Of a processor: what `use` of the payload printed. */
export function shareOf(printed: string): number {
  const [used = Number.NaN, wall = Number.NaN] = printed.trim().split(' ').map(Number);
  return used / wall;
}

export function isBetween(value: number, least: number, most: number): void {
  equal(value >= least && value <= most, true, `${value} is not between ${least} and ${most}`);
}
