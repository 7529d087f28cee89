// Who a mount namespace belongs to, from the files that engines mount into it: their sources lie in the engine's own
// folders. For a process whose cgroup tells nothing: a private cgroup namespace seen from inside ("/"), a process that
// was moved, or that entered. The first 64 hex digits in a mount table are often those of a layer: only mounts on the
// paths that engines fill count. Source: moby daemon/container_operations_unix.go, containerd internal/cri, podman
// libpod/container_internal_linux.go, kubelet pkg/kubelet/kubelet_pods.go, systemd src/nspawn/nspawn-mount.c.

import type { Mount } from '../kernel/text/mountinfo.ts';
import type { Engine } from './identity.ts';

/** What a mount table tells. null: nothing told. */
export interface MountIdentity {
  readonly engine: Engine | null;
  readonly id: string | null;
  readonly name: string | null;
  readonly podUid: string | null;
  /** The mount that told most. Who owns its source could choose what it tells. */
  readonly mount: Mount;
  /** The engine's folder, with which `mount.root` begins. */
  readonly root: string | null;
}

interface Rule {
  readonly mountPoint: RegExp;
  readonly source: RegExp;
  readonly engine: Engine | null;
}

const ETC = /^\/etc\/(?:hostname|hosts|resolv\.conf)$/;
const USERDATA = /^\/(?:etc\/(?:hostname|hosts|resolv\.conf)|run\/\.containerenv)$/;
const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}';

/** Groups: root, id, name, pod. */
const rules: readonly Rule[] = [
  {
    mountPoint: ETC,
    source: /^(?<root>.*)\/containers\/(?<id>[0-9a-f]{64})\/(?:hostname|hosts|resolv\.conf)$/s,
    engine: 'docker',
  },
  {
    mountPoint: USERDATA,
    source: /^(?<root>.*)\/[^/]+-containers\/(?<id>[0-9a-f]{64})\/userdata\/[^/]+$/s,
    engine: 'podman',
  },
  // nerdctl: a folder for each of containerd's namespaces.
  {
    mountPoint: ETC,
    source: /^(?:.*)\/(?:containers|etchosts)\/[^/]+\/(?<id>[0-9a-f]{64})\/(?:hostname|hosts|resolv\.conf)$/s,
    engine: 'containerd',
  },
  // The id here is that of the pod's sandbox, which all its containers share.
  {
    mountPoint: ETC,
    source: /\/io\.containerd\.grpc\.v1\.cri\/sandboxes\/[0-9a-f]{64}\/[^/]+$/s,
    engine: 'containerd',
  },
  { mountPoint: /^\/etc\/hosts$/, source: new RegExp(`/pods/(?<pod>${UUID})/etc-hosts$`, 's'), engine: null },
  {
    mountPoint: /^\/dev\/termination-log$/,
    source: new RegExp(`/pods/(?<pod>${UUID})/containers/(?<name>[^/]+)/[^/]+$`, 's'),
    engine: null,
  },
  { mountPoint: /^\/run\/host\/incoming$/, source: /\/systemd\/nspawn\/propagate\/(?<name>[^/]+)$/s, engine: 'nspawn' },
  {
    mountPoint: /^\/$/,
    source: /\/(?:incus|lxd)\/(?:storage-pools\/[^/]+\/)?containers\/(?<name>[^/]+)\/rootfs$/s,
    engine: 'lxc',
  },
  { mountPoint: /^\/$/, source: /\/lxc\/(?<name>[^/]+)\/rootfs$/s, engine: 'lxc' },
];

/**
 * Source: /proc/PID/mountinfo. undefined: no engine's mounts. Of containers that share a network (`docker run --network
 * container:web`) docker's tell the one whose network it is.
 */
export function identifyMounts(mounts: readonly Mount[]): MountIdentity | undefined {
  let found: MountIdentity | undefined;
  for (const mount of mounts) {
    for (const rule of rules) {
      const groups = rule.mountPoint.test(mount.mountPoint) ? rule.source.exec(mount.root) : null;
      if (groups !== null) found = merge(found, identityOf(mount, rule, groups.groups ?? {}));
    }
  }
  // Of CRI-O's containers podman's folders tell, too: it uses the same storage.
  if (found?.engine === 'podman' && found.podUid !== null) return { ...found, engine: 'cri-o' };
  if (found !== undefined && found.engine === null) return { ...found, engine: 'cri' };
  return found;
}

function identityOf(mount: Mount, { engine }: Rule, groups: Readonly<Record<string, string>>): MountIdentity {
  const { id, name, pod, root } = groups;
  return {
    engine,
    id: id ?? (engine === 'lxc' || engine === 'nspawn' ? (name ?? null) : null),
    name: name ?? null,
    podUid: pod ?? null,
    mount,
    root: root ?? null,
  };
}

/** The last mount on a path is on top, so later ones win; `.containerenv` is the container's own, not its pod's. */
function merge(before: MountIdentity | undefined, found: MountIdentity): MountIdentity {
  if (before === undefined) return found;
  const keep = before.mount.mountPoint === '/run/.containerenv' && found.mount.mountPoint !== '/run/.containerenv';
  const own = keep || found.id === null ? before : found;
  return {
    engine: found.engine ?? before.engine,
    id: own.id,
    name: found.name ?? before.name,
    podUid: found.podUid ?? before.podUid,
    mount: own.mount,
    root: own.root,
  };
}

/** What the kernel appends to the path of what was removed; a name has no two slashes. Source: fs/d_path.c. */
const DELETED = '//deleted';

/**
 * Where the source of a mount of another namespace is in ours: a mount's root is a path within its file system, which
 * we may have mounted elsewhere, or in part: the mount that shows the least around it tells. undefined: not at all.
 */
export function pathHere(ours: readonly Mount[], mount: Mount, root: string): string | undefined {
  if (root.endsWith(DELETED)) return undefined;
  let best: Mount | undefined;
  for (const candidate of ours) {
    if (candidate.major !== mount.major || candidate.minor !== mount.minor) continue;
    if (candidate.root !== '/' && root !== candidate.root && !root.startsWith(`${candidate.root}/`)) continue;
    if (best === undefined || candidate.root.length > best.root.length) best = candidate;
  }
  if (best === undefined) return undefined;
  const rest = root.slice(best.root === '/' ? 0 : best.root.length).replace(/^\/$/, '');
  return best.mountPoint === '/' ? rest || '/' : `${best.mountPoint}${rest}`;
}
