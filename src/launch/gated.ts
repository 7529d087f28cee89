// A program that waits at a gate before its first step, and ends if nobody opens it.

import type { Program } from '../kernel/program.ts';
import { step } from './step.ts';

/** The descriptor on which a byte lets it go on. */
const GATE_FD = 3;

export function gated(program: Program, reason: string): Program {
  return {
    ...program,
    steps: [
      step('take the gate', 'to wait at it', { op: 'adopt', fd: GATE_FD, into: 'gate' }),
      step('wait at the gate', reason, { op: 'wait', slot: 'gate' }),
      step('close the gate', 'the command has no use for it', { op: 'close', slot: 'gate' }),
      ...program.steps,
    ],
  };
}
