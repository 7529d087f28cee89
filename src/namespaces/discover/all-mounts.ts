// nsfs mounts in the mount namespaces of the whole system: those without a process, and what lies beyond the root of the
// processes in the others. Source: NS_MNT_GET_NEXT (linux/nsfs.h), listmount(2), statmount(2). Since: Linux 6.12.
//
// Where the kernel lacks this or refuses it, the mount tables of processes that have another root are read in its place.

import { kindFacts } from '../../kernel/abi/namespace-kinds.ts';
import { valueOf, type Gap, type ListedMountNamespace } from '../../kernel/host.ts';
import { readMounts } from './bind-mounts.ts';
import { readListedMounts } from './listed-mounts.ts';
import { noteNamespace, type Scan, type Source } from './scan.ts';

export const allMounts: Source = {
  name: 'mounts of the whole system',
  when: 'deep; Linux 6.12, CAP_SYS_ADMIN in the initial user namespace; else only what /proc/PID/root shows',
  cost: '0.02 ms per mount namespace and 0.005 ms per mount',
  blind: 'without it: mounts in mount namespaces that have no process',
  discover(scan) {
    const listed = scan.host.mountNamespaces();
    if (!listed.ok) {
      readOtherRoots(scan);
      return noteUnlisted(scan, listed.gap);
    }
    for (const mountNamespace of listed.value) noteListed(scan, mountNamespace);
  },
};

function noteListed(scan: Scan, listed: ListedMountNamespace): void {
  const text = `mnt:[${listed.inode}]`;
  if (scan.kinds.has('mnt')) noteItself(scan, listed, text);
  readListedMounts(scan, listed, text);
}

function noteItself(scan: Scan, { id, inode }: ListedMountNamespace, text: string): void {
  const namespace = noteNamespace(scan, text, 'NS_MNT_GET_NEXT');
  if (namespace === undefined) return;
  namespace.id = id;
  namespace.door ??= { at: { id, type: kindFacts('mnt').flagValue, inode }, through: [] };
}

/** A process with another root than the one whose table was read sees other mounts of the same mount namespace. */
function readOtherRoots(scan: Scan): void {
  const seen = new Set<string>();
  for (const pid of scan.processes) {
    const text = valueOf(scan.host.readLink(`/proc/${pid}/ns/mnt`));
    const root = valueOf(scan.host.readLink(`/proc/${pid}/root`));
    const key = `${text} ${root}`;
    if (text === undefined || root === undefined || seen.has(key)) continue;
    seen.add(key);
    if (scan.mountNamespaces.get(text) !== pid) {
      readMounts(scan, { text, pid, folder: `/proc/${pid}`, root: `/proc/${pid}/root` });
    }
  }
}

function noteUnlisted(scan: Scan, { reason, errno, what }: Gap): void {
  scan.gaps.addUncounted({
    subject: 'mount namespace',
    reason,
    errno: errno ?? null,
    count: null,
    examples: [what],
    detail: 'those without a process, and what is mounted there, are listed by Linux 6.12 and later, for root only',
  });
}
