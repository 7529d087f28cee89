// The first line of a script: which program is executed in its place. Source: execve(2), fs/binfmt_script.c.

import { decodeName } from './file-name.ts';

export interface ScriptLine {
  readonly interpreter: string;
  /** All that follows, as one argument. Absent (null): nothing does. */
  readonly argument: string | null;
}

const LINE_END = 0x0a;

/**
 * Of the first 256 bytes of a file. undefined: no script, also where the line has no interpreter or that is cut off; then
 * execve(2) says ENOEXEC.
 */
export function parseScriptLine(head: Uint8Array): ScriptLine | undefined {
  const newline = head.indexOf(LINE_END);
  const text = decodeName(newline < 0 ? head : head.subarray(0, newline));
  if (!text.startsWith('#!')) return undefined;
  const line = text.slice(2).split('\0')[0] ?? '';
  const [, interpreter, blank = '', rest = ''] = /^[ \t]*([^ \t]+)([ \t]*)(.*?)[ \t]*$/s.exec(line) ?? [];
  // Without the end of the line, where nothing follows the path, that may be cut.
  if (interpreter === undefined || (newline < 0 && blank === '' && head.length >= 256)) return undefined;
  return { interpreter, argument: rest === '' ? null : rest };
}
