// A mount as statmount(2) describes it, in the form of /proc/PID/mountinfo: what a mount namespace without a process holds.
// Source: statmount(2), fs/namespace.c, fs/proc_namespace.c, include/uapi/linux/mount.h. Since: Linux 6.12.

import {
  STATMOUNT_FS_SUBTYPE,
  STATMOUNT_MNT_OPTS,
  STATMOUNT_OFFSET,
  STATMOUNT_PROPAGATE_FROM,
  STATMOUNT_SB_SOURCE,
} from './abi/mounts.ts';
import { gap, value, type Reading } from './host.ts';
import { view } from './netlink/message.ts';
import { decodeStatMount, STATMOUNT_MASK, statmountText } from './statmount.ts';
import type { Mount } from './text/mountinfo.ts';

/** What such a mount is made of. */
export const MOUNT_MASK: bigint =
  STATMOUNT_MASK | STATMOUNT_PROPAGATE_FROM | STATMOUNT_MNT_OPTS | STATMOUNT_FS_SUBTYPE | STATMOUNT_SB_SOURCE;

/** null: it cannot be reached from the root of its namespace. Since Linux 6.13 its source is told. */
export function decodeMount(bytes: Uint8Array, what: string): Reading<Mount | null> {
  const read = decodeStatMount(bytes, what);
  if (!read.ok) return read;
  const { oldId, device, fsType, root, mountPoint } = read.value;
  if (fsType === null || root === null)
    return gap({ reason: 'malformed', what, text: `mount ${oldId} without a type` });
  if (mountPoint === null) return value(null);
  const fields = view(bytes);
  const [major = 0, minor = 0] = device.split(':').map(Number);
  const subtype = statmountText(bytes, STATMOUNT_FS_SUBTYPE, STATMOUNT_OFFSET.fsSubtype) ?? '';
  const source = statmountText(bytes, STATMOUNT_SB_SOURCE, STATMOUNT_OFFSET.source);
  const own = statmountText(bytes, STATMOUNT_MNT_OPTS, STATMOUNT_OFFSET.options) ?? '';
  return value({
    id: oldId,
    parentId: fields.getUint32(STATMOUNT_OFFSET.oldParentId, true),
    major,
    minor,
    root,
    mountPoint,
    options: mountOptions(fields.getBigUint64(STATMOUNT_OFFSET.attributes, true)),
    optionalFields: propagation(fields),
    fsType: subtype === '' ? fsType : `${fsType}.${subtype}`,
    source: source ?? '',
    ...(source === null ? { isSourceUntold: true as const } : {}),
    superOptions: [
      ...superblockOptions(fields.getUint32(STATMOUNT_OFFSET.superblockFlags, true)),
      ...(own === '' ? [] : own.split(',')),
    ],
  });
}

/** MOUNT_ATTR_*: a mask, its value, and the word in mountinfo, in the order there. */
const ATTRIBUTES: readonly (readonly [bigint, bigint, string])[] = [
  [0x2n, 0x2n, 'nosuid'],
  [0x4n, 0x4n, 'nodev'],
  [0x8n, 0x8n, 'noexec'],
  [0x70n, 0x10n, 'noatime'],
  [0x80n, 0x80n, 'nodiratime'],
  [0x70n, 0n, 'relatime'],
  [0x20_0000n, 0x20_0000n, 'nosymfollow'],
  [0x10_0000n, 0x10_0000n, 'idmapped'],
];

function mountOptions(attributes: bigint): readonly string[] {
  const words = ATTRIBUTES.filter(([mask, bits]) => (attributes & mask) === bits).map(([, , word]) => word);
  return [(attributes & 1n) === 0n ? 'rw' : 'ro', ...words];
}

/** SB_*. */
const SUPERBLOCK: readonly (readonly [number, string])[] = [
  [0x10, 'sync'],
  [0x80, 'dirsync'],
  [0x200_0000, 'lazytime'],
];

function superblockOptions(flags: number): readonly string[] {
  const words = SUPERBLOCK.filter(([bit]) => (flags & bit) !== 0).map(([, word]) => word);
  return [(flags & 1) === 0 ? 'rw' : 'ro', ...words];
}

const MS_UNBINDABLE = 0x2_0000n;
const MS_SLAVE = 0x8_0000n;
const MS_SHARED = 0x10_0000n;

function propagation(fields: DataView): readonly string[] {
  const number = (offset: number): bigint => fields.getBigUint64(offset, true);
  const kind = number(STATMOUNT_OFFSET.propagation);
  const [group, master] = [number(STATMOUNT_OFFSET.peerGroup), number(STATMOUNT_OFFSET.master)];
  const from = number(STATMOUNT_OFFSET.propagateFrom);
  return [
    ...((kind & MS_SHARED) === 0n ? [] : [`shared:${group}`]),
    ...((kind & MS_SLAVE) === 0n ? [] : [`master:${master}`]),
    ...((kind & MS_SLAVE) === 0n || from === 0n || from === master ? [] : [`propagate_from:${from}`]),
    ...((kind & MS_UNBINDABLE) === 0n ? [] : ['unbindable']),
  ];
}
