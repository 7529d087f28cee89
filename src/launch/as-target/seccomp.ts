// The seccomp filters of the target. The kernel shows them to a tracer alone, of a thread that stands still.
// Source: ptrace(2) PTRACE_SECCOMP_GET_FILTER (Linux 4.4, CONFIG_CHECKPOINT_RESTORE), seccomp(2).

import { SECCOMP_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW } from '../../kernel/abi/process.ts';
import type { Step } from '../../kernel/program.ts';
import { CAPABILITY } from '../../kernel/abi/capability.ts';
import { step } from '../step.ts';
import { hasInitially, hasInside, type Facts } from './facts.ts';
import { remarks, type Uncopied } from './part.ts';

export interface SeccompSteps {
  /** Right after the target was pinned. */
  readonly read: readonly Step[];
  /** Just before the exec. */
  readonly install: readonly Step[];
  readonly uncopied: readonly Uncopied[];
}

const WHAT = 'seccomp filter';
const MILLISECONDS = 1000;

export function copySeccomp(facts: Facts): SeccompSteps {
  const { theirs, ours, pid } = facts;
  const without = (why: string): SeccompSteps => ({ read: [], install: [], uncopied: [{ what: WHAT, why }] });
  const mode = theirs.masks.seccomp ?? 0;
  if ((ours.masks.seccomp ?? 0) !== 0)
    return without('we have a filter of our own, which the command keeps; who has one is not shown another');
  if (mode === 0) return { read: [], install: [], uncopied: [] };
  if (mode !== SECCOMP_FILTER) return without('the target is in strict mode, in which nothing can be executed');
  if (!hasInitially(facts, CAPABILITY.SYS_ADMIN))
    return without('the kernel shows it only to CAP_SYS_ADMIN in the initial user namespace');
  if (theirs.masks.noNewPrivileges !== true && !hasInside(facts, CAPABILITY.SYS_ADMIN))
    return without('without no_new_privs it needs CAP_SYS_ADMIN');
  const traced = 'another traces the target, or the system forbids tracing (kernel.yama.ptrace_scope 3)';
  const unreadable = 'this kernel does not keep it in a form that can be shown';
  const explanations = remarks(WHAT, {
    EPERM: traced,
    EACCES: 'the kernel shows it only to CAP_SYS_ADMIN in the initial user namespace',
    ETIMEDOUT: `the target did not stop within ${MILLISECONDS} ms: it is frozen, or waits in the kernel`,
    EINVAL: unreadable,
    EIO: unreadable,
    EMEDIUMTYPE: unreadable,
    ESRCH: 'the target has ended',
    E2BIG: 'it is too long',
  });
  const mayGuess = theirs.masks.speculativeStoreBypass === 'thread vulnerable';
  return {
    read: [
      step(
        'read the seccomp filters of the target',
        'by ptrace(2), which stops it for a moment; no-seccomp leaves it alone',
        { op: 'seccomp_of', pid, milliseconds: MILLISECONDS },
        { try: true, explanations },
      ),
    ],
    install: [
      step(
        'set the seccomp filters',
        'those of the target; last, as from here on they hold for nsexec too',
        { op: 'seccomp', flags: mayGuess ? SECCOMP_FILTER_FLAG_SPEC_ALLOW : 0 },
        { try: true, explanations: remarks(WHAT, { EACCES: 'without no_new_privs it needs CAP_SYS_ADMIN' }) },
      ),
    ],
    uncopied: [],
  };
}
