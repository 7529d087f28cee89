// The capabilities of a file as text, as getcap(8) writes and setcap(8) reads it.

import type { FileCapabilities } from './file-capabilities.ts';
import { formatCapabilityText, parseCapabilityText, type ParsedText } from './text.ts';

/** One bit makes all of them effective. */
export function fileCapabilityText({ permitted, inheritable, effective }: FileCapabilities, all: bigint): string {
  return formatCapabilityText({ permitted, inheritable, effective: effective ? permitted | inheritable : 0n }, all);
}

export type ParsedFileText =
  { readonly ok: true; readonly capabilities: FileCapabilities } | { readonly ok: false; readonly problem: string };

/** With a rootid other than 0 it is of revision 3. */
export function parseFileText(text: string, rootid: number, all: bigint): ParsedFileText {
  const parsed: ParsedText = parseCapabilityText(text, all);
  if (!parsed.ok) return parsed;
  const { effective, permitted, inheritable } = parsed.sets;
  if (effective !== 0n && ((permitted | inheritable) & ~effective) !== 0n) {
    const problem = 'a file has one effective bit for all: give e to every capability or to none';
    return { ok: false, problem };
  }
  const revision = rootid === 0 ? 2 : 3;
  return { ok: true, capabilities: { revision, permitted, inheritable, effective: effective !== 0n, rootid } };
}
