// struct statmount, the answer of statmount(2), and what can be asked for. Source: include/uapi/linux/mount.h.
// Since: Linux 6.8; by the id of a mount namespace: 6.11. The same on x86_64 and arm64.

export const STATMOUNT_SB_BASIC = 0x1n;
export const STATMOUNT_MNT_BASIC = 0x2n;
export const STATMOUNT_MNT_ROOT = 0x8n;
export const STATMOUNT_MNT_POINT = 0x10n;
export const STATMOUNT_FS_TYPE = 0x20n;

/** The fixed part, after which the strings follow. */
export const STATMOUNT_LENGTH = 512;
/** Offsets in the fixed part. Those of strings hold an offset from its end. */
export const STATMOUNT_OFFSET = {
  size: 0,
  mask: 8,
  superblockMajor: 16,
  superblockMinor: 20,
  superblockMagic: 24,
  fsType: 36,
  id: 40,
  parentId: 48,
  oldId: 56,
  root: 104,
  mountPoint: 108,
} as const;

/** struct mnt_id_req: size, 0, mount, parameter, mount namespace. */
export const MNT_ID_REQ_LENGTH = 32;
/** Stands for the root of a mount namespace in listmount(2). */
export const LSMT_ROOT = 0xffff_ffff_ffff_ffffn;
