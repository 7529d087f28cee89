// How a step is written, and the names that steps share.

import type { Operation, Step } from '../kernel/program.ts';

export function step(label: string, reason: string, operation: Operation, more: Partial<Step> = {}): Step {
  return { label, reason, operation, explanations: [], ...more };
}

/** Labels and failures go to terminals, and what the target chose (its variables, its files' names) may be anything. */
export function shown(name: string): string {
  return name.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '?');
}

/** The slot that holds /proc/PID of the target. */
export const PROCESS_SLOT = 'process';

/** The slot that holds a pidfd of the target. */
export const PIDFD_SLOT = 'pidfd';

/** Set when the groups were dropped. */
export const GROUPS_MARK = 1;

/** Set when the namespaces of the process were joined by one call. */
export const AT_ONCE_MARK = 2;

/** The marks of the namespaces that are joined one by one begin here. */
export const FIRST_KIND_MARK = 3;

/** Set when the command has mounts of its own, for the files of the resolver; and the next one. */
export const NAMES_MARK = 20;

/** The same for its /proc; and the next two. */
export const PROC_MARK = 22;

/** The marks of raised limits begin here, one for each resource. */
export const FIRST_LIMIT_MARK = 32;
