// Flags of mount(2), open_tree(2), move_mount(2) and fsmount(2). Source: include/uapi/linux/mount.h, linux/fcntl.h. The
// same on x86_64 and arm64.

export const MS_BIND = 0x1000;
export const MS_REC = 0x4000;
export const MS_PRIVATE = 0x40000;
export const MS_SLAVE = 0x80000;
export const MS_SHARED = 0x100000;

export const OPEN_TREE_CLONE = 0x1;
export const AT_RECURSIVE = 0x8000;
export const AT_EMPTY_PATH = 0x1000;
export const AT_SYMLINK_NOFOLLOW = 0x100;

export const MOVE_MOUNT_T_SYMLINKS = 0x10;

export const MOUNT_ATTR_RDONLY = 0x1;
export const MOUNT_ATTR_NOSUID = 0x2;
export const MOUNT_ATTR_NODEV = 0x4;
export const MOUNT_ATTR_NOEXEC = 0x8;
