// The shells of /etc/passwd. Source: passwd(5). As in passwd.ts, junk is passed over.

import { decodeText, parseDecimal } from './text.ts';

/** uid to shell, where one is named; the first line of a uid wins. */
export function parsePasswdShells(bytes: Uint8Array): ReadonlyMap<number, string> {
  const shells = new Map<number, string>();
  const seen = new Set<number>();
  for (const line of decodeText(bytes).split('\n')) {
    const [, , uidText, , , , shell] = line.split(':');
    const uid = parseDecimal(uidText);
    if (uid === undefined || shell === undefined || seen.has(uid)) continue;
    seen.add(uid);
    if (shell !== '') shells.set(uid, shell);
  }
  return shells;
}
