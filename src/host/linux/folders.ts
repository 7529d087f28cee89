// All directories of a hierarchy of cgroups. kernfs counts the subdirectories of a directory as its links (fs/kernfs/
// inode.c kernfs_refresh_inode()): whether there are any is told by lstat(2), at a third of what listing a cgroup's files
// costs.

import { lstatSync, readdirSync, type Dirent, type Stats } from 'node:fs';
import { gap, value, type FolderQuery, type Folders, type Gap, type Reading } from '../../kernel/host.ts';
import { decodeName } from '../../kernel/text/file-name.ts';
import { gapOfError } from '../gap-of-error.ts';
import { exact } from './exact-path.ts';

export function folders({ path, limit }: FolderQuery): Reading<Folders> {
  const top = statusOf(path);
  if (!top.ok) return top;
  const first = subfolders(path, '');
  if (!first.ok) return first;
  const paths: string[] = [];
  const gaps: Gap[] = [];
  // The last first: so each comes right before what is in it.
  const pending = first.value.toReversed();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (paths.length === limit) return value({ paths, cut: true, gaps });
    const status = statusOf(`${path}/${next}`);
    // What else is mounted there is none of its directories.
    if (status.ok && status.value.dev !== top.value.dev) continue;
    const within = status.ok ? (status.value.nlink === 2 ? NONE : subfolders(path, next)) : status;
    if (within.ok) {
      paths.push(next);
      for (let index = within.value.length - 1; index >= 0; index -= 1) pending.push(within.value[index] ?? '');
    } else if (within.gap.reason !== 'gone') {
      paths.push(next);
      gaps.push(within.gap);
    }
  }
  return value({ paths, cut: false, gaps });
}

const NONE: Reading<readonly string[]> = value([]);

function statusOf(path: string): Reading<Stats> {
  try {
    const status = lstatSync(exact(path), { throwIfNoEntry: false });
    if (status === undefined) return gap({ reason: 'gone', what: path, errno: 'ENOENT' });
    return status.isDirectory() ? value(status) : gap({ reason: 'gone', what: path, errno: 'ENOTDIR' });
  } catch (error) {
    return gapOfError(path, error);
  }
}

/** Of a directory below `path`, with its own path before them. */
function subfolders(path: string, below: string): Reading<readonly string[]> {
  const folder = below === '' ? path : `${path}/${below}`;
  const before = below === '' ? '' : `${below}/`;
  try {
    return value(namesIn(exact(folder)).map((name) => `${before}${name}`));
  } catch (error) {
    return gapOfError(folder, error);
  }
}

function namesIn(folder: string | Buffer): readonly string[] {
  const entries = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  if (!entries.some(({ name }) => name.includes('\uFFFD'))) return entries.map(({ name }) => name);
  const exactEntries: Dirent<Buffer>[] = readdirSync(folder, { withFileTypes: true, encoding: 'buffer' });
  return exactEntries.filter((entry) => entry.isDirectory()).map(({ name }) => decodeName(name));
}
