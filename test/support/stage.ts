// A stage: pid, mount and network namespaces of our own, with their own /proc and /run, in which a test can make
// processes, mounts and links as it likes. Other processes of the host do not disturb it, and with its first process all
// of it is gone.

import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { startReady, type Started } from './odd-process.ts';
import { run } from './program.ts';
import { childrenOf } from './targets.ts';

export interface Stage extends Started {
  /** Its first process, in the host's numbers. */
  readonly first: number;
  /** Words before a command that is to run in it. */
  readonly within: readonly string[];
  /** Runs a shell script in it. Errors: the script fails. */
  sh(script: string): string;
}

const setUp = `
  mount -t proc proc /proc
  mount -t tmpfs tmpfs /run
  mkdir /run/netns
  ip link set lo up
  echo ready
  exec sleep 10000`;

export async function makeStage(): Promise<Stage> {
  const started = await startReady(
    ['unshare', '--mount', '--net', '--pid', '--fork', '--kill-child', 'sh', '-ec', setUp],
    { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
  );
  const first = Number(childrenOf(started.pid)[0]);
  const within = ['nsenter', `--target=${first}`, '--mount', '--net', '--pid'];
  const sh = (script: string): string => {
    const { status, stdout, stderr } = run([...within, 'sh', '-ec', script]);
    if (status !== 0) throw new Error(`${script}: ${stderr}`);
    return stdout;
  };
  return { ...started, first, within, sh };
}

/** The inodes of all namespaces of this process and its descendants, as the host's /proc has them. */
function namespacesBelow(pid: number): ReadonlySet<number> {
  const inodes = new Set<number>();
  for (const process of [pid, ...descendants(pid)]) {
    for (const name of listOf(process)) {
      const inode = inodeOf(process, name);
      // What holds for children only has no process in it.
      if (inode !== undefined && !name.endsWith('_for_children')) inodes.add(inode);
    }
  }
  return inodes;
}

/** The namespaces of this process and its descendants in which neither we are nor `others`. */
export function freshBelow(pid: number, ...others: readonly number[]): readonly number[] {
  const known = new Set([process.pid, ...others].flatMap((one) => listOf(one).map((name) => inodeOf(one, name))));
  return [...namespacesBelow(pid)].filter((inode) => !known.has(inode));
}

function listOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/ns`);
  } catch {
    return [];
  }
}

function inodeOf(pid: number, name: string): number | undefined {
  try {
    return Number(/[0-9]+/.exec(readlinkSync(`/proc/${pid}/ns/${name}`))?.[0]);
  } catch {
    // A zombie has a few of them only.
    return undefined;
  }
}

export function descendants(pid: number): readonly number[] {
  const children = tasksOf(pid).flatMap((tid) => {
    return readFileSync(`/proc/${pid}/task/${tid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  });
  return children.flatMap((child) => [child, ...descendants(child)]);
}

function tasksOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}
