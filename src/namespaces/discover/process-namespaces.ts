// Which namespace of a kind each process is in, out of what was found.

import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import type { Scan } from './scan.ts';

/** The text of the link by pid. */
export function linksOf(scan: Scan, kind: NamespaceKind): ReadonlyMap<number, string> {
  const links = new Map<number, string>();
  for (const [text, namespace] of scan.namespaces) {
    if (namespace.kind === kind) for (const pid of namespace.pids) links.set(pid, text);
  }
  return links;
}
