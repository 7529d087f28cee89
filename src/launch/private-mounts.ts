// A mount namespace of the command's own: what is mounted there nobody else sees, and with the command it is gone.

import { kindFacts } from '../kernel/abi/namespace-kinds.ts';
import { ERRNO } from '../kernel/abi/errno.ts';
import { MS_REC, MS_SLAVE } from '../kernel/abi/mount-flags.ts';
import type { Explanation, Step } from '../kernel/program.ts';
import { failureStatus } from './explain-enter.ts';
import { step } from './step.ts';

/** What is said when it cannot be done, after `nstool: `, and what is done without it. */
export interface Fallback {
  readonly what: string;
  readonly instead: string;
}

/** `steps` in a mount namespace of their own. Uses the marks `mark` and the next. */
export function privately(steps: readonly Step[], mark: number, fallback: Fallback): readonly Step[] {
  const [unshare, propagate] = unshareMounts(fallback.what, fallback);
  return attempt(unshare, mark, fallback, attempt(propagate, mark + 1, fallback, steps));
}

/** Without it nothing of what was asked for is possible. */
export function unshareMounts(what: string, fallback?: Fallback): readonly [Step, Step] {
  const texts = fallback === undefined ? { explanations: refusals(what) } : {};
  return [
    step(
      'unshare the mounts',
      'what follows is mounted for the command alone',
      {
        op: 'unshare',
        kinds: kindFacts('mnt').flagValue,
      },
      texts,
    ),
    step(
      'make all mounts slaves',
      'what is mounted outside still comes in, but nothing of ours goes out',
      {
        op: 'propagate',
        path: '/',
        type: MS_REC | MS_SLAVE,
      },
      texts,
    ),
  ];
}

/** `rest` only if `first` worked, else the fallback is said. */
export function attempt(first: Step, mark: number, fallback: Fallback, rest: readonly Step[]): readonly Step[] {
  return [
    { ...first, try: true, mark, explanations: remarks(fallback) },
    step(`skip ${rest.length} steps unless that worked`, fallback.instead, { op: 'unless', mark, count: rest.length }),
    ...rest,
  ];
}

const REFUSED = {
  EPERM: 'that needs CAP_SYS_ADMIN in the user namespace that owns our mounts, and nothing that forbids it',
  EACCES: 'a security module forbids it',
  EINVAL: 'our root is no mount point (chroot), or a mount may not be copied',
  ENOSPC: 'the limit on mount namespaces or mounts is reached (/proc/sys/user/max_mnt_namespaces, fs/mount-max)',
  ENOSYS: 'that needs Linux 5.2',
  ENOMEM: 'the kernel has no memory for it',
} as const;

const NAMES: readonly (keyof typeof REFUSED)[] = ['EPERM', 'EACCES', 'EINVAL', 'ENOSPC', 'ENOSYS', 'ENOMEM'];

function remarks({ what, instead }: Fallback): readonly Explanation[] {
  return NAMES.map((errno) => ({
    errno: ERRNO[errno],
    status: failureStatus,
    text: `nstool: cannot ${what}: ${errno}: ${instead}\n`,
  }));
}

/** For steps whose failure is the end. */
export function refusals(what: string, tryThis?: string): readonly Explanation[] {
  const advice = tryThis === undefined ? '' : `  try: ${tryThis}\n`;
  return NAMES.map((errno) => ({
    errno: ERRNO[errno],
    status: failureStatus,
    text: `nstool: cannot ${what}: ${errno}\n  why: ${REFUSED[errno]}\n${advice}`,
  }));
}
