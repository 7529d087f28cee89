// A view as a table of columns: the one source of -o, --list-columns, headings, JSON keys and help.

/** null: unknown. Infinity: there is no limit. */
export type Cell = string | number | bigint | null | readonly string[] | readonly number[];

/** What the kernel writes for a limit that there is not. */
export const UNLIMITED = 'max';

export interface Column<Row> {
  /** The key in JSON; the name for -o is the same in capitals. */
  readonly key: string;
  readonly help: string;
  readonly type: 'number' | 'string' | 'list';
  /** A number of bytes: for eyes as `12.3M`; raw, in JSON and in filters in full. */
  readonly unit?: 'bytes';
  /** May be cut at its end when the terminal is too narrow. */
  readonly shrinks?: boolean;
  readonly get: (row: Row) => Cell;
}

export function heading<Row>(column: Column<Row>): string {
  return column.key.toUpperCase();
}

export type Selection<C> =
  { readonly ok: true; readonly columns: readonly C[] } | { readonly ok: false; readonly unknown: string };

/** The columns that `-o LIST` names, in any case; `+LIST` is the defaults and then these. */
export function selectColumns<C extends { readonly key: string }>(
  all: readonly C[],
  defaults: readonly string[],
  list: string | undefined,
): Selection<C> {
  const appended = list?.startsWith('+') === true;
  const named = list === undefined ? [] : (appended ? list.slice(1) : list).split(',');
  const keys = [...(list === undefined || appended ? defaults : []), ...named];
  const columns: C[] = [];
  for (const key of keys) {
    const column = all.find((entry) => entry.key === key.toLowerCase());
    if (column === undefined) return { ok: false, unknown: key };
    if (!columns.includes(column)) columns.push(column);
  }
  return { ok: true, columns };
}

/** For eyes: unknown is `-`, what has no limit `max`. */
export function cellText(cell: Cell): string {
  if (cell === null) return '-';
  if (cell === Infinity) return UNLIMITED;
  if (typeof cell === 'object') return cell.length === 0 ? '-' : cell.join(',');
  return String(cell);
}

const PREFIXES = ['', 'K', 'M', 'G', 'T', 'P', 'E'];

/** `512`, `1.5K`, `12.3M`: the letters are powers of 1024, as in a filter. */
export function bytesText(bytes: number): string {
  if (bytes === Infinity) return UNLIMITED;
  if (bytes < 0) return `-${bytesText(-bytes)}`;
  let [size, prefix] = [bytes, 0];
  // 1023.95 and more would be rounded to 1024.0.
  while (size >= 1023.95 && prefix < PREFIXES.length - 1) [size, prefix] = [size / 1024, prefix + 1];
  return `${prefix === 0 ? size : size.toFixed(1)}${PREFIXES[prefix]}`;
}

/** Numbers by size, texts by their characters, what is unknown last. */
export function compareCells(a: Cell, b: Cell): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  const isNumber = (cell: Cell): cell is number | bigint => typeof cell === 'number' || typeof cell === 'bigint';
  if (isNumber(a) && isNumber(b)) return a < b ? -1 : Number(a > b);
  const [left, right] = [cellText(a), cellText(b)];
  return left < right ? -1 : Number(left > right);
}
