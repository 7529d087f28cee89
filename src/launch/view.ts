// A directory in which things can be shown that it lacks, though nothing is written into it: a tmpfs with each of its
// entries bound, and room for more.

import { ERRNO } from '../kernel/abi/errno.ts';
import {
  AT_RECURSIVE,
  AT_SYMLINK_NOFOLLOW,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOSUID,
  OPEN_TREE_CLONE,
} from '../kernel/abi/mount-flags.ts';
import { valueOf, type FileStatus, type Host } from '../kernel/host.ts';
import type { Explanation, Slot, Step } from '../kernel/program.ts';
import { failureStatus } from './explain-enter.ts';
import { shown, step } from './step.ts';

/** Of a mode. Source: linux/stat.h. */
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;

export interface ViewEntry {
  readonly name: string;
  readonly type: 'directory' | 'file' | { readonly link: string };
}

/** Of a directory of our own; what can't be looked at is left out. */
export function entriesOf(host: Host, directory: string): readonly ViewEntry[] {
  const names = valueOf(host.readDirectory(directory)) ?? [];
  return names.toSorted().flatMap((name): ViewEntry | readonly [] => {
    const link = host.readLink(`${directory}/${name}`);
    if (link.ok) return { name, type: { link: link.value } };
    const status = valueOf(host.stat(`${directory}/${name}`));
    if (status === undefined) return [];
    return { name, type: isOfDirectory(status) ? 'directory' : 'file' };
  });
}

export function isOfDirectory({ mode }: FileStatus): boolean {
  return (mode & S_IFMT) === S_IFDIR;
}

/** A tmpfs with a place for each of the entries. */
export function emptyView(name: string, entries: readonly ViewEntry[], into: Slot): readonly Step[] {
  return [
    step(`make a tmpfs for ${name}`, 'it is in memory: nothing is written to any disk', {
      op: 'fsmount',
      type: 'tmpfs',
      options: ['mode=0755'],
      attributes: MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
      into,
    }),
    ...entries.map((entry) => place(entry, into)),
  ];
}

export function place({ name, type }: ViewEntry, dir: Slot): Step {
  if (type === 'directory')
    return step(`mkdir ${shown(name)}`, 'a place for it', { op: 'mkdir', dir, path: name, mode: 0o755 });
  if (type === 'file')
    return step(`make the file ${shown(name)}`, 'a place for it', {
      op: 'file',
      dir,
      path: name,
      mode: 0o644,
      bytes: '',
    });
  return step(`link ${shown(name)} to ${shown(type.link)}`, 'as it is', {
    op: 'symlink',
    dir,
    path: name,
    target: type.link,
  });
}

/** Binds in the view what stands in the directory `from`. The view must be attached already. */
export function fillView(entries: readonly ViewEntry[], from: Slot, view: Slot): readonly Step[] {
  const slot = 'entry';
  return entries
    .filter(({ type }) => typeof type === 'string')
    .flatMap(({ name }) => [
      step(
        `copy the mounts of ${shown(name)}`,
        'as it is, with all that is mounted in it',
        { op: 'tree', dir: from, path: name, flags: OPEN_TREE_CLONE | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW, into: slot },
        { try: true, explanations: notShown(name) },
      ),
      step(
        `attach them to ${shown(name)}`,
        'it is the same in there',
        { op: 'attach', slot, dir: view, path: name, flags: 0 },
        { try: true },
      ),
      step(
        'close it',
        'should the next not be there, this one is not taken for it',
        { op: 'close', slot },
        { try: true },
      ),
    ]);
}

function notShown(name: string): readonly Explanation[] {
  const errnos = ['EPERM', 'EACCES', 'EINVAL', 'ENOENT'] as const;
  return errnos.map((errno) => ({
    errno: ERRNO[errno],
    status: failureStatus,
    text: `nstool: ${shown(name)} is not to be seen in there: ${errno}\n`,
  }));
}
