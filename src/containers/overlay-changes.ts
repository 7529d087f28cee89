// Which paths a container changed, as `docker diff` lists them: what the writable layer holds, compared with what the
// layers below it show. Source: moby pkg/archive/changes.go, Documentation/filesystems/overlayfs.rst.

import type { Gap, Tree, TreeEntry } from '../kernel/host.ts';
import { isOpaque, namesBelow, type Below } from './lower-layers.ts';
import type { ContainerRoot } from './root.ts';
import type { TreeFiles } from './views.ts';
import { DIRECTORY, fileType, isWhiteout } from './writable-layer.ts';

export type ChangeKind = 'added' | 'changed' | 'deleted';

export interface Change {
  readonly kind: ChangeKind;
  /** Inside of the container. */
  readonly path: string;
}

export interface Changes {
  /** By path. Of what was deleted or added in one piece: a directory that is gone stands alone, all that is new is there. */
  readonly changes: readonly Change[];
  readonly gaps: readonly Gap[];
}

interface Comparison {
  readonly files: TreeFiles;
  readonly root: ContainerRoot;
  /** By the directory that they stand in. */
  readonly written: ReadonlyMap<string, readonly TreeEntry[]>;
  readonly changes: Change[];
  readonly gaps: Gap[];
}

/** `tree` is the writable layer; its own gaps are the caller's to tell. */
export function overlayChanges(files: TreeFiles, root: ContainerRoot, tree: Tree): Changes {
  const comparison: Comparison = { files, root, written: byFolder(tree), changes: [], gaps: [] };
  const layers = root.layers.filter(({ role }) => role !== 'data').toReversed();
  compareFolder(
    comparison,
    '',
    layers.map(({ path }) => path),
    isOpaque(tree.top),
  );
  const order = (path: string): string => path.replaceAll('/', '\0');
  const keyed = comparison.changes.map((change) => ({ change, key: order(change.path) }));
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return { changes: keyed.map(({ change }) => change), gaps: comparison.gaps };
}

function byFolder({ entries }: Tree): ReadonlyMap<string, readonly TreeEntry[]> {
  const folders = new Map<string, TreeEntry[]>();
  for (const entry of entries) {
    const folder = entry.path.slice(0, Math.max(entry.path.lastIndexOf('/'), 0));
    const known = folders.get(folder);
    if (known === undefined) folders.set(folder, [entry]);
    else known.push(entry);
  }
  return folders;
}

/** `hides`: nothing of the layers below shows through, so what is not written again is deleted. */
function compareFolder(comparison: Comparison, path: string, layers: readonly string[], hides: boolean): void {
  const { files, root, written, changes, gaps } = comparison;
  const below = namesBelow(files, root, layers, path, gaps);
  const names = new Set<string>();
  for (const entry of written.get(path) ?? []) {
    const name = entry.path.slice(path === '' ? 0 : path.length + 1);
    const before = below.get(name);
    names.add(name);
    if (!isWhiteout(entry)) compareEntry(comparison, entry, before, hides);
    else if (before !== undefined) changes.push({ kind: 'deleted', path: `/${entry.path}` });
  }
  for (const name of hides ? below.keys() : []) {
    if (!names.has(name)) changes.push({ kind: 'deleted', path: `${path === '' ? '' : `/${path}`}/${name}` });
  }
}

function compareEntry(comparison: Comparison, entry: TreeEntry, before: Below | undefined, hidden: boolean): void {
  const { changes, gaps } = comparison;
  const path = `/${entry.path}`;
  const kind = before === undefined ? 'added' : isChanged(before.entry, entry) ? 'changed' : undefined;
  if (kind !== undefined) changes.push({ kind, path });
  if (fileType(entry) !== DIRECTORY) return;
  // A directory that was renamed shows what is below under its old name: only with redirect_dir, which engines turn off.
  if (entry.attributes.redirect !== undefined) {
    gaps.push({ reason: 'unsupported', what: `${path}: renamed, what it brought along is not listed` });
  }
  const count = changes.length;
  compareFolder(comparison, entry.path, before?.layers ?? [], hidden || isOpaque(entry));
  // Engines list the directories around a change, too.
  if (kind === undefined && changes.length > count) changes.push({ kind: 'changed', path });
}

/** What a change of contents leaves: a directory has another size and time with every name in it. */
function isChanged(before: TreeEntry, after: TreeEntry): boolean {
  const same: readonly (keyof TreeEntry)[] = ['mode', 'uid', 'gid', 'rdev'];
  if (same.some((key) => before[key] !== after[key])) return true;
  if (before.attributes.capability !== after.attributes.capability) return true;
  return fileType(after) !== DIRECTORY && (before.size !== after.size || before.modified !== after.modified);
}
