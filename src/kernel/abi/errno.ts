// Error numbers that the program's explanations name. Source: include/uapi/asm-generic/{errno-base.h,errno.h}.

export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  E2BIG: 7,
  ENOEXEC: 8,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENOSPC: 28,
  ELOOP: 40,
  EBADFD: 77,
  EUSERS: 87,
  ESTALE: 116,
} as const;
