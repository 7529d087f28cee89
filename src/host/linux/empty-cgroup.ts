// Empties a cgroup that we made for a command that is no more: what it left is killed, what it made below is removed.

import { closeSync, readdirSync, readFileSync } from 'node:fs';
import type { CgroupPlace } from '../../kernel/cgroup-plan.ts';
import { libc } from '../ffi/libc.ts';
import { openCgroup, removeCgroup, writeFile } from './change-cgroups.ts';
import { SYS_PIDFD_OPEN, SYS_PIDFD_SEND_SIGNAL } from './system-calls.ts';

const SIGKILL = 9;
const PATIENCE_MS = 5000;
const PAUSE_MS = 5;

/** Who is in it and among these goes to the cgroup above it. */
export function leaveCgroup(place: CgroupPlace, leaving: ReadonlySet<number>): void {
  withCgroup(place, (folder) => {
    for (const pid of pidsIn(folder)) if (leaving.has(pid)) moveUp(place, pid);
  });
}

/** Kills for some seconds; what is left then is the kernel's affair. */
export function emptyCgroup(place: CgroupPlace): void {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const isEmpty = withCgroup(place, (folder) => emptyOnce(place, folder)) ?? true;
    if (isEmpty || Date.now() > end) return;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
  }
}

function emptyOnce(place: CgroupPlace, folder: string): boolean {
  const below = readdirSync(folder, { withFileTypes: true }).filter((each) => each.isDirectory());
  for (const { name } of below) {
    const child = { mount: place.mount, below: `${place.below}/${name}`, inode: null };
    emptyCgroup(child);
    removeCgroup(child);
  }
  // Who is frozen does not go: v1. Of v2 cgroup.kill kills them too.
  writeFile({ place, file: 'freezer.state' }, 'THAWED');
  const pids = pidsIn(folder);
  if (pids.length > 0 && !killAll(place)) for (const pid of pids) killIn(folder, pid);
  return pids.length === 0 && below.length === 0;
}

function moveUp(place: CgroupPlace, pid: number): void {
  const below = place.below.slice(0, Math.max(place.below.lastIndexOf('/'), 0));
  writeFile({ place: { mount: place.mount, below, inode: null }, file: 'cgroup.procs' }, String(pid));
}

/** Since: Linux 5.14, v2. */
function killAll(place: CgroupPlace): boolean {
  return writeFile({ place, file: 'cgroup.kill' }, '1').type === 'written';
}

/** By a descriptor, and only if it is still listed once that is open: the number could have become another's. */
function killIn(folder: string, pid: number): void {
  let fd = -1;
  try {
    fd = libc().syscall(SYS_PIDFD_OPEN, pid, 0, 0, 0, 0);
    if (pidsIn(folder).includes(pid)) libc().syscall(SYS_PIDFD_SEND_SIGNAL, fd, SIGKILL, 0, 0, 0);
  } catch {
    // It has ended, or is not ours to kill: then it stays listed.
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}

function pidsIn(folder: string): readonly number[] {
  // 0 is a process that we have no number for.
  return readFileSync(`${folder}/cgroup.procs`, 'latin1').split('\n').filter(Boolean).map(Number);
}

/** undefined: it is gone. */
function withCgroup<T>(place: CgroupPlace, act: (folder: string) => T): T | undefined {
  let fd = -1;
  try {
    fd = openCgroup(place);
    return act(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  } finally {
    if (fd >= 0) closeSync(fd);
  }
}
