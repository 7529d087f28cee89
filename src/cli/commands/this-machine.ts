// What changes a machine changes the one that it runs on.

import { NsError } from '../../kernel/error.ts';
import { flag, type Invocation } from '../define-command.ts';

/** `recording`: of a target. Errors: USAGE. */
export function requireThisMachine(invocation: Invocation, recording?: string): void {
  if (!flag(invocation, 'from') && recording === undefined) return;
  throw new NsError('USAGE', { what: 'a recorded host cannot be changed', tryThis: 'leave --from out' });
}
