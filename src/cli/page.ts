// A page on one target as text: a line a thing, the name of a field before its first.

import type { Field } from '../inspect/show/report.ts';
import { escapeControls } from '../render/escape.ts';

const KEY_WIDTH = 14;

/** A field in the help. */
export function keyLine({ key, help }: { readonly key: string; readonly help: string }): string {
  return `  ${key.padEnd(KEY_WIDTH)} ${help}`;
}

/** A page is read by a person: of a megabyte of arguments the beginning does. */
const LONGEST_LINE = 2000;

function cut(line: string, key: string): string {
  if (line.length <= LONGEST_LINE) return escapeControls(line);
  // Not in the middle of a pair of surrogates.
  const start = line.slice(0, LONGEST_LINE).replace(/[\uD800-\uDBFF]$/, '');
  return `${escapeControls(start)}… (${line.length} characters: all of them by -o ${key})`;
}

/** Without names what was asked for stands alone, and whole. */
export function pageText(fields: readonly Field[], named: boolean): string {
  const width = Math.max(KEY_WIDTH, ...fields.map(({ key }) => key.length + 1));
  const lines = fields.flatMap(({ key, lines }) => {
    const shown = named && lines.length === 0 ? ['none'] : lines;
    return shown.map((line, index) => {
      if (!named) return `${escapeControls(line)}\n`;
      return `${(index === 0 ? key : '').padEnd(width)}${cut(line, key)}\n`;
    });
  });
  return lines.join('');
}
