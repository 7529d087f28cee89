// /etc/group. Source: group(5). Lines that are not of its form name nothing and are passed over; only the local file is
// read, no other name service is asked.

import type { Account } from './passwd.ts';
import { decodeText, parseDecimal } from './text.ts';

interface GroupLine {
  /** Empty: it has none. */
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

function linesOf(bytes: Uint8Array): readonly GroupLine[] {
  return decodeText(bytes)
    .split('\n')
    .flatMap((line): GroupLine[] => {
      const [name = '', , gidText, members = ''] = line.split(':');
      const gid = parseDecimal(gidText);
      return gid === undefined ? [] : [{ name, gid, members: members.split(',') }];
    });
}

/** Name to gid; the first line of a name wins. */
export function parseGroups(bytes: Uint8Array): ReadonlyMap<string, number> {
  const gids = new Map<string, number>();
  for (const { name, gid } of linesOf(bytes)) if (name !== '' && !gids.has(name)) gids.set(name, gid);
  return gids;
}

/** The gids of the groups that name the user, and that of the account; each once, ascending, as initgroups(3). */
export function groupsOf(bytes: Uint8Array, { name, gid }: Account): readonly number[] {
  const named = linesOf(bytes).filter(({ members }) => members.includes(name));
  return [...new Set([gid, ...named.map((group) => group.gid)])].toSorted((a, b) => a - b);
}
