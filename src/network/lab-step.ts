// A step of a lab's plan: what is done, and whether that is so already.

import type { NetworkUndo } from '../kernel/journal.ts';
import type { NetworkOperation, NetworkStep } from '../kernel/network-plan.ts';

export interface PlannedStep extends NetworkStep {
  /** It is so already. */
  readonly isRight: boolean;
}

export function step(
  operation: NetworkOperation,
  what: string,
  reason: string,
  { isRight, undo = null }: { readonly isRight: boolean; readonly undo?: NetworkUndo | null },
): PlannedStep {
  return { operation, what, reason, undo, isRight };
}
