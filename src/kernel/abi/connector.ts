// The connector and its process events. Source: include/uapi/linux/{connector.h,cn_proc.h}. Since: Linux 2.6.15.
// The same on x86_64 and arm64.

export const NETLINK_CONNECTOR = 11;

/** Both the group to listen to and the first half of the address of process events. */
export const CN_IDX_PROC = 1;
export const CN_VAL_PROC = 1;

/** struct cn_msg: index, value, sequence, acknowledgement, length, flags. */
export const CN_MSG_LENGTH = 20;
/** struct proc_event up to the union: what, cpu, timestamp. */
export const PROC_EVENT_HEADER_LENGTH = 16;

export const PROC_CN_MCAST_LISTEN = 1;
export const PROC_CN_MCAST_IGNORE = 2;

/** proc_event.what */
export const PROC_EVENT = {
  /** The answer to what a listener asked for. */
  NONE: 0,
  FORK: 0x1,
  EXEC: 0x2,
  UID: 0x4,
  GID: 0x40,
  SID: 0x80,
  PTRACE: 0x100,
  COMM: 0x200,
  COREDUMP: 0x4000_0000,
  EXIT: 0x8000_0000,
} as const;
