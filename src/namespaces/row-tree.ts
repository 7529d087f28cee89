// Which row hangs below which, as lsns(8) draws its process tree.

import type { Relation, Scan } from './discover/scan.ts';
import type { NamespaceRow } from './rows.ts';

/** A row, or a place without one, with the rows below it. */
export interface RowNode<Row = NamespaceRow | Place> {
  readonly row: Row;
  readonly children: RowNode<Row>[];
}

/** Where the namespaces hang whose owner or parent lies beyond our view. */
export interface Place {
  readonly caption: string;
}

const OUTSIDE = 'outside our view';

/**
 * A namespace hangs below the last row before it whose process is the parent of its own. Only the direct parent
 * counts: a namespace whose process's parent stands for none is a root.
 */
export function namespaceTree(rows: readonly NamespaceRow[]): readonly RowNode<NamespaceRow>[] {
  const lastOfPid = new Map<number, RowNode<NamespaceRow>>();
  const roots: RowNode<NamespaceRow>[] = [];
  for (const row of rows) {
    const node: RowNode<NamespaceRow> = { row, children: [] };
    const parent = row.ppid === null ? undefined : lastOfPid.get(row.ppid);
    (parent?.children ?? roots).push(node);
    if (row.pid !== null) lastOfPid.set(row.pid, node);
  }
  return roots;
}

/** The processes of one namespace: each below its parent, where that is in the namespace too. */
export function processTree(rows: readonly NamespaceRow[]): readonly RowNode<NamespaceRow>[] {
  const nodes = new Map<number | null, RowNode<NamespaceRow>>(rows.map((row) => [row.pid, { row, children: [] }]));
  const roots: RowNode<NamespaceRow>[] = [];
  for (const node of nodes.values()) {
    const parent = isOwnAncestor(nodes, node) ? undefined : nodes.get(node.row.ppid);
    (parent?.children ?? roots).push(node);
  }
  return roots;
}

/** Pids reused during the scan can make a circle of parents, and a circle has no root to be drawn from. */
function isOwnAncestor(nodes: ReadonlyMap<number | null, RowNode<NamespaceRow>>, node: RowNode<NamespaceRow>): boolean {
  const seen = new Set<RowNode<NamespaceRow>>();
  let at = nodes.get(node.row.ppid);
  while (at !== undefined && at !== node && !seen.has(at)) {
    seen.add(at);
    at = nodes.get(at.row.ppid);
  }
  return at === node;
}

/** Each namespace below the user namespace that owns it, or pid and user namespaces below their parents. */
export function relationTree(
  scan: Scan,
  rows: readonly NamespaceRow[],
  relation: 'owner' | 'parent',
): readonly RowNode[] {
  const nodes = new Map<string, RowNode>(rows.map((row) => [`${row.type}:[${row.ns}]`, { row, children: [] }]));
  const outside: RowNode = { row: { caption: OUTSIDE }, children: [] };
  const roots: RowNode[] = [];
  for (const [text, node] of nodes) {
    const namespace = scan.namespaces.get(text);
    const above = namespace?.[relation];
    const kind = relation === 'owner' ? 'user' : namespace?.kind;
    const parent =
      above === 'outside' ? outside : nodes.get(`${kind}:[${String(above satisfies Relation | undefined)}]`);
    (parent?.children ?? roots).push(node);
  }
  return outside.children.length === 0 ? roots : [...roots, outside];
}
