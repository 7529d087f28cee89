// A cgroup of v1 may be renamed, within the one above it, by who may write there: root in a command that we started, too.
// Source: kernel/cgroup/cgroup-v1.c cgroup1_rename().

import type { CgroupPlace } from '../kernel/cgroup-plan.ts';
import { valueOf, type Host } from '../kernel/host.ts';

/** Where the cgroup of that inode is now; the same place, where it was not renamed, or is no more. */
export function placeNow(host: Host, place: CgroupPlace): CgroupPlace {
  const { mount, below, inode } = place;
  const folder = (names: string): string => (names === '' ? mount : `${mount === '/' ? '' : mount}/${names}`);
  const isIt = (names: string): boolean => valueOf(host.stat(folder(names)))?.ino === inode;
  if (inode === null || below === '' || isIt(below)) return place;
  const above = below.slice(0, Math.max(below.lastIndexOf('/'), 0));
  const siblings = valueOf(host.readDirectory(folder(above))) ?? [];
  const found = siblings.map((name) => (above === '' ? name : `${above}/${name}`)).find(isIt);
  return found === undefined ? place : { ...place, below: found };
}
