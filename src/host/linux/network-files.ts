// The files of a network: /etc/netns/NAME, and the directories that they are in.

import { chmodSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { gap, value, type Reading } from '../../kernel/host.ts';

const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;

/** One that is there already is another lab's, and from now on ours too. */
export function makeFolder(path: string): Reading<unknown> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return value(null);
  mkdirSync(path, FOLDER_MODE);
  // Whatever the umask is: every user may see it, as ip-netns(8) has it.
  chmodSync(path, FOLDER_MODE);
  return value(null);
}

/** `replaces`: what it says now; null: it is not there. */
export interface NewFile {
  readonly path: string;
  readonly text: string;
  readonly replaces: string | null;
}

/** One that says so already was left when the system was started again. Another is replaced, whole at every moment. */
export function makeFile({ path, text, replaces }: NewFile): Reading<unknown> {
  const isFile = lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
  const says = isFile ? readFileSync(path, 'utf8') : null;
  if (says === text) return value(null);
  if (says !== replaces) return gap({ reason: 'unsupported', what: path, text: 'somebody else writes it, too' });
  const written = replaces === null ? path : `${path}.nstool`;
  if (replaces !== null) rmSync(written, { force: true });
  writeFileSync(written, text, { flag: 'wx', mode: FILE_MODE });
  chmodSync(written, FILE_MODE);
  if (replaces !== null) renameSync(written, path);
  return value(null);
}
