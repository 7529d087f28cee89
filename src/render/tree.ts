// Branches before the rows of a tree.

export interface TreeNode<Row> {
  readonly row: Row;
  readonly children: readonly TreeNode<Row>[];
}

export interface TreeLine<Row> {
  readonly row: Row;
  /** What is drawn before the row: `│ └─`. */
  readonly branch: string;
}

/** Every node once, parents first. Iterative: a chain of processes can be deeper than the stack. */
export function drawTree<Row>(roots: readonly TreeNode<Row>[]): readonly TreeLine<Row>[] {
  const lines: TreeLine<Row>[] = [];
  interface Pending {
    readonly node: TreeNode<Row>;
    readonly branch: string;
    /** What goes before the branches of its children. */
    readonly indent: string;
  }
  const pending: Pending[] = roots.map((node) => ({ node, branch: '', indent: '' })).toReversed();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { node, branch, indent } = next;
    lines.push({ row: node.row, branch });
    for (const [index, child] of [...node.children.entries()].toReversed()) {
      const isLast = index === node.children.length - 1;
      pending.push({
        node: child,
        branch: `${indent}${isLast ? '└─' : '├─'}`,
        indent: `${indent}${isLast ? '  ' : '│ '}`,
      });
    }
  }
  return lines;
}
