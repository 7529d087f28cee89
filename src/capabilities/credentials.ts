// Who a thread is and what it may, from its status file.

import { gap, value, type Host, type Reading } from '../kernel/host.ts';
import { parseStatusMasks } from '../kernel/text/status-masks.ts';
import { parseStatus } from '../kernel/text/status.ts';
import { setsOf, type CapabilitySets } from './sets.ts';

export interface Credentials {
  /** The thread's name; a process's is that of its first thread. */
  readonly name: string;
  /** The process. */
  readonly pid: number;
  readonly tid: number;
  readonly ppid: number;
  /** Real, effective, saved and file system ids, as the reader's user namespace maps them. */
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  /** Supplementary groups. */
  readonly groups: readonly number[];
  /** They count in the thread's own user namespace. */
  readonly sets: CapabilitySets;
  /** Absent (null): before Linux 4.10. */
  readonly noNewPrivileges: boolean | null;
  /** 0 none, 1 strict, 2 filter. Absent (null): a kernel without CONFIG_SECCOMP. */
  readonly seccomp: number | null;
  /** How many. Absent (null): before Linux 5.9. */
  readonly seccompFilters: number | null;
  /** How many threads the process has; 0 for a zombie. */
  readonly threads: number;
}

/**
 * Of a process, that is of its first thread, or of another thread of it. Errors: gone, denied, malformed; unsupported:
 * a kernel that does not tell all five sets, that is before Linux 4.3.
 */
export function credentialsOf(host: Host, pid: number, tid?: number): Reading<Credentials> {
  const file = tid === undefined ? `/proc/${pid}/status` : `/proc/${pid}/task/${tid}/status`;
  const bytes = host.readFile(file);
  return bytes.ok ? parseCredentials(bytes.value, file) : bytes;
}

function parseCredentials(bytes: Uint8Array, file: string): Reading<Credentials> {
  const status = parseStatus(bytes, file);
  if (!status.ok) return status;
  const masks = parseStatusMasks(bytes, file);
  if (!masks.ok) return masks;
  const sets = setsOf(masks.value);
  if (sets === undefined) return gap({ reason: 'unsupported', what: file });
  const { name, pid, tgid, ppid, uids, gids, groups, threads } = status.value;
  const { noNewPrivileges, seccomp, seccompFilters } = masks.value;
  const ids = { name, pid: tgid, tid: pid, ppid, uids, gids, groups };
  return value({ ...ids, sets, noNewPrivileges, seccomp, seccompFilters, threads });
}
