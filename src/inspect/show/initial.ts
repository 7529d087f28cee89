// Is a namespace one of the initial ones, those of the host? Source: linux/nsfs.h, enum init_ns_ino (Linux 6.18), and
// include/linux/proc_ns.h before it.

import { INITIAL_PID_INODE, INITIAL_USER_INODE } from '../../kernel/abi/nsfs.ts';
import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { parseNamespaceLink } from '../../kernel/text/namespace-link.ts';
import { parseStat } from '../../kernel/text/stat.ts';

/** Fixed since the kinds are there. */
const FIXED: Partial<Record<NamespaceKind, bigint>> = {
  ipc: 0xefff_ffffn,
  uts: 0xefff_fffen,
  user: INITIAL_USER_INODE,
  pid: INITIAL_PID_INODE,
  cgroup: 0xefff_fffbn,
  time: 0xefff_fffan,
};

/** Since: Linux 6.18. Before, these two are numbered like all others. */
const NEWLY_FIXED: Partial<Record<NamespaceKind, bigint>> = { net: 0xefff_fff9n, mnt: 0xefff_fff8n };

/** null: it cannot be told. */
export function isInitial(host: Host, kind: NamespaceKind, inode: bigint): boolean | null {
  const fixed = FIXED[kind];
  if (fixed !== undefined) return inode === fixed;
  if (inode === NEWLY_FIXED[kind]) return true;
  const first = ofKernelThreads(host, kind);
  return first === undefined ? null : first === inode;
}

/** The parent of all kernel threads is process 2 of the initial pid namespace, and never leaves the initial ones. */
function ofKernelThreads(host: Host, kind: NamespaceKind): bigint | undefined {
  if (valueOf(host.readLink('/proc/self/ns/pid')) !== `pid:[${INITIAL_PID_INODE}]`) return undefined;
  const bytes = valueOf(host.readFile('/proc/2/stat'));
  const stat = bytes === undefined ? undefined : valueOf(parseStat(bytes, '/proc/2/stat'));
  if (stat?.ppid !== 0 || stat.comm !== 'kthreadd') return undefined;
  const link = valueOf(host.readLink(`/proc/2/ns/${kind}`));
  return link === undefined ? undefined : valueOf(parseNamespaceLink(link, ''))?.inode;
}
