// What `cgroup top` says to who reads it as lines.

import { isComplete, type CountedGap } from '../../kernel/gap-tally.ts';
import { escapeControls } from '../../render/escape.ts';
import type { Column } from '../../render/columns.ts';
import { renderJsonLine, rowJson, type Json } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import type { Streaming } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import type { Lines, TopRun } from './cgroup-top-loop.ts';
import { sorted } from './cgroup-top-view.ts';

/** A line of JSON for each row at each look, between one that begins and one that ends. */
export function jsonLines<Row>(
  { view, state }: TopRun<Row>,
  columns: readonly Column<Row>[],
  event: string,
  { emit }: Streaming,
): Lines<Row> {
  const line = (name: string, time: string, rest: { readonly [key: string]: Json }): string =>
    renderJsonLine({ schema: 1, event: name, time, ...rest });
  const now = (): string => new Date().toISOString();
  return {
    begin: ({ all, gaps }) =>
      emit(line('start', now(), { interval: state.delay / 1000, rows: all, ...gapsJson(gaps) })),
    each: ({ rows }) => {
      const time = now();
      const lines = sorted(rows, view, state.sort).map((row) => {
        return line(event, time, rowJson(row, columns) as { readonly [key: string]: Json });
      });
      return emit(lines.join(''));
    },
    end: ({ gaps }) => emit(line('end', now(), gapsJson(gaps))),
  };
}

function gapsJson(gaps: readonly CountedGap[]): { readonly complete: boolean; readonly gaps: readonly Json[] } {
  return { complete: isComplete(gaps), gaps: gaps.map(gapJson) };
}

/** A table for each look, and an empty line behind it. */
export function batches<Row>(
  { view, state }: TopRun<Row>,
  columns: readonly Column<Row>[],
  { emit, talk }: Streaming,
): Lines<Row> {
  return {
    begin: ({ gaps }) => talk(gaps.map((gap) => `nstool: ${escapeControls(gapNote(gap))}\n`).join('')),
    each: ({ rows }) => emit(`${renderTable(sorted(rows, view, state.sort), columns, { headings: true })}\n`),
    end: () => Promise.resolve(),
  };
}
