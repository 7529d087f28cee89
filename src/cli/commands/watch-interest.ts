// Which namespaces `watch -p TARGET` is about: those the target is in, and those in which it or a process that descends
// from it is the first that was seen.

import { valueOf, type Host } from '../../kernel/host.ts';
import { statOf } from '../../kernel/process-stat.ts';
import { resolveTarget } from '../../inspect/resolve-target.ts';
import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import type { NamespaceRow } from '../../namespaces/rows.ts';
import { linksOfTargets } from './ls-query.ts';

/** Decides on a namespace as it was when it appeared. Errors: as of resolving a target. */
export function interestIn(
  host: Host,
  words: readonly string[],
  kinds: ReadonlySet<NamespaceKind>,
): (row: NamespaceRow) => boolean {
  if (words.length === 0) return () => true;
  const links = linksOfTargets(host, words, kinds);
  const roots = new Map<number, bigint | undefined>();
  for (const word of words) {
    const target = resolveTarget(host, word);
    if (target.type === 'process') roots.set(target.pid, valueOf(statOf(host, target.pid))?.startTicks);
  }
  return (row) => links.has(`${row.type}:[${row.ns}]`) || (row.pid !== null && descends(host, row.pid, roots));
}

/** Pids used again during the walk could make a circle. */
const MAX_DEPTH = 256;

function descends(host: Host, pid: number, roots: ReadonlyMap<number, bigint | undefined>): boolean {
  let at = pid;
  for (let depth = 0; at > 0 && depth < MAX_DEPTH; depth += 1) {
    const stat = valueOf(statOf(host, at));
    // It has ended meanwhile: rather one too many than one that nobody hears of.
    if (stat === undefined) return true;
    // A process that has got the number of one that is gone is not meant.
    if (roots.has(at) && roots.get(at) === stat.startTicks) return true;
    at = stat.ppid;
  }
  return false;
}
