// What a container has from its host: volumes of its engine, and directories of the host, by its mount table; how they
// are called, where the table does not tell, by the engine's files. Source: proc_pid_mountinfo(5), moby volume/local,
// podman libpod/volume.go, kubelet pkg/kubelet/kubelet_getters.go.

import { value, type Gap, type Reading } from '../kernel/host.ts';
import { parseMountinfo, type Mount } from '../kernel/text/mountinfo.ts';
import { readEngineJson, type Files } from './files.ts';
import type { Identity } from './identity.ts';
import { at, textAt } from './json.ts';
import { pathHere } from './mount-identity.ts';

export interface Volume {
  /** bind: a path of the host, of which its engine keeps no record of its own. */
  readonly type: 'volume' | 'bind';
  /** Absent (null) of a bind. */
  readonly name: string | null;
  /** `local`, a plugin's name, `kubernetes.io/empty-dir`; null: nothing tells. */
  readonly driver: string | null;
  /** Where its files are here. Absent (null): its file system is not mounted here, and no file tells. */
  readonly source: string | null;
  readonly mount: Mount;
}

export interface Volumes {
  readonly volumes: readonly Volume[];
  readonly gaps: readonly Gap[];
}

/** Errors: as of reading the mount tables. */
export function readVolumes(files: Files, pid: number, identity: Identity): Reading<Volumes> {
  const mounts = readMounts(files, String(pid));
  const own = readMounts(files, 'self');
  if (!mounts.ok) return mounts;
  if (!own.ok) return own;
  const { told, gaps } = toldByDocker(files, identity);
  const volumes = mounts.value.flatMap((mount) => volumeOf(mount, own.value, told.get(mount.mountPoint)) ?? []);
  return value({ volumes, gaps });
}

function readMounts(files: Files, pid: string): Reading<readonly Mount[]> {
  const file = `/proc/${pid}/mountinfo`;
  const bytes = files.readFile(file);
  return bytes.ok ? parseMountinfo(bytes.value, file) : bytes;
}

/** What an engine's file says of a mount, by where it is inside. */
interface Told {
  readonly name: string | null;
  readonly driver: string | null;
  readonly source: string | null;
}

/** Source: moby container/container.go, volume/mounts/mounts.go. */
function toldByDocker(
  files: Files,
  { engine, folder, id }: Identity,
): { readonly told: ReadonlyMap<string, Told>; readonly gaps: readonly Gap[] } {
  const told = new Map<string, Told>();
  if (engine !== 'docker' || folder === null || id === null) return { told, gaps: [] };
  const config = readEngineJson(files, `${folder.path}/containers/${id}/config.v2.json`, folder.owner);
  // Of docker's tasks containerd's folder may be all that is known.
  if (!config.ok) return { told, gaps: config.gap.reason === 'gone' ? [] : [config.gap] };
  const points = at(config.value, 'MountPoints');
  for (const [target, point] of Object.entries(typeof points === 'object' && points !== null ? points : {})) {
    const source = textAt(point, 'Source');
    told.set(target, { name: textAt(point, 'Name'), driver: textAt(point, 'Driver'), source });
  }
  return { told, gaps: [] };
}

/** File systems that are the kernel's: every container has some of its own. */
const KERNELS =
  /^(?:proc|sysfs|cgroup2?|dev(?:pts|tmpfs)|mqueue|(?:security|debug|trace|config|hugetlb|efivar|selinux|auto|ns)fs|bpf|pstore|fusectl|binfmt_misc)$/;

/** What engines mount into every container: files with its name, its own /dev/shm, secrets of theirs. */
const ENGINES = [
  /\/containers\/[0-9a-f]{64}\/(?:hostname|hosts|resolv\.conf|mounts\/shm)$/,
  /\/[^/]+-containers\/[0-9a-f]{64}\/userdata\//,
  /\/io\.containerd\.grpc\.v1\.cri\/sandboxes\/[0-9a-f]{64}\//,
  /\/pods\/[^/]+\/(?:etc-hosts|containers\/[^/]+\/[^/]+)$/,
  /\/systemd\/(?:nspawn\/propagate|machines)\//,
];

function volumeOf(mount: Mount, own: readonly Mount[], told: Told | undefined): Volume | undefined {
  if (mount.mountPoint === '/') return undefined;
  const here = pathHere(own, mount, mount.root) ?? null;
  if (told !== undefined) {
    const source = here ?? told.source;
    return { type: told.name === null ? 'bind' : 'volume', name: told.name, driver: told.driver, source, mount };
  }
  const path = here ?? mount.root;
  if (ENGINES.some((pattern) => pattern.test(path))) return undefined;
  const named = nameOf(path);
  if (named !== undefined) return { type: 'volume', ...named, source: here, mount };
  if (here === null || KERNELS.test(mount.fsType)) return undefined;
  return { type: 'bind', name: null, driver: null, source: here, mount };
}

const UID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}';
const NAMED = /\/volumes\/(?<name>[^/]+)\/_data(?:\/|$)/;
const KUBERNETES = new RegExp(`/pods/(?:${UID})/volumes/(?<driver>[^/]+)/(?<name>[^/]+)(?:/|$)`);
const SUBPATH = new RegExp(`/pods/(?:${UID})/volume-subpaths/(?<name>[^/]+)/[^/]+/[0-9]+$`);

/** By where engines keep volumes. */
function nameOf(path: string): { readonly name: string; readonly driver: string | null } | undefined {
  const groups = (KUBERNETES.exec(path) ?? SUBPATH.exec(path) ?? NAMED.exec(path))?.groups;
  const { name, driver } = groups ?? {};
  if (name === undefined) return undefined;
  // kubelet's names of plugins, in which ~ stands for /.
  return { name, driver: driver === undefined ? (NAMED.test(path) ? 'local' : null) : driver.replace('~', '/') };
}
