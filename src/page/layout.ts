// Where the boxes of a graph stand. Boxes that are connected stand in columns: the host, or what has the most lines, then
// what it leads to, and so on; each as near as it can to what it is connected with. What leads nowhere stands below in rows.

import type { PageBox, PageGraph, PageNode } from '../render/graph-page.ts';

export const BOX_WIDTH = 260;
export const TITLE_HEIGHT = 26;
export const ROW_HEIGHT = 18;
/** For lines between two columns. */
const COLUMN_GAP = 140;
const BOX_GAP = 14;
const MARGIN = 16;
const BOTTOM = 8;
/** Of boxes that lead nowhere. */
const PER_ROW = 5;

/** Unit: pixels. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly height: number;
}

export interface Layout {
  readonly boxes: ReadonlyMap<string, Place>;
  /** The middle of each node's row, and how deep it hangs below others. */
  readonly nodes: ReadonlyMap<string, { readonly x: number; readonly y: number; readonly depth: number }>;
  readonly width: number;
  readonly height: number;
}

/** The nodes of a box as rows, each behind what it hangs below. */
export function rowsOf({ nodes }: PageBox): readonly { readonly node: PageNode; readonly depth: number }[] {
  const ids = new Set(nodes.map(({ id }) => id));
  const below = new Map<string | null, PageNode[]>();
  for (const node of nodes) {
    const parent = node.parent !== null && ids.has(node.parent) ? node.parent : null;
    const known = below.get(parent);
    if (known === undefined) below.set(parent, [node]);
    else known.push(node);
  }
  const rows: { node: PageNode; depth: number }[] = [];
  const add = (parent: string | null, depth: number): void => {
    for (const node of below.get(parent) ?? []) {
      rows.push({ node, depth });
      add(node.id, depth + 1);
    }
  };
  add(null, 0);
  return rows;
}

function heightOf({ nodes }: PageBox): number {
  return TITLE_HEIGHT + nodes.length * ROW_HEIGHT + BOTTOM;
}

export function layOut({ boxes, lines }: PageGraph): Layout {
  const boxOf = new Map(boxes.flatMap((box) => box.nodes.map(({ id }) => [id, box] as const)));
  const links = new Map<PageBox, { readonly node: string; readonly far: string; readonly box: PageBox }[]>();
  for (const { from, to } of lines) {
    const [a, b] = [boxOf.get(from), boxOf.get(to)];
    if (a === undefined || b === undefined || a === b) continue;
    links.set(a, [...(links.get(a) ?? []), { node: from, far: to, box: b }]);
    links.set(b, [...(links.get(b) ?? []), { node: to, far: from, box: a }]);
  }
  const places = new Map<string, Place>();
  const nodes = new Map<string, { x: number; y: number; depth: number }>();
  const put = (box: PageBox, x: number, y: number): void => {
    places.set(box.id, { x, y, height: heightOf(box) });
    for (const [index, { node, depth }] of rowsOf(box).entries())
      nodes.set(node.id, { x, y: y + TITLE_HEIGHT + (index + 0.5) * ROW_HEIGHT, depth });
  };
  /** Where its own rows would be level with what they lead to. */
  const wishOf = (box: PageBox): number => {
    const rows = new Map(rowsOf(box).map(({ node }, index) => [node.id, TITLE_HEIGHT + (index + 0.5) * ROW_HEIGHT]));
    const wishes = (links.get(box) ?? []).flatMap(({ node, far }) => {
      const there = nodes.get(far);
      return there === undefined ? [] : there.y - (rows.get(node) ?? 0);
    });
    return wishes.length === 0 ? 0 : wishes.reduce((sum, wish) => sum + wish, 0) / wishes.length;
  };
  let top = MARGIN;
  let width = 0;
  for (const columns of components(boxes, links)) {
    let bottom = top;
    for (const [index, column] of columns.entries()) {
      const x = MARGIN + index * (BOX_WIDTH + COLUMN_GAP);
      let y = top;
      const wished = column.map((box) => ({ box, wish: wishOf(box) })).toSorted((a, b) => a.wish - b.wish);
      for (const { box, wish } of wished) {
        y = Math.max(y, wish);
        put(box, x, y);
        y += heightOf(box) + BOX_GAP;
      }
      bottom = Math.max(bottom, y);
      width = Math.max(width, x + BOX_WIDTH);
    }
    top = bottom + BOX_GAP;
  }
  const alone = boxes.filter((box) => !links.has(box));
  for (let first = 0; first < alone.length; first += PER_ROW) {
    const row = alone.slice(first, first + PER_ROW);
    for (const [index, box] of row.entries()) put(box, MARGIN + index * (BOX_WIDTH + BOX_GAP), top);
    top += Math.max(...row.map(heightOf)) + BOX_GAP;
    width = Math.max(width, MARGIN + row.length * (BOX_WIDTH + BOX_GAP));
  }
  return { boxes: places, nodes, width: width + MARGIN, height: top };
}

type Links = ReadonlyMap<PageBox, readonly { readonly box: PageBox }[]>;

/** Boxes that hang together, as columns: by how many lines they are away from the first. */
function components(boxes: readonly PageBox[], links: Links): readonly (readonly (readonly PageBox[])[])[] {
  const left = new Set(boxes.filter((box) => links.has(box)));
  const rank = (box: PageBox): number => (box.shape === 'host' ? Infinity : (links.get(box)?.length ?? 0));
  const found: PageBox[][][] = [];
  for (const first of [...left].toSorted((a, b) => rank(b) - rank(a))) {
    if (!left.delete(first)) continue;
    const columns = [[first]];
    for (let column = columns[0] ?? []; column.length > 0;) {
      const next = [...new Set(column.flatMap((box) => links.get(box) ?? []).map(({ box }) => box))];
      column = next.filter((box) => left.delete(box));
      if (column.length > 0) columns.push(column);
    }
    found.push(columns);
  }
  return found;
}
