// What the directory of a layer tells, by where engines put theirs. Source: moby daemon/graphdriver/overlay2, containers
// storage drivers/overlay, containerd plugins/snapshots/overlay.

/** A directory as engines name them. null: the name does not tell. */
export interface LayerDirectory {
  /** As the engine numbers its layers. */
  readonly id: string | null;
  /** Docker's layer between image and container, for what it mounts files on. */
  readonly isInit: boolean;
  /** The engine's folder. */
  readonly home: string | null;
  readonly driver: 'overlay2' | 'overlay' | 'overlayfs' | null;
}

const DIFF = /^(?<home>\/.*)\/(?<driver>overlay2?)\/(?<id>[^/]+?)(?<init>-init)?\/diff[0-9]*$/s;
const SNAPSHOT = /^(?<home>\/.*)\/snapshots\/(?<id>[0-9]+)\/fs$/s;

export function layerDirectory(path: string): LayerDirectory {
  const { home = null, driver, id = null, init } = DIFF.exec(path)?.groups ?? {};
  if (id !== null) {
    return { id, isInit: init !== undefined, home, driver: driver === 'overlay2' ? 'overlay2' : 'overlay' };
  }
  const snapshot = SNAPSHOT.exec(path)?.groups;
  if (snapshot === undefined) return { id: null, isInit: false, home: null, driver: null };
  return { id: snapshot['id'] ?? null, isInit: false, home: snapshot['home'] ?? null, driver: 'overlayfs' };
}

/** The options of a mount are at most a page, so engines give layers short names: `HOME/l/NAME`, a link. */
export function isShort(path: string): boolean {
  return /(?:^|\/)l\/[A-Z0-9]{26}$/.test(path);
}

/** From what such a link says, and nothing else: in a user's home it could say anything. undefined: it is none. */
export function longName(path: string, link: string): string | undefined {
  const target = /^\.\.\/([^/]+\/diff[0-9]*)$/.exec(link)?.[1];
  return target === undefined ? undefined : `${path.slice(0, path.lastIndexOf('/l/'))}/${target}`;
}
