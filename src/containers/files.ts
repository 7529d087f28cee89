// The port as this room needs it, and how the files of engines are read: they are data of others. Some lie in the homes
// of plain users or inside containers, where anything may stand in their place.

import { gap, value, type Host, type Reading } from '../kernel/host.ts';
import { parseJson, type Json } from './json.ts';

/** What this room asks of a machine. */
export type Files = Pick<Host, 'self' | 'readFile' | 'readLink' | 'readDirectory' | 'stat'>;

/** Where an engine keeps its files. */
export interface Root {
  readonly path: string;
  /** The only user whose files are believed there. Absent: who can write there is root anyway. */
  readonly owner?: number;
}

const FILE_TYPE = 0o170_000;
const REGULAR = 0o100_000;

/**
 * A regular file, and nothing else: a FIFO would wait for ever, a device never end. With an owner, only a file of his:
 * a link in his home could lead to any file that we may read and he may not.
 */
export function readEngineFile(files: Files, path: string, owner?: number): Reading<Uint8Array> {
  const status = files.stat(path);
  if (!status.ok) return status;
  const { mode, uid } = status.value;
  if ((mode & FILE_TYPE) !== REGULAR) {
    return gap({ reason: 'malformed', what: path, line: 1, text: 'no regular file' });
  }
  if (owner !== undefined && uid !== owner) {
    return gap({ reason: 'denied', what: path, text: `owned by uid ${uid}, not ${owner}` });
  }
  return files.readFile(path);
}

/** Errors: as the port's, malformed. */
export function readEngineJson(files: Files, path: string, owner?: number): Reading<Json> {
  const bytes = readEngineFile(files, path, owner);
  return bytes.ok ? parseJson(bytes.value, path) : bytes;
}

/** The names in a directory; a directory that is not there has none. */
export function listDirectory(files: Files, path: string): Reading<readonly string[]> {
  const names = files.readDirectory(path);
  return !names.ok && names.gap.reason === 'gone' ? value([]) : names;
}
