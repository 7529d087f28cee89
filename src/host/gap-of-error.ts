// From errno to the reason of a gap.

import { getSystemErrorName } from 'node:util';
import { ERRNO } from '../kernel/abi/errno.ts';
import { NsError } from '../kernel/error.ts';
import { gap, type GapReason, type Reading } from '../kernel/host.ts';

const reasons = new Map<string, GapReason>([
  ['ENOENT', 'gone'],
  ['ESRCH', 'gone'],
  ['ENOTDIR', 'gone'],
  ['ENODEV', 'gone'],
  // A descriptor of another process, and the handle of a namespace, that are no more.
  ['EBADF', 'gone'],
  ['ESTALE', 'gone'],
  ['EACCES', 'denied'],
  ['EPERM', 'denied'],
]);

function gapOfErrno(what: string, errno: string): Reading<never> {
  return gap({ reason: reasons.get(errno) ?? 'unsupported', what, errno });
}

export function gapOfErrnoNumber(what: string, errno: number): Reading<never> {
  return gapOfErrno(what, errnoName(errno));
}

/** `EPERM`. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? getSystemErrorName(-errno);
}

/** libuv, whose names Node has, leaves some out. */
const names: ReadonlyMap<number, string> = new Map(Object.entries(ERRNO).map(([name, number]) => [number, name]));

/** For what node:fs throws. Anything without an errno is a bug and stays one. */
export function gapOfError(what: string, error: unknown): Reading<never> {
  // No system calls at all: koffi is missing.
  if (error instanceof NsError) return gap({ reason: 'unsupported', what: `${what}: ${error.facts.what}` });
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return gapOfErrno(what, error.code);
  throw error;
}
