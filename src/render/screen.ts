// A table that fills a terminal and is drawn over itself, again and again: its columns keep their widths from one drawing
// to the next, and what does not fit is left out.

import { escapeControls } from './escape.ts';
import { pad, shorten } from './width.ts';

export interface ScreenColumn<Row> {
  readonly heading: string;
  /** Absent: what the others leave. One column has none. */
  readonly width?: number;
  readonly align: 'left' | 'right';
  readonly text: (row: Row) => string;
  /** How soon it goes where there is no room: the highest first. */
  readonly spare: number;
}

export interface ScreenSize {
  readonly rows: number;
  readonly columns: number;
}

export interface Screen<Row> {
  /** Lines above the table. */
  readonly above: readonly string[];
  readonly columns: readonly ScreenColumn<Row>[];
  readonly rows: readonly Row[];
  readonly size: ScreenSize;
  /** How a heading is shown. */
  readonly styleHeading: (text: string) => string;
}

const GUTTER = 2;

/** A column without a width is not drawn narrower. */
const LEAST_REST = 22;

/** The lines that fit; none is wider than the terminal. */
export function screenLines<Row>({ above, columns, rows, size, styleHeading }: Screen<Row>): readonly string[] {
  const drawn = fitting(columns, size.columns);
  const rest = size.columns - sum(drawn);
  const line = (cell: (column: ScreenColumn<Row>) => string): string => {
    const cells = drawn.map((column) => {
      const width = column.width ?? rest;
      return pad(shorten(escapeControls(cell(column)), width), width, column.align);
    });
    return shorten(cells.join(' '.repeat(GUTTER)).trimEnd(), size.columns);
  };
  const head = above.map((text) => shorten(escapeControls(text), size.columns));
  const headings = styleHeading(line(({ heading }) => heading));
  const room = Math.max(size.rows - head.length - 1, 0);
  const body = rows.slice(0, room).map((row) => line(({ text }) => text(row)));
  return [...head, headings, ...body].slice(0, size.rows);
}

/** Without those that there is no room for. */
function fitting<Row>(columns: readonly ScreenColumn<Row>[], width: number): readonly ScreenColumn<Row>[] {
  let drawn = columns;
  while (drawn.length > 1 && sum(drawn) + LEAST_REST > width) {
    const next = drawn.reduce((most, column) => (column.spare > most.spare ? column : most));
    drawn = drawn.filter((column) => column !== next);
  }
  return drawn;
}

/** Of those that have a width, with the gaps between all. */
function sum<Row>(columns: readonly ScreenColumn<Row>[]): number {
  return columns.reduce((all, { width = 0 }) => all + width, 0) + GUTTER * (columns.length - 1);
}

/** From the upper left corner: each line is erased first, and at the end what is below. Source: console_codes(4). */
export function screenText(lines: readonly string[]): string {
  return `\u001B[H${lines.map((line) => `\u001B[K${line}`).join('\r\n')}\u001B[J`;
}
