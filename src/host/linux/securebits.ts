// Our own securebits.

import { value, type Reading } from '../../kernel/host.ts';
import { libc, LibcError } from '../ffi/libc.ts';
import { gapOfErrnoNumber } from '../gap-of-error.ts';

/** Source: include/uapi/linux/prctl.h. */
const PR_GET_SECUREBITS = 27;

export function securebits(): Reading<number> {
  try {
    return value(libc().prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
  } catch (error) {
    if (error instanceof LibcError) return gapOfErrnoNumber('prctl PR_GET_SECUREBITS', error.errno);
    throw error;
  }
}
