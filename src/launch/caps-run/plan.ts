// A command with exactly the capabilities that were wished, or why that cannot be had.

import type { ExecCaller } from '../../capabilities/exec.ts';
import { GapTally } from '../../kernel/gap-tally.ts';
import { NsError } from '../../kernel/error.ts';
import type { Host } from '../../kernel/host.ts';
import type { KernelText, Program } from '../../kernel/program.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { callerOf, type CallerLook } from '../../inspect/exec/caller.ts';
import { predict, type ExecStep } from '../../inspect/exec/predict.ts';
import { execute, restoreInherited, type Caller } from '../command.ts';
import { failureStatus } from '../explain-enter.ts';
import { contradictionIn } from './contradiction.ts';
import { obstacleTo } from './obstacles.ts';
import { shortfall } from './shortfall.ts';
import { stepsTo } from './steps.ts';
import { stateBefore, type CapsWish } from './wish.ts';

export interface CapsRunPlan {
  readonly look: CallerLook;
  /** Right before execve(2). */
  readonly before: ExecCaller;
  /** Absent (null): no command, or it was not found. */
  readonly exec: ExecStep | null;
  /** Absent (null): no command. */
  readonly program: Program | null;
  /** What could not be foreseen, in a line; null: all was. */
  readonly unforeseen: string | null;
}

export interface CapsRunQuery {
  readonly wish: CapsWish;
  readonly command: readonly Uint8Array[];
  readonly trace: boolean;
}

/** Errors: DENIED, where it cannot be had; as of reading our own status. */
export function planCapsRun(host: Host, { wish, command, trace }: CapsRunQuery, caller: Caller): CapsRunPlan {
  const look = callerOf(host, host.self.pid, {}, new GapTally());
  const { all } = look.rules;
  const before = stateBefore(wish, look.caller);
  const obstacle = contradictionIn(wish, all) ?? obstacleTo(before, look.caller, all);
  if (obstacle !== undefined) throw refusal(obstacle, before, look);
  if (command.length === 0) return { look, before, exec: null, program: null, unforeseen: null };
  const { exec, unforeseen } = foresee(host, command, before);
  const problem = exec?.prediction == null ? undefined : shortfall(exec.prediction, wish, all);
  if (problem !== undefined) throw refusal(problem, before, look);
  return { look, before, exec, program: programOf(command, before, look, caller, trace), unforeseen };
}

function programOf(
  command: readonly KernelText[],
  before: ExecCaller,
  { caller: ours, rules }: CallerLook,
  caller: Caller,
  trace: boolean,
): Program {
  const steps = [...restoreInherited(caller), ...stepsTo(before, ours, rules.all), execute({ command }, caller.env)];
  return { steps, failureStatus, trace };
}

function foresee(
  host: Host,
  command: readonly Uint8Array[],
  before: ExecCaller,
): Pick<CapsRunPlan, 'exec' | 'unforeseen'> {
  const predicted = predict(host, host.self.pid, command.map(decodeText), {}, before);
  if ('reason' in predicted) return { exec: null, unforeseen: `what execve gives was not foreseen: ${predicted.what}` };
  return { exec: predicted.steps[0] ?? null, unforeseen: null };
}

/** Who is not root gets what is ambient, so that it has to be inheritable too; root gets its whole bounding set. */
function refusal(why: string, before: ExecCaller, { caller }: CallerLook): NsError {
  const isRoot = before.uids[1] === caller.root;
  const tryThis = isRoot ? hintForRoot(why) : hintForOthers(why);
  const what = 'the command cannot be had with exactly these capabilities';
  return new NsError('DENIED', { what, why, ...(tryThis === undefined ? {} : { tryThis }) });
}

function hintForRoot(why: string): string | undefined {
  return /would be permitted: .* as root/.test(why) ? '--secbits noroot: being root gives nothing then' : undefined;
}

function hintForOthers(why: string): string | undefined {
  return / would not be permitted/.test(why) ? "--caps '…=eip', or --ambient" : undefined;
}
