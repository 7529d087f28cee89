// What `cgroup top` shows on a terminal, and in which order.

import { bytesText } from '../../render/columns.ts';
import { screenLines, type ScreenColumn, type ScreenSize } from '../../render/screen.ts';
import { keyHelp, type SortKey, type TopState } from './cgroup-top-keys.ts';

type Known = number | null | undefined;

/** How rows of one sort are shown. */
export interface TopView<Row> {
  /** What they are, many of them. */
  readonly noun: string;
  readonly columns: readonly ScreenColumn<Row>[];
  /** By what they can be sorted, the largest first. undefined: as they come. */
  readonly sizes: Partial<Record<SortKey, ((row: Row) => Known) | undefined>>;
}

export const bytesCell = (number: Known): string => (number == null ? '-' : bytesText(Math.round(number)));
export const decimalCell = (number: Known): string => (number == null ? '-' : number.toFixed(1));
export const wholeCell = (number: Known): string => (number == null ? '-' : String(number));

/** The largest first, what is unknown last; those that are equal as they come. */
export function sorted<Row>(rows: readonly Row[], { sizes }: TopView<Row>, sort: SortKey): readonly Row[] {
  const size = sizes[sort];
  if (size === undefined) return rows;
  const sized = rows.map((row) => ({ row, size: size(row) ?? -1 }));
  return sized.toSorted((a, b) => b.size - a.size).map(({ row }) => row);
}

export interface TopScreen<Row> {
  readonly view: TopView<Row>;
  readonly rows: readonly Row[];
  /** How many there are, also those that are not wanted. */
  readonly all: number;
  readonly state: TopState;
  readonly size: ScreenSize;
  /** As `17:04:11`. */
  readonly clock: string;
  /** What could not be read, in a line. */
  readonly gaps: string | null;
  readonly styleHeading: (text: string) => string;
}

export function topLines<Row>(screen: TopScreen<Row>): readonly string[] {
  const { view, rows, all, state, size, clock, gaps, styleHeading } = screen;
  if (state.help)
    return keyHelp(view)
      .slice(0, size.rows)
      .map((line) => line.slice(0, size.columns));
  const { sort, delay, paused } = state;
  const count = rows.length === all ? String(all) : `${rows.length} of ${all}`;
  const pace = paused ? 'standing still' : `every ${delay / 1000} s`;
  const first = `${clock}  ${count} ${view.noun} by ${sort}, ${pace}  (h: help, q: end)`;
  const above = gaps === null ? [first] : [first, gaps];
  return screenLines({ above, columns: view.columns, rows: sorted(rows, view, sort), size, styleHeading });
}
