// The root of a container, taken apart: by the mount table of a process in it and the engine's files, no daemon asked.

import { gap, value, type Gap, type Reading } from '../kernel/host.ts';
import { parseMountinfo, type Mount } from '../kernel/text/mountinfo.ts';
import { parseOverlayOptions } from '../kernel/text/overlay-options.ts';
import type { Identity } from './identity.ts';
import { layerDigests, noDigests } from './layer-digests.ts';
import { isShort, layerDirectory, longName } from './layer-directory.ts';
import { pathHere } from './mount-identity.ts';
import { pathFrom, rootMount, treeIn, viewsAround, type TreeFiles, type View } from './views.ts';

/**
 * How a root is kept: as the engine calls its driver; `overlay` of an overlay that no engine's directories tell of;
 * `device` for a file system of its own; `directory` for one of the host's.
 */
export type StorageDriver =
  | 'overlay2'
  | 'overlay'
  | 'overlayfs'
  | 'fuse-overlayfs'
  | 'vfs'
  | 'btrfs'
  | 'zfs'
  | 'devicemapper'
  | 'device'
  | 'directory';

/** image: below the container's own. init: docker's, between both. data: contents only, no names. */
export type LayerRole = 'image' | 'init' | 'data';

export interface RootLayer {
  readonly role: LayerRole;
  /** Where we reach it. */
  readonly directory: string;
  /** As its engine numbers it; null: the directory does not tell. */
  readonly id: string | null;
  /** Of the image's layer, uncompressed; null: no file of the engine tells. */
  readonly digest: string | null;
  /** As the overlay names it, in `view`. */
  readonly path: string;
}

export interface ContainerRoot {
  readonly mount: Mount;
  readonly driver: StorageDriver;
  /** Of drivers without layers: the directory here. Absent (null) also where its file system is not mounted here. */
  readonly directory: string | null;
  /** What can only be read, from the bottom up. */
  readonly layers: readonly RootLayer[];
  /** What the container writes. Absent (null): nothing can be written, or the driver keeps it in no layer. */
  readonly writable: Omit<RootLayer, 'role' | 'digest'> | null;
  /** Where the layers' paths hold. Absent (null) where there are none, or nobody sees them. */
  readonly view: View | null;
  /** What should have told more. */
  readonly gaps: readonly Gap[];
}

/** Errors: as of reading the mount table; unsupported: the root is no mount. */
export function readRoot(files: TreeFiles, pid: number, identity: Identity): Reading<ContainerRoot> {
  const file = `/proc/${pid}/mountinfo`;
  const mounts = readMounts(files, file);
  if (!mounts.ok) return mounts;
  const mount = rootMount(mounts.value);
  if (mount === undefined) return gap({ reason: 'unsupported', what: `${file}: the root is no mount` });
  const own = readMounts(files, '/proc/self/mountinfo');
  if (!own.ok) return own;
  return value(
    mount.fsType === 'overlay' ? overlayRoot(files, pid, mount, own.value, identity) : plainRoot(mount, own.value),
  );
}

function readMounts(files: TreeFiles, file: string): Reading<readonly Mount[]> {
  const bytes = files.readFile(file);
  return bytes.ok ? parseMountinfo(bytes.value, file) : bytes;
}

function plainRoot(mount: Mount, own: readonly Mount[]): ContainerRoot {
  const driver = driverOf(mount);
  // fuse-overlayfs tells its layers nobody: not even in the mount's options.
  const gaps: readonly Gap[] =
    driver === 'fuse-overlayfs' ? [{ reason: 'unsupported', what: 'layers of fuse-overlayfs' }] : [];
  return {
    mount,
    driver,
    directory: pathHere(own, mount, mount.root) ?? null,
    layers: [],
    writable: null,
    view: null,
    gaps,
  };
}

