// Error numbers that the program's explanations name. Source: include/uapi/asm-generic/{errno-base.h,errno.h}.

export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EIO: 5,
  E2BIG: 7,
  ENOEXEC: 8,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  ENODEV: 19,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENOSPC: 28,
  ENOSYS: 38,
  ELOOP: 40,
  EBADFD: 77,
  EUSERS: 87,
  EOPNOTSUPP: 95,
  ETIMEDOUT: 110,
  ESTALE: 116,
  EMEDIUMTYPE: 124,
} as const;

export type ErrnoName = keyof typeof ERRNO;

export const errnoNames: readonly ErrnoName[] = Object.keys(ERRNO).filter(isErrnoName);

/** A table with a text for some of them, as a list. */
export function byErrno(
  texts: Readonly<Partial<Record<ErrnoName, string>>>,
): readonly (readonly [ErrnoName, string])[] {
  return Object.entries(texts).flatMap(([name, text]) => (isErrnoName(name) ? [[name, text] as const] : []));
}

function isErrnoName(word: string): word is ErrnoName {
  return Object.hasOwn(ERRNO, word);
}
