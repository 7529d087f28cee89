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
  return hang(
    rows,
    ({ pid }) => pid,
    ({ ppid }) => ppid,
  );
}

/** Each row below the one with the number that it names, where there is such a row. */
export function hang<Row>(
  rows: readonly Row[],
  numberOf: (row: Row) => number | null,
  aboveOf: (row: Row) => number | null,
): readonly RowNode<Row>[] {
  const nodes = new Map<number | null, RowNode<Row>>(rows.map((row) => [numberOf(row), { row, children: [] }]));
  const above = ({ row }: RowNode<Row>): RowNode<Row> | undefined => nodes.get(aboveOf(row));
  const roots: RowNode<Row>[] = [];
  for (const node of nodes.values()) {
    const parent = isOwnAncestor(node, above) ? undefined : above(node);
    (parent?.children ?? roots).push(node);
  }
  return roots;
}

/** Pids reused during the scan can make a circle of parents, and a circle has no root to be drawn from. */
function isOwnAncestor<Row>(node: RowNode<Row>, above: (node: RowNode<Row>) => RowNode<Row> | undefined): boolean {
  const seen = new Set<RowNode<Row>>();
  let at = above(node);
  while (at !== undefined && at !== node && !seen.has(at)) {
    seen.add(at);
    at = above(at);
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