function driverOf({ fsType, source, root }: Mount): StorageDriver {
  if (/fuse-overlayfs/.test(fsType)) return 'fuse-overlayfs';
  if (fsType === 'zfs') return 'zfs';
  if (fsType === 'btrfs') return 'btrfs';
  if (/\/vfs\/dir\/[^/]+$/.test(root)) return 'vfs';
  if (source.startsWith('/dev/mapper/docker-')) return 'devicemapper';
  return root === '/' && source.startsWith('/dev/') ? 'device' : 'directory';
}

function overlayRoot(
  files: TreeFiles,
  pid: number,
  mount: Mount,
  own: readonly Mount[],
  identity: Identity,
): ContainerRoot {
  const nothing = { mount, driver: 'overlay', directory: null, layers: [], writable: null, view: null } as const;
  const options = parseOverlayOptions(mount);
  if (options === undefined) return { ...nothing, gaps: [{ reason: 'unsupported', what: 'options of the overlay' }] };
  const views = viewsAround(files, pid, mount, identity);
  const gaps: Gap[] = [];
  const probe = options.upper ?? options.lower.at(-1) ?? '';
  const view = views.find((each) => canSee(files, each, absolute(probe, options.upper, each, identity)));
  // Mounted where nobody is left, or where we may not look: that hides what was written.
  if (view === undefined) gaps.push({ reason: 'unsupported', what: `${probe}: in no mount namespace that we see` });
  const at = view ?? { base: undefined, mounts: [] };
  const place = (told: string): Omit<RootLayer, 'role' | 'digest'> => {
    const path = lengthen(files, at, absolute(told, options.upper, at, identity), gaps);
    return { path, id: layerDirectory(path).id, directory: pathFrom(at, own, path) };
  };
  const writable = options.upper === null ? null : place(options.upper);
  const lower = options.lower.toReversed().map(place);
  const { home, driver } = layerDirectory(writable?.path ?? lower.at(0)?.path ?? '');
  const owner = identity.uid === null ? {} : { owner: identity.uid };
  const digests =
    home === null || view === undefined
      ? noDigests
      : layerDigests(files, { path: `${at.base ?? ''}${home}`, ...owner }, driver, identity.id);
  const layers = [
    ...options.data.toReversed().map((told): RootLayer => ({ ...place(told), role: 'data', digest: null })),
    ...lower.map((layer): RootLayer => {
      const isInit = layerDirectory(layer.path).isInit && layer.id === writable?.id;
      const digest = digests.byId.get(layer.id ?? '') ?? null;
      return isInit
        ? { ...layer, id: `${layer.id}-init`, role: 'init', digest: null }
        : { ...layer, role: 'image', digest };
    }),
  ];
  return {
    ...nothing,
    driver: driver ?? 'overlay',
    layers,
    writable,
    view: view ?? null,
    gaps: [...gaps, ...digests.gaps],
  };
}

function canSee(files: TreeFiles, view: View, path: string): boolean {
  return path.startsWith('/') && treeIn(files, view, { root: path, path: '', deep: false, limit: 0 }).ok;
}

/** With many layers engines mount from a folder of theirs, and name layers from there; some all, some but the lower. */
function absolute(path: string, upper: string | null, { base = '' }: View, { folder, engine }: Identity): string {
  if (path.startsWith('/')) return path;
  const { home, driver } = layerDirectory(upper ?? '');
  if (home !== null) return `${home}/${driver === 'overlayfs' ? 'snapshots' : driver}/${path}`;
  if (folder === null) return path;
  const theirs = base !== '' && folder.path.startsWith(`${base}/`) ? folder.path.slice(base.length) : folder.path;
  return `${theirs}/${engine === 'docker' ? 'overlay2' : 'overlay'}/${path}`;
}

function lengthen(files: TreeFiles, { base = '' }: View, path: string, gaps: Gap[]): string {
  if (!isShort(path)) return path;
  const link = files.readLink(`${base}${path}`);
  if (!link.ok) gaps.push(link.gap);
  return (link.ok ? longName(path, link.value) : undefined) ?? path;
}
