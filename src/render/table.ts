// Boxed tables for reading on a terminal, of few rows: cli-table3 is slow on many, and colours by itself unless told.

import CliTable from 'cli-table3';
import { escapeControls } from './escape.ts';

export function renderBoxed(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new CliTable({ head: [...head], style: { head: [], border: [], compact: true } });
  for (const row of rows) table.push(row.map(escapeControls));
  return `${table.toString()}\n`;
}
