// What a container wrote: the upper layer of its overlay, walked. It is hostile: its container changes it meanwhile, and
// in a user namespace anybody mounts an overlay and calls its directories as he likes.

import { gap, valueOf, value, type Gap, type Reading, type Tree, type TreeEntry } from '../kernel/host.ts';
import { parseIdMap } from '../kernel/text/id-map.ts';
import type { ContainerRoot } from './root.ts';
import { treeIn, type TreeFiles } from './views.ts';

/** A walk takes about 25 microseconds an entry. */
export const MOST_ENTRIES = 200_000;

export interface WritableSize {
  /** Of all it takes on the disk, directories included, as `du -x` counts. Unit: bytes. */
  readonly disk: bigint;
  /** Of the contents of files, as `docker ps --size` counts. Unit: bytes. */
  readonly contents: bigint;
  /** What stands in it: files, directories, links, marks of what was deleted. */
  readonly entries: number;
  /** There is more than was counted. */
  readonly cut: boolean;
}

/** All that is in the writable layer. Errors: as the port's; denied: it is not the container's; unsupported: none seen. */
export function readWritable(files: TreeFiles, pid: number, { writable, view }: ContainerRoot): Reading<Tree> {
  if (writable === null || view === null)
    return gap({ reason: 'unsupported', what: writable?.path ?? 'a root without one' });
  const tree = treeIn(files, view, { root: writable.path, path: '', deep: true, limit: MOST_ENTRIES });
  if (!tree.ok) return tree;
  const refused = refusal(files, pid, tree.value.top, writable.directory);
  return refused === undefined ? value(tree.value) : gap(refused);
}

/** Who could mount it, could write there: in a user namespace its owner has an id. */
function refusal(files: TreeFiles, pid: number, { uid }: TreeEntry, what: string): Gap | undefined {
  const user = valueOf(files.readLink(`/proc/${pid}/ns/user`));
  if (user !== undefined && user === valueOf(files.readLink('/proc/self/ns/user'))) return undefined;
  const file = `/proc/${pid}/uid_map`;
  const bytes = files.readFile(file);
  const map = bytes.ok ? parseIdMap(bytes.value, file) : bytes;
  if (!map.ok) return map.gap;
  const isMapped = map.value.some(({ outside, count }) => outside !== null && uid >= outside && uid < outside + count);
  return isMapped ? undefined : { reason: 'denied', what, text: `owned by uid ${uid}, which its container has not` };
}

const FILE_TYPE = 0o170_000;
export const DIRECTORY = 0o040_000;
const CHARACTER_DEVICE = 0o020_000;

export function fileType({ mode }: TreeEntry): number {
  return mode & FILE_TYPE;
}

/** The mark on what was deleted. Source: fs/overlayfs/util.c ovl_is_whiteout(); the attribute since Linux 6.7. */
export function isWhiteout(entry: TreeEntry): boolean {
  if (fileType(entry) === CHARACTER_DEVICE) return entry.rdev === 0n;
  return entry.size === 0n && entry.attributes.whiteout !== undefined;
}

export function writableSize({ top, entries, cut }: Tree): WritableSize {
  const seen = new Set<bigint>();
  let disk = 0n;
  let contents = 0n;
  for (const entry of [top, ...entries]) {
    if (entry.links > 1 && fileType(entry) !== DIRECTORY) {
      if (seen.has(entry.ino)) continue;
      seen.add(entry.ino);
    }
    disk += 512n * entry.blocks;
    if (fileType(entry) !== DIRECTORY) contents += entry.size;
  }
  return { disk, contents, entries: entries.length, cut };
}
