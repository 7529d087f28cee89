// What execve(2) will give a process, and what the program of a shell's command gets after that.

import { predictExec, type ExecCaller, type ExecPrediction, type ExecResult } from '../../capabilities/exec.ts';
import { GapTally, type CountedGap } from '../../kernel/gap-tally.ts';
import type { Gap, Host } from '../../kernel/host.ts';
import { callerOf, type Assumption, type CallerLook, type Changes } from './caller.ts';
import { findProgram, type ExecFailure, type Look } from './program-file.ts';
import { nextOf, type Following } from './shell-command.ts';

export interface ExecStep {
  /** As it was asked for. */
  readonly word: string;
  /** The file that counts. Absent (null): it was not found. */
  readonly path: string | null;
  /** Scripts on the way there. */
  readonly scripts: readonly string[];
  readonly before: ExecCaller;
  /** Absent (null): it fails before. */
  readonly prediction: ExecPrediction | null;
  /** Why it fails; null: it does not, or with EPERM, whose reason is in the prediction. */
  readonly failure: ExecFailure | null;
}

export interface Predicted {
  readonly pid: number;
  readonly look: CallerLook;
  readonly steps: readonly ExecStep[];
  /** What the last program starts, and we do not foresee. Absent (null): nothing that we know of. */
  readonly unforeseen: string | null;
  readonly assumptions: readonly Assumption[];
  readonly gaps: readonly CountedGap[];
}

/** No command line nests deeper by hand. */
const MOST_STEPS = 8;

/** `words` are a command and its arguments. `as` replaces what the process has. Errors: as of callerOf; a Gap. */
export function predict(
  host: Host,
  pid: number,
  words: readonly string[],
  changes: Changes,
  as: Partial<ExecCaller> = {},
): Predicted | Gap {
  const gaps = new GapTally();
  const look = callerOf(host, pid, changes, gaps);
  const assumptions = new Set(look.assumptions);
  const at: Look = { host, look, gaps, assume: (assumption) => assumptions.add(assumption) };
  const steps: ExecStep[] = [];
  let caller: ExecCaller = { ...look.caller, ...as };
  let command: readonly string[] | null = words;
  let unforeseen: string | null = null;
  while (command !== null && steps.length < MOST_STEPS) {
    const [word = '', ...args]: readonly string[] = command;
    const found = findProgram(at, caller, word);
    if ('gap' in found) return found.gap;
    if ('errno' in found) {
      steps.push({ word, path: null, scripts: [], before: caller, prediction: null, failure: found });
      break;
    }
    const { path, scripts, file } = found;
    const prediction = predictExec(caller, file, look.rules);
    steps.push({ word, path, scripts, before: caller, prediction, failure: null });
    if (prediction.after === null) break;
    caller = next(caller, prediction.after);
    // A script has arguments of its own, which its interpreter reads.
    const following: Following | null = scripts.length > 0 ? null : nextOf(path, args, prediction.after);
    command = following?.words ?? null;
    unforeseen = following?.unforeseen ?? null;
  }
  return { pid, look, steps, unforeseen, assumptions: [...assumptions], gaps: gaps.list() };
}

function next(caller: ExecCaller, after: ExecResult): ExecCaller {
  const { uids, gids, sets, securebits } = after;
  return { ...caller, uids, gids, sets, securebits };
}
