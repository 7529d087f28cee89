// Numbers of nsfs, the file system whose files are namespaces, and of the descriptors that lead to one.
// Source: include/uapi/linux/nsfs.h unless named otherwise. The same on x86_64 and arm64.

/** Source: include/uapi/linux/magic.h. */
export const NSFS_MAGIC = 0x6e736673;
/** Each sysfs superblock belongs to one network namespace. Source: include/uapi/linux/magic.h. */
export const SYSFS_MAGIC = 0x62656572;

/** The inodes of the initial namespaces. Those of mnt and net are fixed since Linux 6.18 only. */
export const INITIAL_USER_INODE = 0xeffffffdn;
export const INITIAL_PID_INODE = 0xeffffffcn;

/** struct mnt_ns_info: size, number of mounts, id of the mount namespace. Since: Linux 6.12. */
export const MNT_NS_INFO_LENGTH = 16;

/** Stands for the root of nsfs in open_by_handle_at(2). Source: include/uapi/linux/fcntl.h. Since: Linux 6.18. */
export const FD_NSFS_ROOT = -10003;
/** Source: include/linux/exportfs.h. Since: Linux 6.18. */
export const FILEID_NSFS = 0xf1;
/** struct nsfs_file_handle: id, type and inode. Source: include/uapi/linux/nsfs.h. Since: Linux 6.18. */
export const NSFS_HANDLE_LENGTH = 16;
