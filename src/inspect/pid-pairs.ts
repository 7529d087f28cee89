// The processes of a pid namespace and of those below it, by their number in it and their number here.
// Source: proc_pid_status(5) NSpid (Linux 4.1), ioctl_nsfs(2) NS_GET_PARENT.

import type { GapTally } from '../kernel/gap-tally.ts';
import { valueOf, type Host, type NamespaceQuestion } from '../kernel/host.ts';
import { parseNamespaceLink } from '../kernel/text/namespace-link.ts';
import { parseStatus } from '../kernel/text/status.ts';
import { hiddenProcesses } from '../namespaces/discover/hidden-processes.ts';
import { processLinks } from '../namespaces/discover/process-links.ts';
import { emptyScan, type Namespace, type Scan } from '../namespaces/discover/scan.ts';
import { isOwn } from '../namespaces/own.ts';
import type { Relation } from './user-ids.ts';

export interface PidPair {
  readonly inside: number;
  readonly here: number;
}

/** The pids of a pid namespace. */
export interface PidIds {
  /** Absent (null) where the link is closed to us. */
  readonly inode: bigint | null;
  readonly relation: Relation;
  /** In the order of the pids inside. Absent (null) where the namespace is ours: each pid is its own pair. */
  readonly pairs: readonly PidPair[] | null;
}

/** The pids of the pid namespace that a process is in. What is visible to us at all lies in ours or below. */
export function readPidIds(host: Host, pid: number, gaps: GapTally): PidIds {
  const link = host.readLink(`/proc/${pid}/ns/pid`);
  const inode = link.ok ? valueOf(parseNamespaceLink(link.value, ''))?.inode : undefined;
  if (inode !== undefined && isOwn(host, 'pid', inode)) return { inode, relation: 'same', pairs: null };
  const pids = namespacePids(host, pid, gaps);
  if (!link.ok) {
    gaps.add('pid namespace', link.gap);
    // It was not made here, if it has two numbers; who else is in it stays hidden.
    const relation = pids.length > 1 ? 'below' : pids.length === 1 ? 'same' : 'unknown';
    const inside = pids.at(-1);
    const alone = inside === undefined ? [] : [{ inside, here: pid }];
    return { inode: null, relation, pairs: relation === 'same' ? null : alone };
  }
  const pairs = pairsOf(host, link.value, pids.length, gaps);
  return { inode: inode ?? null, relation: inode === undefined ? 'unknown' : 'below', pairs };
}

/** From the number here to that in the process's own namespace. Empty: unreadable, or a kernel that does not tell. */
function namespacePids(host: Host, pid: number, gaps: GapTally): readonly number[] {
  const path = `/proc/${pid}/status`;
  const bytes = host.readFile(path);
  const status = bytes.ok ? parseStatus(bytes.value, path) : bytes;
  if (!status.ok) {
    gaps.add('process', status.gap);
    return [];
  }
  if (status.value.namespacePids.length === 0) {
    gaps.add('pid in its namespace', { reason: 'unsupported', what: `${path}: no line NSpid` });
  }
  return status.value.namespacePids;
}

/** `depth`: how many numbers a process in the namespace has. */
function pairsOf(host: Host, text: string, depth: number, gaps: GapTally): readonly PidPair[] {
  const scan = scanPids(host, gaps);
  const target = scan.namespaces.get(text);
  if (target === undefined || depth === 0) return [];
  const pairs: PidPair[] = [];
  for (const namespace of scan.namespaces.values()) {
    const below = levelsBelow(scan, namespace, target, depth);
    if (below === undefined) continue;
    for (const here of namespace.pids) {
      const inside = namespacePids(host, here, gaps).at(-1 - below);
      if (inside !== undefined) pairs.push({ inside, here });
    }
  }
  return pairs.toSorted((a, b) => a.inside - b.inside);
}

/** Every process's pid namespace. */
function scanPids(host: Host, gaps: GapTally): Scan {
  const scan = emptyScan(host, new Set(['pid']));
  processLinks.discover(scan);
  hiddenProcesses.discover(scan);
  for (const gap of scan.gaps.list()) gaps.addUncounted(gap);
  return scan;
}

/** How far a pid namespace is below the target, 0 for itself; undefined: it is not. */
function levelsBelow(scan: Scan, namespace: Namespace, target: Namespace, depth: number): number | undefined {
  if (namespace === target) return 0;
  const [pid] = namespace.pids;
  if (pid === undefined) return undefined;
  const levels = namespacePids(scan.host, pid, scan.gaps).length - depth;
  if (levels <= 0) return undefined;
  const questions = Array.from({ length: levels }, (): NamespaceQuestion => 'NS_GET_PARENT');
  const above = scan.host.askNamespace(`/proc/${pid}/ns/pid`, questions);
  return above.ok && above.value === target.inode ? levels : undefined;
}
