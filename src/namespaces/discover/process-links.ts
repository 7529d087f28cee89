// The links in /proc/PID/ns of every process. Source: namespaces(7).

import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import type { Gap } from '../../kernel/host.ts';
import { parseDecimal } from '../../kernel/text/text.ts';
import { noteMountNamespace } from './chrooted.ts';
import { pathDoor, taskFolder } from './door.ts';
import { liveThread } from './live-thread.ts';
import { noteNamespace, type Scan, type Source } from './scan.ts';

export const processLinks: Source = {
  name: 'process links',
  when: 'always',
  cost: 'one readlink per process and kind',
  blind: 'namespaces without a process, and those of threads that differ from their leader',
  discover(scan) {
    const entries = scan.host.readDirectory('/proc');
    if (!entries.ok) return scan.gaps.add('process list', entries.gap);
    const kinds = linksToRead(scan.kinds);
    const pids = entries.value.flatMap((entry) => parseDecimal(entry) ?? []);
    for (const pid of pids.toSorted((a, b) => a - b)) readLinks(scan, kinds, pid);
  },
};

function readLinks(scan: Scan, kinds: readonly NamespaceKind[], pid: number): void {
  let alive = false;
  let missing: Gap | undefined;
  let hasEnded = false;
  for (const kind of kinds) {
    const path = `/proc/${pid}/ns/${kind}`;
    const link = scan.host.readLink(path);
    if (link.ok) {
      alive = true;
      note(scan, pid, kind, link.value, path);
      continue;
    }
    // A zombie keeps only its pid and user namespaces, and old kernels lack kinds: the process hides nothing.
    const isThere = link.gap.reason === 'gone' && link.gap.errno !== 'ESRCH';
    if (isThere && (alive || scan.host.stat(`/proc/${pid}`).ok)) {
      missing ??= link.gap;
      hasEnded ||= kind === 'mnt';
      continue;
    }
    // One check decides on all links of a process (ptrace access): what refuses one refuses the others.
    if (link.gap.reason !== 'gone') scan.closed.push(pid);
    return scan.gaps.add('process', link.gap);
  }
  // Even a zombie has a pid namespace: something covers the links.
  if (!alive && missing !== undefined && scan.kinds.has('pid')) {
    scan.closed.push(pid);
    return scan.gaps.add('process', { ...missing, reason: 'unsupported' });
  }
  scan.processes.push(pid);
  if (hasEnded) readThread(scan, kinds, pid);
}

/** Of a process without its first thread the namespaces are those of the next. A zombie has none. */
function readThread(scan: Scan, kinds: readonly NamespaceKind[], pid: number): void {
  const thread = liveThread(scan.host, pid);
  if (!thread.ok) {
    // An older recording was not asked, as most zombies have no threads.
    if (thread.gap.reason !== 'gone' && thread.gap.reason !== 'unrecorded') scan.gaps.add('process', thread.gap);
    return;
  }
  const tid = thread.value;
  const links = new Map<NamespaceKind, string>();
  for (const kind of kinds) {
    const path = `${taskFolder({ pid, tid })}/ns/${kind}`;
    const link = scan.host.readLink(path);
    if (!link.ok) continue;
    // What /proc has of a process it has of any thread by its number.
    if (kind === 'mnt') noteMountNamespace(scan, link.value, tid);
    if (!scan.kinds.has(kind)) continue;
    links.set(kind, link.value);
    const namespace = noteNamespace(scan, link.value, path);
    // The zombie itself is still counted in its pid and user namespaces.
    if (namespace === undefined || namespace.pids.includes(pid)) continue;
    namespace.holders.push({ type: 'thread', pid, tid });
    namespace.door ??= pathDoor(path);
  }
  scan.leaderless.set(pid, { tid, links });
}

/** The mount namespace is always needed: the bind mounts of each are a source of their own. */
function linksToRead(kinds: ReadonlySet<NamespaceKind>): readonly NamespaceKind[] {
  return kinds.has('mnt') ? [...kinds] : [...kinds, 'mnt'];
}

function note(scan: Scan, pid: number, kind: NamespaceKind, text: string, path: string): void {
  if (kind === 'mnt') noteMountNamespace(scan, text, pid);
  if (scan.kinds.has(kind)) noteNamespace(scan, text, path)?.pids.push(pid);
}
