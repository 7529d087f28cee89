// From where the mounts of a container were made: the directories in their options are named as they were there. An
// engine in a container of its own, or a plain user's, sees other directories under the same names than we do.

import { valueOf, type Tree, type TreeQuery, type Host, type Reading } from '../kernel/host.ts';
import { parseMountinfo, type Mount } from '../kernel/text/mountinfo.ts';
import type { Files } from './files.ts';
import type { Identity } from './identity.ts';
import { ancestorOutside } from './kin.ts';
import { pathHere } from './mount-identity.ts';

/** What looking into a root asks of a machine. */
export type TreeFiles = Files & Pick<Host, 'tree'>;

/** A mount namespace, seen from ours. */
export interface View {
  /** The root of a process in it. Absent: it is our own. */
  readonly base: string | undefined;
  readonly mounts: readonly Mount[];
}

/** No engine runs in more containers. */
const MAX_VIEWS = 8;

/**
 * The mount namespaces of the processes above one, the nearest first, but not those with the same root: a shim or conmon
 * is in that of its engine. Ours is the last, unless the container is in another and so cannot be ours.
 */
export function viewsAround(files: Files, pid: number, root: Mount, { outer }: Identity): readonly View[] {
  const namespaceOf = (each: number): string | undefined => valueOf(files.readLink(`/proc/${each}/ns/mnt`));
  const own = valueOf(files.readLink('/proc/self/ns/mnt'));
  const ours: View = { base: undefined, mounts: mountsOf(files, 'self') };
  const seen = new Set([namespaceOf(pid)]);
  const views: View[] = [];
  for (let at: number | undefined = pid; views.length < MAX_VIEWS;) {
    at = ancestorOutside(files, at, (each) => seen.has(namespaceOf(each)));
    if (at === undefined) break;
    const namespace = namespaceOf(at);
    if (namespace === own) return [...views, ours];
    seen.add(namespace);
    const mounts = mountsOf(files, String(at));
    if (namespace !== undefined && !isOn(rootMount(mounts), root)) views.push({ base: `/proc/${at}/root`, mounts });
  }
  return outer.length === 0 ? [...views, ours] : views;
}

function mountsOf(files: Files, pid: string): readonly Mount[] {
  const file = `/proc/${pid}/mountinfo`;
  const bytes = valueOf(files.readFile(file));
  return bytes === undefined ? [] : (valueOf(parseMountinfo(bytes, file)) ?? []);
}

/** Of mounts on each other the last is on top. undefined: the root is no mount, as after chroot(2). */
export function rootMount(mounts: readonly Mount[]): Mount | undefined {
  return mounts.findLast(({ mountPoint }) => mountPoint === '/');
}

function isOn(one: Mount | undefined, other: Mount): boolean {
  return one?.major === other.major && one.minor === other.minor;
}

/** Where we reach a directory of theirs: by a path of ours if there is one. */
export function pathFrom(view: View, ours: readonly Mount[], path: string): string {
  if (view.base === undefined) return path;
  let best: Mount | undefined;
  for (const mount of view.mounts) {
    if (!isBelow(path, mount.mountPoint)) continue;
    if (best === undefined || mount.mountPoint.length >= best.mountPoint.length) best = mount;
  }
  if (best === undefined) return `${view.base}${path}`;
  const rest = best.mountPoint === '/' ? path : path.slice(best.mountPoint.length);
  return pathHere(ours, best, best.root === '/' ? rest || '/' : `${best.root}${rest}`) ?? `${view.base}${path}`;
}

function isBelow(path: string, folder: string): boolean {
  return folder === '/' || path === folder || path.startsWith(`${folder}/`);
}

/** A directory of theirs, listed. */
export function treeIn(files: TreeFiles, { base }: View, query: Omit<TreeQuery, 'base'>): Reading<Tree> {
  return files.tree(base === undefined ? query : { ...query, base });
}
