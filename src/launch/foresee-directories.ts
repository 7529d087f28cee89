// What the kernel will say to the directories that were named: the new root, and the working directory.
// Source: open(2), chroot(2), chdir(2), path_resolution(7).

import type { GapTally } from '../kernel/gap-tally.ts';
import { gap, value, type FileStatus, type Host, type Reading } from '../kernel/host.ts';
import type { Door } from './doors.ts';
import type { EnterQuery } from './enter-query.ts';
import { refusedChange, refusedOpen } from './explain-enter.ts';
import { OURS, rootAfter } from './root-after.ts';
import { noRoot, type Refusal } from './rule.ts';

/** Of a mode. Source: linux/stat.h. */
const S_IFMT = 0o170000;
const S_IFDIR = 0o040000;

const GAP = 'directory that was named';

/** Before anything is entered: they are opened. */
export function foreseeOpening(
  host: Host,
  { root, workingDirectory }: EnterQuery,
  gaps: GapTally,
): Refusal | undefined {
  const [first] = [root, workingDirectory].flatMap((path) => {
    const status = typeof path === 'string' ? ours(host, path) : undefined;
    return typeof path !== 'string' || status === undefined ? [] : (closed(path, status, gaps) ?? []);
  });
  return first;
}

/** Once everything is entered: they are changed to, and what is meant in there is looked for. */
export function foreseeChange(
  host: Host,
  query: EnterQuery,
  doors: readonly Door[],
  gaps: GapTally,
): Refusal | undefined {
  const { root, workingDirectory, innerDirectory } = query;
  if (typeof root === 'string' && isOther(host.stat(root))) return noRoot;
  if (typeof workingDirectory === 'string' && isOther(host.stat(workingDirectory)))
    return refusedChange(workingDirectory, 'ENOTDIR');
  if (innerDirectory === undefined) return undefined;
  const status = inThere(host, query, doors, innerDirectory);
  const refusal = closed(`${innerDirectory} in there`, status, gaps);
  return refusal ?? (isOther(status) ? refusedChange(`${innerDirectory} in there`, 'ENOTDIR') : undefined);
}

function isOther(status: Reading<FileStatus>): boolean {
  return status.ok && (status.value.mode & S_IFMT) !== S_IFDIR;
}

function closed(path: string, status: Reading<FileStatus>, gaps: GapTally): Refusal | undefined {
  if (status.ok) return undefined;
  const refusal = refusedOpen(path, status.gap.errno);
  if (refusal === undefined) gaps.add(GAP, status.gap);
  return refusal;
}

function inThere(host: Host, query: EnterQuery, doors: readonly Door[], path: string): Reading<FileStatus> {
  const root = rootAfter(query, doors);
  // What --tools makes of several file systems is nowhere yet.
  if (root === undefined || query.tools !== undefined) return gap({ reason: 'unsupported', what: path });
  if (isDescriptor(path)) return ours(host, path);
  if (root === OURS) return host.stat(path);
  const found = host.findInRoot({ root, path });
  return found.ok ? value(found.value.status) : found;
}

function ours(host: Host, path: string): Reading<FileStatus> {
  return isDescriptor(path) ? gap({ reason: 'gone', what: path, errno: 'ENOENT' }) : host.stat(path);
}

/** nsexec has none but the first three when it opens these. */
function isDescriptor(path: string): boolean {
  return Number(/^\/(?:dev|proc\/self)\/fd\/([0-9]+)$/.exec(path)?.[1] ?? 0) > 2;
}
