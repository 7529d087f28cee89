// JSON that others wrote: half-written, tampered with, huge or deep. Total: any bytes are a value or a gap.

import { gap, value, type Gap, type Reading } from '../kernel/host.ts';
import { decodeText } from '../kernel/text/text.ts';

/** A JSON value; what is in it is asked for by `at` and its kin, as nothing of it is known. */
export type Json = unknown;

/** Unit: bytes. The largest that were seen are podman's list of a thousand containers (1 MB) and its like. */
const MAX_BYTES = 64 * 1024 * 1024;

const MAX_DEPTH = 100;

/** A gap tells where, never what stood there: these files hold environments, and so passwords. */
export function parseJson(bytes: Uint8Array, file: string): Reading<Json> {
  if (bytes.length > MAX_BYTES) return bad(file, 1, `${bytes.length} bytes are more than such a file has`);
  const text = decodeText(bytes);
  const shape = measure(text);
  if (shape.depth > MAX_DEPTH) return bad(file, 1, `nested ${shape.depth} deep`);
  if (shape.open) return bad(file, lineAt(text, text.length), 'the file ends too early');
  try {
    return value(JSON.parse(text));
  } catch (error) {
    const position = /at position ([0-9]+)/.exec(String(error))?.[1];
    return bad(file, position === undefined ? 1 : lineAt(text, Number(position)), 'not JSON');
  }
}

function bad(file: string, line: number, text: string): Reading<never> {
  return gap({ reason: 'malformed', what: file, line, text });
}

function lineAt(text: string, position: number): number {
  return text.slice(0, position).split('\n').length;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** How deep the text nests, and whether it ends inside of something; strings are passed over. */
function measure(text: string): { readonly depth: number; readonly open: boolean } {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (quoted) {
      if (code === BACKSLASH) index += 1;
      else if (code === QUOTE) quoted = false;
    } else if (code === QUOTE) quoted = true;
    else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, (depth += 1));
    else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  return { depth: deepest, open: quoted || depth > 0 || text.trim() === '' };
}

/** The value at a path of keys; undefined: not there. */
export function at(json: Json, ...keys: readonly string[]): Json {
  let current = json;
  for (const key of keys) {
    if (!isFields(current) || !Object.hasOwn(current, key)) return undefined;
    current = current[key];
  }
  return current;
}

function isFields(json: Json): json is Readonly<Record<string, Json>> {
  return typeof json === 'object' && json !== null;
}

/** The text at a path of keys; null: not there, empty, or no text. */
export function textAt(json: Json, ...keys: readonly string[]): string | null {
  const found = at(json, ...keys);
  return typeof found === 'string' && found !== '' ? found : null;
}

/** What has to stand at a path of keys: `Config.Image`. */
export type Shape = Readonly<Record<string, 'text' | 'object'>>;

/** The first place where something else stands, as a gap. Absent: it fits. */
export function misfit(json: Json, file: string, shape: Shape): Gap | undefined {
  for (const [path, type] of Object.entries(shape)) {
    const found = at(json, ...path.split('.'));
    const fits = type === 'text' ? typeof found === 'string' : isFields(found) && !Array.isArray(found);
    if (!fits) return { reason: 'malformed', what: file, line: 1, text: `${path} is no ${type}` };
  }
  return undefined;
}

/** The list at a path of keys; empty: not there, or no list. */
export function listAt(json: Json, ...keys: readonly string[]): readonly Json[] {
  const found = at(json, ...keys);
  return Array.isArray(found) ? found : [];
}
