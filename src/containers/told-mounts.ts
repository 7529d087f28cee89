// What the mount table of a process tells of its container, and whether it is to be believed: in a user namespace
// anybody can mount anything of his own on /etc/hostname. So it counts as told by who owns the mounted file.

import { memo } from '../kernel/memo.ts';
import { valueOf, type Gap } from '../kernel/host.ts';
import { parseMountinfo, type Mount } from '../kernel/text/mountinfo.ts';
import { type Shelf } from './engine-reader.ts';
import type { Root } from './files.ts';
import { identifyMounts, pathHere, type MountIdentity } from './mount-identity.ts';

export interface ToldMounts extends MountIdentity {
  /** The plain user who told it; null: root. */
  readonly owner: number | null;
  /** The engine's folder, as we reach it. Absent (null): we do not, or the mounts did not tell. */
  readonly folder: Root | null;
}

const tables = memo<MountsRead>();
const own = memo<readonly Mount[]>();

/** Of one mount namespace, by any process in it. undefined: nothing told, or nobody to believe. */
export type MountsRead =
  { readonly told: ToldMounts | undefined; readonly gap: undefined } | { readonly told: undefined; readonly gap: Gap };

/** Cost: a link for each process, a mount table for each mount namespace. */
export function readMounts(shelf: Shelf, pid: number): MountsRead {
  const link = shelf.files.readLink(`/proc/${pid}/ns/mnt`);
  if (!link.ok) return { told: undefined, gap: link.gap };
  return tables(shelf, link.value, () => {
    const file = `/proc/${pid}/mountinfo`;
    const bytes = shelf.files.readFile(file);
    const mounts = bytes.ok ? parseMountinfo(bytes.value, file) : bytes;
    if (!mounts.ok) return { told: undefined, gap: mounts.gap };
    const identity = identifyMounts(mounts.value);
    return identity === undefined ? { told: undefined, gap: undefined } : believe(shelf, identity);
  });
}

function believe(shelf: Shelf, identity: MountIdentity): MountsRead {
  const ours = ownMounts(shelf);
  const source = pathHere(ours, identity.mount, identity.mount.root);
  if (source === undefined) return { told: undefined, gap: { reason: 'gone', what: identity.mount.root } };
  const status = shelf.files.stat(source);
  if (!status.ok) return { told: undefined, gap: status.gap };
  const { uid } = status.value;
  const path = identity.root === null ? undefined : pathHere(ours, identity.mount, identity.root);
  const folder = path === undefined ? null : uid === 0 ? { path } : { path, owner: uid };
  return { told: { ...identity, owner: uid === 0 ? null : uid, folder }, gap: undefined };
}

function ownMounts(shelf: Shelf): readonly Mount[] {
  return own(shelf, '', () => {
    const file = '/proc/self/mountinfo';
    const bytes = valueOf(shelf.files.readFile(file));
    return bytes === undefined ? [] : (valueOf(parseMountinfo(bytes, file)) ?? []);
  });
}
