// Where the fields of a trace event are: its `format` file in tracefs.

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseDecimal } from '../text/text.ts';

export interface TraceField {
  /** In bytes. */
  readonly offset: number;
  readonly size: number;
}

export interface TraceFormat {
  /** The first two bytes of such an event. */
  readonly id: number;
  readonly fields: ReadonlyMap<string, TraceField>;
}

/** Lines as `field:int cap;	offset:32;	size:4;	signed:1;`. */
const FIELD = /^\tfield:[^;]*?(\w+)(?:\[\w*\])?;\toffset:(\d+);\tsize:(\d+);/;

export function parseTraceFormat(bytes: Uint8Array, file: string): Reading<TraceFormat> {
  const text = decodeText(bytes);
  const id = parseDecimal(/^ID: (\d+)$/m.exec(text)?.[1]);
  if (id === undefined) return malformed(file, 1, text.split('\n')[0] ?? '');
  const fields = new Map<string, TraceField>();
  for (const line of text.split('\n')) {
    const [, name, offset, size] = FIELD.exec(line) ?? [];
    if (name !== undefined) fields.set(name, { offset: Number(offset), size: Number(size) });
  }
  return value({ id, fields });
}
