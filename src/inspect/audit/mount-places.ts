// Where a file of one mount table stands in another: by the file system's number and the path below its root.

import { isWithin, mountAt } from '../../kernel/mount-at.ts';
import type { Mount } from '../../kernel/text/mountinfo.ts';
import type { HostPlace } from './surroundings.ts';

export function deviceOf({ major, minor }: Mount): string {
  return `${major}:${minor}`;
}

export interface Appearance {
  /** As a process with that mount table names it. */
  readonly path: string;
  readonly mount: Mount;
}

/** The paths at which a file or directory of the host is seen with this mount table, none of them hidden. */
export function appearances(mounts: readonly Mount[], { device, inside }: HostPlace): readonly Appearance[] {
  return mounts.flatMap((mount) => {
    if (deviceOf(mount) !== device || !isWithin(mount.root, inside)) return [];
    const rest = mount.root === '/' ? inside : inside.slice(mount.root.length);
    const path = mount.mountPoint === '/' ? rest : `${mount.mountPoint}${rest === '/' ? '' : rest}`;
    const shown = path === '' ? '/' : path;
    return mountAt(mounts, shown) === mount ? [{ path: shown, mount }] : [];
  });
}

/** Can something be written through this mount? */
export function isWritable({ options, superOptions }: Mount): boolean {
  return !options.includes('ro') && !superOptions.includes('ro');
}
