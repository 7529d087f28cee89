// Threads: in a namespace other than their leader's, or with a table of descriptors of their own. Source: setns(2),
// unshare(2) and clone(2) change the calling thread only; kcmp(2).

import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { valueOf } from '../../kernel/host.ts';
import { parseStatus } from '../../kernel/text/status.ts';
import { parseDecimal } from '../../kernel/text/text.ts';
import { pathDoor } from './door.ts';
import { forChildrenKinds, noteForChildren } from './for-children.ts';
import { linksOf } from './process-namespaces.ts';
import { noteNamespace, type Scan, type Source } from './scan.ts';

/** The threads of a process always share these. Source: user_namespaces(7), setns(2), time_namespaces(7). */
const SHARED: ReadonlySet<NamespaceKind> = new Set(['user', 'pid', 'time']);

interface Task {
  readonly pid: number;
  readonly tid: number;
}

export const threads: Source = {
  name: 'threads',
  when: 'deep',
  cost: 'one directory per process; per further thread a readlink for each kind, and kcmp(2)',
  blind: 'threads that begin during the look',
  discover(scan) {
    const kinds = [...scan.kinds].filter((kind) => !SHARED.has(kind));
    const leaders = new Map([...scan.kinds].map((kind) => [kind, linksOf(scan, kind)]));
    for (const pid of scan.processes) {
      scan.deep.tables.push({ pid, tid: pid });
      const tasks = scan.host.readDirectory(`/proc/${pid}/task`);
      if (!tasks.ok) {
        if (tasks.gap.reason !== 'gone') scan.gaps.add('thread list', tasks.gap);
        continue;
      }
      for (const name of tasks.value) {
        const tid = parseDecimal(name);
        if (tid === undefined || tid === pid) continue;
        for (const kind of kinds) noteThread(scan, kind, { pid, tid }, leaders.get(kind)?.get(pid));
        noteThreadForChildren(scan, { pid, tid }, leaders);
        noteTable(scan, { pid, tid });
      }
    }
  },
};

function noteThread(scan: Scan, kind: NamespaceKind, { pid, tid }: Task, leader: string | undefined): void {
  const path = `/proc/${pid}/task/${tid}/ns/${kind}`;
  const link = scan.host.readLink(path);
  if (!link.ok) {
    if (link.gap.reason !== 'gone') scan.gaps.add('thread', link.gap);
    return;
  }
  if (link.value === leader) return;
  const namespace = noteNamespace(scan, link.value, path);
  // Where the leader has ended the first of the others was noted with it.
  if (namespace === undefined || scan.leaderless.get(pid)?.tid === tid) return;
  namespace.holders.push({ type: 'thread', pid, tid });
  namespace.door ??= pathDoor(path);
}

/** A plain look has no threads; one that is asked for by its number is looked at all the same. */
export function noteAskedThread(scan: Scan, tid: number): void {
  const path = `/proc/${tid}/status`;
  const bytes = valueOf(scan.host.readFile(path));
  const pid = bytes === undefined ? undefined : valueOf(parseStatus(bytes, path))?.tgid;
  if (pid === undefined || pid === tid) return;
  for (const kind of scan.kinds) {
    if (!SHARED.has(kind)) noteThread(scan, kind, { pid, tid }, linksOf(scan, kind).get(pid));
  }
}

function noteThreadForChildren(
  scan: Scan,
  { pid, tid }: Task,
  leaders: ReadonlyMap<NamespaceKind, ReadonlyMap<number, string>>,
): void {
  for (const kind of forChildrenKinds.filter((kind) => scan.kinds.has(kind))) {
    noteForChildren(scan, kind, { pid, tid }, leaders.get(kind)?.get(pid));
  }
}

/** Where the kernel cannot tell whose table it is, it is read: at worst one table is read twice. */
function noteTable(scan: Scan, { pid, tid }: Task): void {
  const shares = scan.host.sharesFiles(pid, tid);
  if (shares.ok ? shares.value : shares.gap.reason === 'gone') return;
  scan.deep.tables.push({ pid, tid });
}
