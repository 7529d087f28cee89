// A machine as an object literal: what its files hold, by path.

import { gap, value, type Reading } from '../../../src/kernel/host.ts';
import { excerptOf } from '../../../src/containers/excerpt.ts';
import type { Files } from '../../../src/containers/files.ts';

/** A text is a file of root's; `link` is a symbolic link; an errno is the answer to any question. */
export type Entry =
  | string
  | { readonly text: string | Uint8Array; readonly uid?: number; readonly mode?: number }
  | { readonly link: string }
  | { readonly errno: 'EACCES' };

export interface FakeFiles extends Files {
  /** How often each path was read. */
  readonly reads: ReadonlyMap<string, number>;
}

export function fakeFiles(entries: Readonly<Record<string, Entry>>): FakeFiles {
  const reads = new Map<string, number>();
  const ask = <T>(path: string, answer: (entry: Entry) => T | undefined): Reading<T> => {
    const denied = Object.keys(entries).find(
      (key) => (path === key || path.startsWith(`${key}/`)) && isDenied(entries[key]),
    );
    if (denied !== undefined) return gap({ reason: 'denied', what: path, errno: 'EACCES' });
    const entry = entries[path];
    const answered = entry === undefined ? undefined : answer(entry);
    return answered === undefined ? gap({ reason: 'gone', what: path, errno: 'ENOENT' }) : value(answered);
  };
  const namesIn = (path: string): string[] => {
    const below = Object.keys(entries).filter((key) => key.startsWith(`${path}/`));
    return [...new Set(below.map((key) => key.slice(path.length + 1).split('/')[0] ?? ''))];
  };
  return {
    reads,
    self: { pid: 1, uid: 0 },
    readFile: (path) => {
      reads.set(path, (reads.get(path) ?? 0) + 1);
      return ask(path, bytesOf);
    },
    readLink: (path) => ask(path, (entry) => (typeof entry === 'object' && 'link' in entry ? entry.link : undefined)),
    readDirectory: (path) => {
      const names = namesIn(path);
      return names.length > 0 ? value(names) : ask<readonly string[]>(path, () => undefined);
    },
    stat: (path) => {
      const found = ask(path, statusOf);
      return !found.ok && found.gap.reason === 'gone' && namesIn(path).length > 0
        ? value({ ...NO_STATUS, mode: 0o040_755 })
        : found;
    },
  };
}

const NO_STATUS = { dev: 1n, ino: 1n, mode: 0o100_644, uid: 0, gid: 0 };

function isDenied(entry: Entry | undefined): boolean {
  return typeof entry === 'object' && 'errno' in entry;
}

function bytesOf(entry: Entry): Uint8Array | undefined {
  if (typeof entry === 'string') return new TextEncoder().encode(entry);
  if (!('text' in entry)) return undefined;
  return typeof entry.text === 'string' ? new TextEncoder().encode(entry.text) : entry.text;
}

function statusOf(entry: Entry): typeof NO_STATUS | undefined {
  if (typeof entry === 'string') return NO_STATUS;
  return 'text' in entry ? { ...NO_STATUS, uid: entry.uid ?? 0, mode: entry.mode ?? 0o100_644 } : undefined;
}

/** The same machine, of whose engines' files only the excerpts are there. */
export function excerpts<F extends Files>(files: F): F {
  return {
    ...files,
    readFile: (path) => {
      const bytes = files.readFile(path);
      return bytes.ok && !path.startsWith('/proc/') ? excerptOf(path, bytes.value) : bytes;
    },
  };
}

/** What /proc holds of a process. */
export function aProcess(
  pid: number,
  of: {
    readonly cgroup: string;
    readonly ppid?: number;
    readonly cmdline?: readonly string[];
    readonly mounts?: string;
    readonly cwd?: string;
    readonly uid?: number;
    readonly comm?: string;
    readonly children?: readonly number[];
  },
): Record<string, Entry> {
  const folder = `/proc/${pid}`;
  return {
    [folder]: { text: '', uid: of.uid ?? 0, mode: 0o040_555 },
    [`${folder}/cgroup`]: of.cgroup.includes(':/') ? of.cgroup : `0::${of.cgroup}\n`,
    [`${folder}/stat`]: `${pid} (${of.comm ?? 'sleep'}) S ${of.ppid ?? 1} 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5 0 0\n`,
    [`${folder}/cmdline`]: (of.cmdline ?? ['sleep']).map((word) => `${word}\0`).join(''),
    [`${folder}/mountinfo`]: of.mounts ?? '22 1 254:0 / / rw - ext4 /dev/vda rw\n',
    [`${folder}/ns/mnt`]: { link: `mnt:[${of.mounts === undefined ? 4_026_531_841 : 4_026_532_000 + pid}]` },
    [`${folder}/cwd`]: { link: of.cwd ?? '/' },
    [`${folder}/task/${pid}/children`]: (of.children ?? []).map((child) => `${child} `).join(''),
  };
}
