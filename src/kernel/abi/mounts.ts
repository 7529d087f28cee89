// struct statmount, the answer of statmount(2), and what can be asked for. Source: include/uapi/linux/mount.h.
// Since: Linux 6.8; by the id of a mount namespace: 6.11. The same on x86_64 and arm64.

export const STATMOUNT_SB_BASIC = 0x1n;
export const STATMOUNT_MNT_BASIC = 0x2n;
export const STATMOUNT_PROPAGATE_FROM = 0x4n;
export const STATMOUNT_MNT_ROOT = 0x8n;
export const STATMOUNT_MNT_POINT = 0x10n;
export const STATMOUNT_FS_TYPE = 0x20n;
/** Options of the file system. Since: Linux 6.11. */
export const STATMOUNT_MNT_OPTS = 0x80n;
/** Since: Linux 6.13, both. */
export const STATMOUNT_FS_SUBTYPE = 0x100n;
export const STATMOUNT_SB_SOURCE = 0x200n;

/** The fixed part, after which the strings follow. */
export const STATMOUNT_LENGTH = 512;
/** Offsets in the fixed part. Those of strings hold an offset from its end. */
export const STATMOUNT_OFFSET = {
  size: 0,
  options: 4,
  mask: 8,
  superblockMajor: 16,
  superblockMinor: 20,
  superblockMagic: 24,
  superblockFlags: 32,
  fsType: 36,
  id: 40,
  parentId: 48,
  oldId: 56,
  oldParentId: 60,
  attributes: 64,
  propagation: 72,
  peerGroup: 80,
  master: 88,
  propagateFrom: 96,
  root: 104,
  mountPoint: 108,
  fsSubtype: 120,
  source: 124,
} as const;

/** struct mnt_id_req: size, 0, mount, parameter, mount namespace. */
export const MNT_ID_REQ_LENGTH = 32;
/** Stands for the root of a mount namespace in listmount(2). */
export const LSMT_ROOT = 0xffff_ffff_ffff_ffffn;
