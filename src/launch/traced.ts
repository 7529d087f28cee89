// A command that waits, before it is executed, until what it does is watched.

import { PR_SET_PDEATHSIG, SIGNAL_NUMBERS } from '../kernel/abi/process.ts';
import type { KernelText, Program } from '../kernel/program.ts';
import { execute, restoreInherited, type Caller } from './command.ts';
import { failureStatus } from './explain-enter.ts';
import { step } from './step.ts';

/** The descriptor on which a byte lets it go on. */
const GATE_FD = 3;

export function planTraced(command: readonly KernelText[], caller: Caller): Program {
  const steps = [
    step('end with nstool', 'whatever ends it: nobody would let this process go on', {
      op: 'prctl',
      option: PR_SET_PDEATHSIG,
      args: [BigInt(SIGNAL_NUMBERS.SIGKILL), 0n, 0n, 0n],
    }),
    step('take the gate', 'to wait at it', { op: 'adopt', fd: GATE_FD, into: 'gate' }),
    step('wait at the gate', 'nothing of the command is to be missed', { op: 'wait', slot: 'gate' }),
    ...restoreInherited(caller),
    execute({ command }, caller.env),
  ];
  return { steps, failureStatus, trace: false };
}
