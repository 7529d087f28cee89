// The links in /proc/PID/ns of every process. Source: namespaces(7). Cost: one readlink per process and kind.

import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { parseDecimal } from '../../kernel/text/text.ts';
import { noteNamespace, type Scan, type Source } from './scan.ts';

export const processLinks: Source = {
  name: 'process links',
  blind: 'namespaces without a process, and those of threads that differ from their leader',
  discover(scan) {
    const entries = scan.host.readDirectory('/proc');
    if (!entries.ok) return scan.gaps.add('process list', entries.gap);
    const kinds = linksToRead(scan.kinds);
    for (const entry of entries.value) {
      const pid = parseDecimal(entry);
      if (pid !== undefined) readLinks(scan, kinds, pid);
    }
  },
};

function readLinks(scan: Scan, kinds: readonly NamespaceKind[], pid: number): void {
  let alive = false;
  for (const kind of kinds) {
    const path = `/proc/${pid}/ns/${kind}`;
    const link = scan.host.readLink(path);
    if (link.ok) {
      alive = true;
      note(scan, pid, kind, link.value, path);
      continue;
    }
    if (link.gap.reason === 'gone') {
      // A zombie keeps only its pid and user namespaces, and old kernels lack kinds: the process hides nothing.
      if (!alive && link.gap.errno !== 'ESRCH' && scan.host.stat(`/proc/${pid}`).ok) continue;
      if (alive && link.gap.errno !== 'ESRCH') continue;
    }
    // One check decides on all links of a process (ptrace access): what refuses one refuses the others.
    return scan.gaps.add('process', link.gap);
  }
}

/** The mount namespace is always needed: the bind mounts of each are a source of their own. */
function linksToRead(kinds: ReadonlySet<NamespaceKind>): readonly NamespaceKind[] {
  return kinds.has('mnt') ? [...kinds] : [...kinds, 'mnt'];
}

function note(scan: Scan, pid: number, kind: NamespaceKind, text: string, path: string): void {
  if (kind === 'mnt' && !scan.mountNamespaces.has(text)) scan.mountNamespaces.set(text, pid);
  if (scan.kinds.has(kind)) noteNamespace(scan, text, path)?.pids.push(pid);
}
