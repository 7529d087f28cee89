// Which names and mounts of a namespace can be taken away, and how. Nothing that runs or is open is touched.

import { valueOf } from '../kernel/host.ts';
import type { MountPlace, ReleaseOperation, ReleasePlan } from '../kernel/release.ts';
import { doorOf } from './discover/door-of.ts';
import type { Namespace, Scan } from './discover/scan.ts';
import type { Holder, MountHolder } from './holder.ts';
import { holdersOf } from './holders.ts';

/** Names and mounts: what can be taken away without ending or closing anything. */
export function isReleasable({ type }: Holder): boolean {
  return type === 'name' || type === 'mount';
}

/** Needs a deep scan. */
export function releasePlan(scan: Scan, namespace: Namespace): ReleasePlan {
  const { kind, inode, id = null } = namespace;
  const holders = holdersOf(scan, namespace);
  const names = holders.filter((holder) => holder.type === 'name');
  const mounts = holders.filter((holder) => holder.type === 'mount');
  const ours = mounts.filter(({ pid }) => pid === scan.host.self.pid);
  const theirs = mounts.filter(({ pid }) => pid !== scan.host.self.pid);
  const removals = new Map(names.map((name) => [name.path, removeName(scan, name)]));
  const operations = [
    ...names.filter(({ symlink }) => !symlink).map(unmountName),
    ...ours.flatMap((mount) => unmount(scan, mount)),
    ...removals.values(),
    ...theirs.flatMap((mount) => unmount(scan, mount)),
  ];
  return { namespace: { kind, inode, id }, operations };
}

type NameHolder = Extract<Holder, { type: 'name' }>;

function unmountName({ name, path }: NameHolder): ReleaseOperation {
  return { op: 'unmount', path, within: null, reason: `it is mounted there by the name ${name}` };
}

function removeName({ host }: Scan, { name, path, symlink }: NameHolder): ReleaseOperation {
  const link = symlink ? (valueOf(host.readLink(path)) ?? '') : null;
  return { op: 'remove', path, link, reason: symlink ? `the name ${name} is a link` : `the file of the name ${name}` };
}

/** Empty: nothing leads into that mount namespace. */
function unmount(scan: Scan, mount: MountHolder): readonly ReleaseOperation[] {
  const { path, pid, mountNamespace } = mount;
  if (pid === scan.host.self.pid) return [{ op: 'unmount', path, within: null, reason: 'it is mounted there' }];
  const within = placeOf(scan, mount);
  if (within === undefined) return [];
  return [{ op: 'unmount', path, within, reason: `it is mounted there in mnt:[${mountNamespace}]` }];
}

function placeOf(scan: Scan, { pid, mountNamespace }: MountHolder): MountPlace | undefined {
  if (mountNamespace === null) return undefined;
  if (pid !== null) return { inode: mountNamespace, door: `/proc/${pid}/ns/mnt`, root: `/proc/${pid}/root` };
  const above = scan.namespaces.get(`mnt:[${mountNamespace}]`);
  const door = above === undefined ? undefined : doorOf(above);
  return door === undefined || door.through.length > 0
    ? undefined
    : { inode: mountNamespace, door: door.at, root: null };
}
