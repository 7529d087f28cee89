// Is a namespace one of the initial ones, those of the host? Source: linux/nsfs.h, enum init_ns_ino (Linux 6.18), and
// include/linux/proc_ns.h before it.

import { INITIAL_PID_INODE, INITIAL_USER_INODE } from '../kernel/abi/nsfs.ts';
import type { NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import { parseNamespaceLink } from '../kernel/text/namespace-link.ts';
import { statOf } from '../kernel/process-stat.ts';

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

/** null: it cannot be told. For many a judge. */
export function isInitial(host: Host, kind: NamespaceKind, inode: bigint): boolean | null {
  return judgeOfInitial(host)(kind, inode);
}

/** As isInitial; what has to be read for a kind is read once. */
export function judgeOfInitial(host: Host): (kind: NamespaceKind, inode: bigint) => boolean | null {
  const firsts = new Map<NamespaceKind, { readonly inode: bigint | undefined }>();
  return (kind, inode) => {
    const fixed = FIXED[kind];
    if (fixed !== undefined) return inode === fixed;
    if (inode === NEWLY_FIXED[kind]) return true;
    const first = firsts.get(kind) ?? { inode: ours(host, kind) ?? ofKernelThreads(host, kind) };
    firsts.set(kind, first);
    return first.inode === undefined ? null : first.inode === inode;
  };
}

/** The initial one, if it is ours and has the number that it has nowhere else: numbers given later are higher. */
function ours(host: Host, kind: NamespaceKind): bigint | undefined {
  const inode = inodeOf(host, 'self', kind);
  return inode === NEWLY_FIXED[kind] ? inode : undefined;
}

/** The parent of all kernel threads never leaves the initial namespaces. */
function ofKernelThreads(host: Host, kind: NamespaceKind): bigint | undefined {
  return seesKernelThreads(host) ? inodeOf(host, '2', kind) : undefined;
}

/** Is process 2, and what it is the parent of, of the kernel? In the initial pid namespace only. */
export function seesKernelThreads(host: Host): boolean {
  if (inodeOf(host, 'self', 'pid') !== INITIAL_PID_INODE) return false;
  const stat = valueOf(statOf(host, 2));
  return stat?.ppid === 0 && stat.comm === 'kthreadd';
}

function inodeOf(host: Host, process: string, kind: NamespaceKind): bigint | undefined {
  const link = valueOf(host.readLink(`/proc/${process}/ns/${kind}`));
  return link === undefined ? undefined : valueOf(parseNamespaceLink(link, ''))?.inode;
}
