// Which row hangs below which, as lsns(8) draws its process tree.

import type { NamespaceRow } from './rows.ts';

/** A row with the rows below it. */
export interface RowNode {
  readonly row: NamespaceRow;
  readonly children: RowNode[];
}

/**
 * A namespace hangs below the last row before it whose process is the parent of its own. Only the direct parent
 * counts: a namespace whose process's parent stands for none is a root.
 */
export function namespaceTree(rows: readonly NamespaceRow[]): readonly RowNode[] {
  const lastOfPid = new Map<number, RowNode>();
  const roots: RowNode[] = [];
  for (const row of rows) {
    const node: RowNode = { row, children: [] };
    const parent = row.ppid === null ? undefined : lastOfPid.get(row.ppid);
    (parent?.children ?? roots).push(node);
    if (row.pid !== null) lastOfPid.set(row.pid, node);
  }
  return roots;
}

/** The processes of one namespace: each below its parent, where that is in the namespace too. */
export function processTree(rows: readonly NamespaceRow[]): readonly RowNode[] {
  const nodes = new Map<number | null, RowNode>(rows.map((row) => [row.pid, { row, children: [] }]));
  const roots: RowNode[] = [];
  for (const node of nodes.values()) {
    const parent = isOwnAncestor(nodes, node) ? undefined : nodes.get(node.row.ppid);
    (parent?.children ?? roots).push(node);
  }
  return roots;
}

/** Pids reused during the scan can make a circle of parents, and a circle has no root to be drawn from. */
function isOwnAncestor(nodes: ReadonlyMap<number | null, RowNode>, node: RowNode): boolean {
  const seen = new Set<RowNode>();
  let at = nodes.get(node.row.ppid);
  while (at !== undefined && at !== node && !seen.has(at)) {
    seen.add(at);
    at = nodes.get(at.row.ppid);
  }
  return at === node;
}
