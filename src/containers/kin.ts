// The processes above a process: the nearest one outside of a container is what its engine left there, a shim or a
// conmon. It is found with the daemon dead, and its folder leads to the engine's files wherever they are.

import { valueOf } from '../kernel/host.ts';
import { parseCmdline } from '../kernel/text/cmdline.ts';
import { decodeText, parseDecimal } from '../kernel/text/text.ts';
import { statOf } from '../kernel/process-stat.ts';
import type { Files, Root } from './files.ts';
import { identifyMonitor, type Monitor } from './monitor.ts';

/** Deeper is a process tree only when it is made to be. */
const MAX_ANCESTORS = 200;

/** The nearest ancestor of which `isInside` is false. undefined: none that we see, or only the first process. */
export function ancestorOutside(files: Files, pid: number, isInside: (pid: number) => boolean): number | undefined {
  let current = pid;
  for (let count = 0; count < MAX_ANCESTORS; count += 1) {
    const parent = valueOf(statOf(files, current))?.ppid;
    if (parent === undefined || parent <= 1) return undefined;
    if (!isInside(parent)) return parent;
    current = parent;
  }
  return undefined;
}

/** The processes that a process started, or was given. Since: Linux 3.5, CONFIG_PROC_CHILDREN; else none. */
export function childrenOf(files: Files, pid: number): readonly number[] {
  const bytes = valueOf(files.readFile(`/proc/${pid}/task/${pid}/children`));
  const words = bytes === undefined ? [] : decodeText(bytes).split(' ');
  return words.map(parseDecimal).filter((child) => child !== undefined);
}

/** undefined: not the command line of a monitor, or not readable. */
export function monitorAt(files: Files, pid: number): Monitor | undefined {
  const bytes = valueOf(files.readFile(`/proc/${pid}/cmdline`));
  return bytes === undefined ? undefined : identifyMonitor(parseCmdline(bytes));
}

/** Absent (false) for kernel threads and zombies. */
export function hasCommandLine(files: Files, pid: number): boolean {
  return (valueOf(files.readFile(`/proc/${pid}/cmdline`))?.length ?? 0) > 0;
}

/** The folder of the container that a monitor looks after; null: it is none, or does not tell. */
export function bundleOf(files: Files, pid: number, monitor: Monitor | undefined, prefix: string): Root | null {
  if (monitor === undefined) return null;
  const path = monitor.bundle ?? valueOf(files.readLink(`/proc/${pid}/cwd`));
  const uid = valueOf(files.stat(`/proc/${pid}`))?.uid;
  if (path?.startsWith('/') !== true || uid === undefined) return null;
  return uid === 0 ? { path: `${prefix}${path}` } : { path: `${prefix}${path}`, owner: uid };
}
