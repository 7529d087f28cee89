// How a step is written, and the names that steps share.

import type { Operation, Step } from '../kernel/program.ts';

export function step(label: string, reason: string, operation: Operation, more: Partial<Step> = {}): Step {
  return { label, reason, operation, explanations: [], ...more };
}

/** The slot that holds /proc/PID of the target. */
export const PROCESS_SLOT = 'process';

/** Set when the groups were dropped. The marks of the namespaces follow it. */
export const GROUPS_MARK = 1;
