// /etc/passwd. Source: passwd(5). Lines that are not of its form (NIS markers, junk) name nobody and are passed over,
// as getpwuid(3) does; only the local file is read, no other name service is asked.

import { decodeText, parseDecimal } from './text.ts';

/** uid to name; the first line of a uid wins. */
export function parsePasswd(bytes: Uint8Array): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  for (const line of decodeText(bytes).split('\n')) {
    const [name, , uidText] = line.split(':');
    const uid = parseDecimal(uidText);
    if (name !== undefined && name !== '' && uid !== undefined && !names.has(uid)) names.set(uid, name);
  }
  return names;
}
