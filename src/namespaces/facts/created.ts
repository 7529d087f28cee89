// When a namespace was made. The kernel keeps no such time, so this is the earliest sign of it:
// - the initial ones began with the host;
// - a pid namespace begins with its first process;
// - of the others the process in it that started first tells, though it may have entered later, or have been there
//   before it left for a new namespace; and a file that it is mounted on, which the kernel stamps at the first look.
// Source: fs/libfs.c path_from_stashed(), fs/nsfs.c nsfs_init_inode() for the last.

import { USER_HZ } from '../../kernel/abi/process.ts';
import { valueOf } from '../../kernel/host.ts';
import type { Namespace } from '../discover/scan.ts';
import type { FactLook } from './fact-look.ts';

/** In seconds since 1970, as `2026-11-22T10:17:44Z`; `~` behind it: about then. */
export function createdOf(look: FactLook, namespace: Namespace): string | null {
  const { kind, inode } = namespace;
  if (look.isInitial(kind, inode) === true) return timeText(look.bootTime(), '');
  const started = firstStart(look, namespace.pids);
  if (kind === 'pid' && started !== null) return timeText(started, '');
  const signs = [started, firstMounted(look, namespace)].filter((time) => time !== null);
  return signs.length === 0 ? null : timeText(Math.min(...signs), '~');
}

function firstStart(look: FactLook, pids: readonly number[]): number | null {
  let first: bigint | undefined;
  for (const pid of pids) {
    const start = look.stat(pid)?.startTicks;
    if (start !== undefined && (first === undefined || start < first)) first = start;
  }
  const booted = first === undefined ? null : look.bootTime();
  return booted === null ? null : booted + Number(first) / USER_HZ;
}

const NANOSECONDS = 1_000_000_000;

/** All mounts of a namespace are of one file. A path into another mount namespace may lead elsewhere meanwhile. */
function firstMounted({ scan }: FactLook, { inode, mounts, foreignMounts }: Namespace): number | null {
  const path = mounts[0] ?? foreignMounts[0];
  const status = path === undefined ? undefined : valueOf(scan.host.stat(path));
  return status?.ino !== inode || status.changed === undefined ? null : Number(status.changed) / NANOSECONDS;
}

/** The last that Date can tell. */
const LAST_SECOND = 8_640_000_000_000;

function timeText(seconds: number | null, mark: '' | '~'): string | null {
  if (seconds === null || seconds > LAST_SECOND) return null;
  return `${new Date(Math.floor(seconds) * 1000).toISOString().replace('.000Z', 'Z')}${mark}`;
}
