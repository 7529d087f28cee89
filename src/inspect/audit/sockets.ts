// Sockets of the host through which another program acts for whoever connects: container engines, X servers.

import { valueOf, type FileStatus, type Host } from '../../kernel/host.ts';
import { memo } from '../../kernel/memo.ts';
import type { Mount } from '../../kernel/text/mountinfo.ts';
import { formatNamespaceLink } from '../../kernel/text/namespace-link.ts';
import { mountAt } from '../../kernel/mount-at.ts';
import { appearances } from './mount-places.ts';
import type { HostPlace, Surroundings } from './surroundings.ts';

interface HostSocket {
  readonly place: HostPlace;
  readonly file: FileStatus;
}

/** Where engines put theirs. */
const USUAL = [
  '/run/docker.sock',
  '/run/containerd/containerd.sock',
  '/run/crio/crio.sock',
  '/run/podman/podman.sock',
  '/run/buildkit/buildkitd.sock',
  '/run/cri-dockerd.sock',
  '/run/k3s/containerd/containerd.sock',
];

/** Wherever they are: by name, among those that are listened on in our network namespace. */
const NAME = /\/(?:docker|containerd|crio|podman|buildkitd|cri-dockerd)\.sock$/;

export const X_FOLDER = '/tmp/.X11-unix';

const sockets = memo<readonly HostSocket[]>();
const servers = memo<readonly HostPlace[]>();

const FILE_TYPE = 0o170_000;
const SOCKET = 0o140_000;

function runtimeSockets(around: Surroundings): readonly HostSocket[] {
  return sockets(around, '', () => {
    const own = around.own('net');
    const listening =
      valueOf(
        around.listeners(own === undefined ? 'ours' : formatNamespaceLink({ kind: 'net', inode: own }), 'self'),
      ) ?? [];
    const paths = [...USUAL, ...listening.filter((name) => name.startsWith('/') && NAME.test(name))];
    const found = new Map<string, HostSocket>();
    for (const path of new Set(paths.map(withoutOldRun))) {
      const socket = socketAt(around, path);
      if (socket !== undefined) found.set(`${socket.place.device} ${socket.place.inside}`, socket);
    }
    return [...found.values()];
  });
}

/** A socket of an engine as a target sees it. */
export interface SeenSocket {
  readonly path: string;
  readonly mount: Mount;
  readonly file: FileStatus;
  /** Where it is on the host. null: not where we can see it. */
  readonly hostPath: string | null;
}

/**
 * Those that a mount table shows: the host's by where they are, and what is mounted by itself under such a name, as the
 * engine may live in mount and network namespaces that are not ours.
 */
export function seenSockets(around: Surroundings, pid: number, mounts: readonly Mount[]): readonly SeenSocket[] {
  const known = runtimeSockets(around).flatMap(({ place, file }) =>
    appearances(mounts, place).map((seen): SeenSocket => ({ ...seen, file, hostPath: place.path })),
  );
  const paths = new Set(known.map(({ path }) => path));
  const named = mounts.flatMap((mount): readonly SeenSocket[] => {
    const { root, mountPoint: path } = mount;
    if ((!NAME.test(root) && !NAME.test(path)) || paths.has(path) || mountAt(mounts, path) !== mount) return [];
    const file = socketInRoot(around.host, pid, path);
    return file === undefined ? [] : [{ path, mount, file, hostPath: null }];
  });
  return [...known, ...named];
}

function socketInRoot(host: Host, pid: number, path: string): FileStatus | undefined {
  const file = valueOf(host.findInRoot({ root: `/proc/${pid}/root`, path }))?.status;
  return file !== undefined && (file.mode & FILE_TYPE) === SOCKET ? file : undefined;
}

/** /var/run is a link to /run, and what was bound there is called so. */
function withoutOldRun(path: string): string {
  return path.replace(/^\/var\/run\//, '/run/');
}

function socketAt(around: Surroundings, path: string): HostSocket | undefined {
  const file = valueOf(around.host.stat(path));
  const place = around.place(path);
  if (file === undefined || place === undefined || (file.mode & FILE_TYPE) !== SOCKET) return undefined;
  return { place, file };
}

export function displayServers(around: Surroundings): readonly HostPlace[] {
  return servers(around, '', () => {
    const names = valueOf(around.host.readDirectory(X_FOLDER)) ?? [];
    const paths = names.filter((name) => /^X[0-9]+$/.test(name)).map((name) => `${X_FOLDER}/${name}`);
    return paths.flatMap((path) => socketAt(around, path)?.place ?? []);
  });
}
