// Users with their groups. Source: passwd(5), group(5). Lines that are not of that form name nobody; only the local files
// are read, no other name service is asked.

import { decodeText, parseDecimal } from './text.ts';

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Of /etc/passwd: by name, else by uid; the first line counts. undefined: there is none. */
export function findAccount(passwd: Uint8Array, word: string): Account | undefined {
  const accounts = decodeText(passwd)
    .split('\n')
    .flatMap((line): Account[] => {
      const [name = '', , uidText, gidText] = line.split(':');
      const [uid, gid] = [parseDecimal(uidText), parseDecimal(gidText)];
      return name === '' || uid === undefined || gid === undefined ? [] : [{ name, uid, gid }];
    });
  const uid = parseDecimal(word);
  return accounts.find(({ name }) => name === word) ?? accounts.find((account) => account.uid === uid);
}

/** Of /etc/group: the gids of the groups that name the user, and that of the account; each once, ascending, as initgroups(3). */
export function groupsOf(group: Uint8Array, { name, gid }: Account): readonly number[] {
  const gids = decodeText(group)
    .split('\n')
    .flatMap((line) => {
      const [, , gidText, members = ''] = line.split(':');
      const number = parseDecimal(gidText);
      return number === undefined || !members.split(',').includes(name) ? [] : [number];
    });
  return [...new Set([gid, ...gids])].toSorted((a, b) => a - b);
}

/** The gid of a group's name; undefined: there is none. */
export function findGroup(group: Uint8Array, name: string): number | undefined {
  for (const line of decodeText(group).split('\n')) {
    const [found, , gid] = line.split(':');
    if (found === name) return parseDecimal(gid);
  }
  return undefined;
}
