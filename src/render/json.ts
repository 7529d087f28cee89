// JSON with 64-bit numbers written out in full, as the kernel has them: JSON.stringify refuses a bigint.

import { UNLIMITED, type Cell, type Column } from './columns.ts';

export type Json = string | number | bigint | boolean | null | readonly Json[] | { readonly [key: string]: Json };

const INDENT = '  ';

/** Objects that hold only plain values stand on one line. */
export function renderJson(value: Json): string {
  return `${write(value, '')}\n`;
}

/** On one line, whatever it holds: for NDJSON. */
export function renderJsonLine(value: Json): string {
  return `${writeFlat(value)}\n`;
}

function writeFlat(value: Json): string {
  if (typeof value !== 'object' || value === null) return write(value, '');
  if (Array.isArray(value)) return `[${value.map((entry: Json) => writeFlat(entry)).join(',')}]`;
  const entries = Object.entries(value).map(([key, entry]) => `${quote(key)}:${writeFlat(entry)}`);
  return `{${entries.join(',')}}`;
}

function write(value: Json, indent: string): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'string') return quote(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const deeper = indent + INDENT;
  const isList = Array.isArray(value);
  const entries: readonly string[] = isList
    ? value.map((entry: Json) => write(entry, deeper))
    : Object.entries(value).map(([key, entry]) => `${quote(key)}: ${write(entry, deeper)}`);
  const [open, close] = isList ? ['[', ']'] : ['{', '}'];
  if (entries.length === 0) return open + close;
  const children: readonly Json[] = isList ? value : Object.values(value);
  if (!children.some((child) => typeof child === 'object' && child !== null && !isFlatList(child))) {
    return isList ? `${open}${entries.join(', ')}${close}` : `${open} ${entries.join(', ')} ${close}`;
  }
  return `${open}\n${entries.map((entry) => deeper + entry).join(',\n')}\n${indent}${close}`;
}

/** JSON.stringify lets C1 controls and bidi marks through; as \\u escapes they are the same string, and harmless. */
function quote(text: string): string {
  return JSON.stringify(text).replaceAll(terminalHostile, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

const terminalHostile = /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

function isFlatList(value: Json): boolean {
  return Array.isArray(value) && !value.some((entry: Json) => typeof entry === 'object' && entry !== null);
}

/** The row as an object of the selected columns. */
export function rowJson<Row>(row: Row, columns: readonly Column<Row>[]): Readonly<Record<string, Json>> {
  return Object.fromEntries(columns.map((column) => [column.key, cellJson(column.get(row))]));
}

/** Of what has no limit the kernel's own word: JSON has no infinity. */
export function cellJson(cell: Cell): Json {
  return cell === Infinity ? UNLIMITED : cell;
}
