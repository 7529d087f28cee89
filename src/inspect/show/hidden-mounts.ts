// Which mounts cannot be reached, as another one lies over them. Source: mount(2), mount_namespaces(7).

import type { Mount } from '../../kernel/text/mountinfo.ts';

/**
 * The mount that hides each hidden one, by the id of that: one on top of it, one on a folder above its own, or what hides the
 * mount that it lies on.
 */
export function hiddenMounts(mounts: readonly Mount[]): ReadonlyMap<number, Mount> {
  const byId = new Map(mounts.map((mount) => [mount.id, mount]));
  const children = new Map<number, Mount[]>();
  for (const mount of mounts) {
    // The first root of all lies on itself.
    if (mount.parentId !== mount.id) children.set(mount.parentId, [...(children.get(mount.parentId) ?? []), mount]);
  }
  const cut = new Map<number, Mount | undefined>();
  /** What stands in the way to it; what lies on top of it does not. */
  const inTheWay = (mount: Mount): Mount | undefined => {
    if (cut.has(mount.id)) return cut.get(mount.id);
    // The table may be hostile: nobody is above himself.
    cut.set(mount.id, undefined);
    const siblings = children.get(mount.parentId) ?? [];
    const above = siblings.find((other) => other !== mount && isAbove(other.mountPoint, mount.mountPoint));
    const parent = byId.get(mount.parentId);
    const found = above ?? (parent === undefined ? undefined : inTheWay(parent));
    cut.set(mount.id, found);
    return found;
  };
  const hidden = new Map<number, Mount>();
  for (const mount of mounts) {
    const onTop = children.get(mount.id)?.find(({ mountPoint }) => mountPoint === mount.mountPoint);
    const by = onTop ?? inTheWay(mount);
    if (by !== undefined) hidden.set(mount.id, by);
  }
  return hidden;
}

function isAbove(folder: string, path: string): boolean {
  return folder !== path && (folder === '/' || path.startsWith(`${folder}/`));
}
