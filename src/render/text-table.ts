// Rows as aligned text: no borders, two spaces between columns, a record a line.

import { bytesText, cellText, heading, type Column } from './columns.ts';
import { escapeControls, escapeWord } from './escape.ts';
import { drawTree, type TreeNode } from './tree.ts';
import { displayWidth, pad, shorten } from './width.ts';

export interface TextOptions {
  readonly headings: boolean;
  /** Columns of the terminal; absent: nothing is shortened. */
  readonly width?: number;
  /** How a heading is shown. */
  readonly styleHeading?: (text: string) => string;
}

const GUTTER = 2;

/** A line of a tree that is no row: it has a text of its own. */
export interface Caption {
  readonly caption: string;
}

/** The column `treeKey`, if it is among the columns, carries the branches. */
export function renderTree<Row extends object>(
  roots: readonly TreeNode<Row | Caption>[],
  columns: readonly Column<Row>[],
  treeKey: string,
  options: TextOptions,
): string {
  const isTree = (column: Column<Row>): boolean => column.key === treeKey;
  const grid = drawTree(roots).map(({ row, branch }) =>
    columns.map((column) => {
      const text = 'caption' in row ? (isTree(column) ? row.caption : '') : textOf(column, row);
      return isTree(column) ? `${branch}${text}` : text;
    }),
  );
  // Branches are read from the left.
  const drawn = columns.map((column) => (isTree(column) ? { ...column, type: 'string' as const } : column));
  return layOut(grid, drawn, options);
}

export function renderTable<Row>(rows: readonly Row[], columns: readonly Column<Row>[], options: TextOptions): string {
  const grid = rows.map((row) => columns.map((column) => textOf(column, row)));
  return layOut(grid, columns, options);
}

/** Words separated by one space, for cut(1) and awk(1): no word is empty and none holds a blank. */
export function renderRaw<Row>(rows: readonly Row[], columns: readonly Column<Row>[], headings: boolean): string {
  const lines = rows.map((row) => columns.map((column) => escapeWord(cellText(column.get(row)) || '-')).join(' '));
  if (headings) lines.unshift(columns.map(heading).join(' '));
  return lines.map((line) => `${line}\n`).join('');
}

function textOf<Row>(column: Column<Row>, row: Row): string {
  const cell = column.get(row);
  return escapeControls(column.unit === 'bytes' && typeof cell === 'number' ? bytesText(cell) : cellText(cell));
}

function layOut<Row>(
  grid: readonly (readonly string[])[],
  columns: readonly Column<Row>[],
  options: TextOptions,
): string {
  const headings = columns.map((column) => (options.headings ? heading(column) : ''));
  const natural = columns.map((_, index) =>
    grid.reduce((width, line) => Math.max(width, displayWidth(line[index] ?? '')), displayWidth(headings[index] ?? '')),
  );
  const widths = options.width === undefined ? natural : fit(natural, columns, options.width);
  const draw = (cells: readonly string[]): string => {
    const line = cells
      .map((cell, index) => {
        const width = widths[index] ?? 0;
        const isLast = index === cells.length - 1;
        const align = columns[index]?.type === 'number' ? 'right' : 'left';
        const short = options.width === undefined ? cell : shorten(cell, width);
        return isLast && align === 'left' ? short : pad(short, width, align);
      })
      .join(' '.repeat(GUTTER))
      .trimEnd();
    return options.width === undefined ? line : shorten(line, options.width);
  };
  const style = options.styleHeading ?? ((text: string): string => text);
  const lines = grid.map(draw);
  if (options.headings) lines.unshift(style(draw(headings)));
  return lines.map((line) => `${line}\n`).join('');
}

/** Takes from the widest of the columns that may shrink until the line fits, or each is as narrow as its heading. */
function fit<Row>(natural: readonly number[], columns: readonly Column<Row>[], width: number): readonly number[] {
  const widths = [...natural];
  let excess = natural.reduce((sum, entry) => sum + entry, 0) + GUTTER * (natural.length - 1) - width;
  while (excess > 0) {
    let widest = -1;
    for (const [index, column] of columns.entries()) {
      const floor = Math.max(displayWidth(heading(column)), 1);
      if (column.shrinks !== true || (widths[index] ?? 0) <= floor) continue;
      if (widest < 0 || (widths[index] ?? 0) > (widths[widest] ?? 0)) widest = index;
    }
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
  return widths;
}
