// /etc/passwd. Source: passwd(5). Lines that are not of its form (NIS markers, junk) name nobody and are passed over,
// as getpwuid(3) does; only the local file is read, no other name service is asked.

import { decodeText, parseDecimal } from './text.ts';

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

interface PasswdLine {
  /** Empty: it has none. */
  readonly name: string;
  readonly uid: number;
  readonly gid: number | undefined;
  /** undefined: the line is too short. */
  readonly home: string | undefined;
  readonly shell: string | undefined;
}

function linesOf(bytes: Uint8Array): readonly PasswdLine[] {
  return decodeText(bytes)
    .split('\n')
    .flatMap((line): PasswdLine[] => {
      const [name = '', , uidText, gidText, , home, shell] = line.split(':');
      const uid = parseDecimal(uidText);
      return uid === undefined ? [] : [{ name, uid, gid: parseDecimal(gidText), home, shell }];
    });
}

/** uid to name; the first line of a uid wins. */
export function parsePasswd(bytes: Uint8Array): ReadonlyMap<number, string> {
  return firsts(
    linesOf(bytes).filter(({ name }) => name !== ''),
    ({ name }) => name,
  );
}

/** uid to home directory, where it is an absolute path; the first such line of a uid wins. */
export function parsePasswdHomes(bytes: Uint8Array): ReadonlyMap<number, string> {
  return firsts(
    linesOf(bytes).filter(({ home }) => home?.startsWith('/') === true),
    ({ home = '' }) => home,
  );
}

/** uid to shell, where its first line names one. */
export function parsePasswdShells(bytes: Uint8Array): ReadonlyMap<number, string> {
  const shells = firsts(
    linesOf(bytes).filter(({ shell }) => shell !== undefined),
    ({ shell = '' }) => shell,
  );
  return new Map([...shells].filter(([, shell]) => shell !== ''));
}

/** By name, else by uid; the first line counts. undefined: there is none. */
export function findAccount(bytes: Uint8Array, word: string): Account | undefined {
  const accounts = linesOf(bytes).flatMap(({ name, uid, gid }): Account[] =>
    name === '' || gid === undefined ? [] : [{ name, uid, gid }],
  );
  const wanted = parseDecimal(word);
  return accounts.find(({ name }) => name === word) ?? accounts.find(({ uid }) => uid === wanted);
}

function firsts(lines: readonly PasswdLine[], field: (line: PasswdLine) => string): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const line of lines) if (!found.has(line.uid)) found.set(line.uid, field(line));
  return found;
}
