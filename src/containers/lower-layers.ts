// What the layers below the writable one show together, a directory at a time, as overlayfs merges them.
// Source: Documentation/filesystems/overlayfs.rst, fs/overlayfs/readdir.c ovl_dir_read_merged().

import type { Gap, TreeEntry } from '../kernel/host.ts';
import type { ContainerRoot } from './root.ts';
import { treeIn, type TreeFiles } from './views.ts';
import { DIRECTORY, fileType, isWhiteout, MOST_ENTRIES } from './writable-layer.ts';

/** A name in a merged directory. */
export interface Below {
  readonly entry: TreeEntry;
  /** Of a directory: the layers whose contents it shows, from the top down. Empty: it is none. */
  readonly layers: readonly string[];
}

/** Of one directory, in the layers that show in it. What could not be read is added to the gaps. */
export function namesBelow(
  files: TreeFiles,
  { view }: ContainerRoot,
  layers: readonly string[],
  path: string,
  gaps: Gap[],
): ReadonlyMap<string, Below> {
  const names = new Map<string, { entry: TreeEntry | undefined; layers: string[]; open: boolean }>();
  for (const layer of view === null ? [] : layers) {
    const listed =
      view === null ? undefined : treeIn(files, view, { root: layer, path, deep: false, limit: MOST_ENTRIES });
    if (listed?.ok !== true) {
      if (listed !== undefined && listed.gap.reason !== 'gone') gaps.push(listed.gap);
      continue;
    }
    if (listed.value.cut)
      gaps.push({ reason: 'unsupported', what: `${layer}/${path}: more than ${MOST_ENTRIES} names` });
    gaps.push(...listed.value.gaps);
    for (const entry of listed.value.entries) {
      const isDirectory = fileType(entry) === DIRECTORY;
      const above = names.get(entry.path);
      if (above === undefined) {
        const shown = isWhiteout(entry) ? undefined : entry;
        names.set(entry.path, {
          entry: shown,
          layers: isDirectory ? [layer] : [],
          open: isDirectory && !isOpaque(entry),
        });
      } else if (above.open && isDirectory) {
        above.layers.push(layer);
        above.open = !isOpaque(entry);
      } else above.open = false;
    }
  }
  const shown = new Map<string, Below>();
  for (const [name, { entry, layers }] of names) if (entry !== undefined) shown.set(name, { entry, layers });
  return shown;
}

/** `y`; `x` says only that there are marks of deletion in it that are attributes. */
export function isOpaque({ attributes }: TreeEntry): boolean {
  return attributes.opaque === '79';
}
