// The home directories of /etc/passwd. Source: passwd(5). As in passwd.ts, junk is passed over.

import { decodeText, parseDecimal } from './text.ts';

/** uid to home directory, where it is an absolute path; the first line of a uid wins. */
export function parsePasswdHomes(bytes: Uint8Array): ReadonlyMap<number, string> {
  const homes = new Map<number, string>();
  for (const line of decodeText(bytes).split('\n')) {
    const [, , uidText, , , home] = line.split(':');
    const uid = parseDecimal(uidText);
    if (uid !== undefined && home?.startsWith('/') === true && !homes.has(uid)) homes.set(uid, home);
  }
  return homes;
}
