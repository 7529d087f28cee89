// /etc/group. Source: group(5). Lines that are not of its form name nothing and are passed over; only the local file is
// read, no other name service is asked.

import { decodeText, parseDecimal } from './text.ts';

/** Name to gid; the first line of a name wins. */
export function parseGroups(bytes: Uint8Array): ReadonlyMap<string, number> {
  const gids = new Map<string, number>();
  for (const line of decodeText(bytes).split('\n')) {
    const [name, , gidText] = line.split(':');
    const gid = parseDecimal(gidText);
    if (name !== undefined && name !== '' && gid !== undefined && !gids.has(name)) gids.set(name, gid);
  }
  return gids;
}
