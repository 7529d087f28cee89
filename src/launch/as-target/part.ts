// What `enter --as-target` takes from the target process, by name.

import type { Explanation } from '../../kernel/program.ts';
import { byErrno, ERRNO } from '../../kernel/abi/errno.ts';
import { failureStatus } from '../explain-enter.ts';

/** `no-` before one on the command line switches it off. */
export const asTargetParts = [
  'ns',
  'root',
  'cwd',
  'env',
  'cgroup',
  /** With the supplementary groups. */
  'ids',
  /** With the bounding set. */
  'caps',
  /** no_new_privs */
  'nnp',
  /** Of SELinux or AppArmor. */
  'label',
  'limits',
  'umask',
  'oom',
  'seccomp',
] as const;

export type AsTargetPart = (typeof asTargetParts)[number];

/** Something that the command does not get from the target. */
export interface Uncopied {
  readonly what: string;
  readonly why: string;
}

/** For a step that may fail: what nsexec says then. */
export function remarks(what: string, whys: Parameters<typeof byErrno>[0]): readonly Explanation[] {
  return byErrno(whys).map(([errno, why]) => ({
    errno: ERRNO[errno],
    status: failureStatus,
    text: `nstool: not copied: ${what}: ${errno}\n  why: ${why}\n`,
  }));
}
