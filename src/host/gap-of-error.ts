// From errno to the reason of a gap.

import { getSystemErrorName } from 'node:util';
import { gap, type GapReason, type Reading } from '../kernel/host.ts';

const reasons = new Map<string, GapReason>([
  ['ENOENT', 'gone'],
  ['ESRCH', 'gone'],
  ['ENOTDIR', 'gone'],
  ['ENODEV', 'gone'],
  ['EACCES', 'denied'],
  ['EPERM', 'denied'],
]);

export function gapOfErrno(what: string, errno: string): Reading<never> {
  return gap({ reason: reasons.get(errno) ?? 'unsupported', what, errno });
}

export function gapOfErrnoNumber(what: string, errno: number): Reading<never> {
  return gapOfErrno(what, getSystemErrorName(-errno));
}

/** For what node:fs throws. Anything without an errno is a bug and stays one. */
export function gapOfError(what: string, error: unknown): Reading<never> {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return gapOfErrno(what, error.code);
  throw error;
}
