import { limitResults, type LimitResult } from '../../cgroups/limit-outcome.ts';
import type { LimitPlan } from '../../cgroups/limit-plan.ts';
import { newId } from '../../host/linux/journal.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import type { Host } from '../../kernel/host.ts';
import type { Program } from '../../kernel/program.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { planCgroupRun, type CgroupRunPlan, type CgroupRunQuery } from '../../launch/cgroup-run/plan.ts';
import { stepsToMake } from '../../launch/cgroup-run/making-steps.ts';
import { plainProgram, programOf } from '../../launch/cgroup-run/program.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { renderJson, type Json } from '../../render/json.ts';
import { callerOf } from '../caller.ts';
import {
  flag,
  optionValue,
  type CommandDefinition,
  type Context,
  type Invocation,
  type Outcome,
} from '../define-command.ts';
import { errorStatus } from '../error-text.ts';
import { ourselves } from '../installation.ts';
import { bestEffortOption, limitOptions, wishOf } from './cgroup-limit-options.ts';
import { limitError, limitJson, limitNotes, madeText, writeJson } from './cgroup-limit-rows.ts';
import { stepList } from './step-list.ts';
import { requireThisMachine } from './this-machine.ts';

export const cgroupRun: CommandDefinition = {
  name: 'cgroup run',
  summary: 'start a program with limits, in a cgroup that goes with it',
  operands: '[--] COMMAND…',
  arity: [0, 0],
  description: [
    'Makes a cgroup in each hierarchy that the limits need, sets and reads them back, and starts COMMAND in it: the limits',
    'stand before its first instruction. What became of each is told on standard error: applied, rounded, not delegated',
    '(which file, whose), unknown to this kernel. One that cannot be had is the end of it, status 125, before COMMAND starts;',
    '--best-effort goes on without it, and without a cgroup where we may make none. Without any limit COMMAND just gets a',
    'cgroup.',
    '',
    'The cgroups are called nstool-ID and vanish with COMMAND: what it left running in them is killed. A small process waits',
    'outside of them for that, passes signals on, and ends as COMMAND did. If a limit was met it says so in a line: who was',
    'killed for memory, how often a fork failed. If that process is killed too, nstool gc removes what is left.',
    '',
    '--memory alone also forbids swap, which would evade it; --swap allows some. --freeze starts it frozen, before its first',
    'instruction: nstool cgroup set PID --thaw lets it go on.',
    '',
    'As root the cgroups lie below the root of each hierarchy; as a plain user below the nearest that was delegated to it,',
    "which systemd's user manager does on demand (see the examples). Controllers that the parent on cgroup v2 does not hand",
    'on are switched on in it, and off again where nothing else is below it.',
  ],
  options: [
    ...limitOptions,
    { long: 'parent', value: 'PATH|TARGET', help: 'below this cgroup: a path in each hierarchy, or that of a process' },
    bestEffortOption,
    { long: 'dry-run', help: 'print the steps, change nothing' },
    { long: 'json', short: 'J', help: 'with --dry-run: as JSON' },
    { long: 'verbose', short: 'v', help: 'say each step of the start and of the end as it happens' },
  ],
  examples: [
    { line: 'nstool cgroup run --cpus 0.1 -- make', does: 'a tenth of a processor, whatever it starts' },
    { line: 'nstool cgroup run -m 5M -- ./a.out', does: 'killed when it needs more; the reason is told' },
    { line: 'nstool cgroup run --pids 8 -- bash', does: 'no fork bomb' },
    { line: 'nstool cgroup run --io /var/lib:rbps=1M,wiops=100 -- backup', does: 'slow on one disk' },
    {
      line: 'systemd-run --user --scope -p Delegate=yes nstool cgroup run -m 64M -- make',
      does: 'as a plain user, where systemd is',
    },
  ],
  exitStatus: [
    [125, 'a limit cannot be had, no cgroup can be made, or the command line is wrong'],
    [126, 'COMMAND cannot be executed'],
    [127, 'COMMAND was not found'],
    ['else', "COMMAND's own; 137 in a shell when the kernel killed it for its memory"],
  ],
  program: { operandsBefore: 0, insteadOfOperand: [] },
  async run(invocation, context) {
    requireThisMachine(invocation);
    if (invocation.program.length === 0)
      throw new NsError('USAGE', { what: 'no command', tryThis: 'nstool cgroup run [limits] -- COMMAND' });
    const host = await context.host();
    requireOwnProc(host);
    const query = {
      wish: wishOf(invocation),
      parent: optionValue(invocation, 'parent'),
      id: newId(),
      what: nameOf(invocation),
    };
    const bestEffort = flag(invocation, 'best-effort');
    const plan = planIfPossible(host, query, bestEffort);
    if (plan instanceof NsError) return inNoCgroup(host, plan, invocation, context);
    if (flag(invocation, 'dry-run')) return planned({ host, plan, bestEffort, invocation, context });
    requireLimits(host, limitResults(plan.limits, []), bestEffort);
    const made = await context.makeCgroups(plan.making);
    if (!made.ok) throw errorOfGap(made.gap, made.at);
    try {
      const results = limitResults(reading(host, plan.limits), made.outcomes);
      requireLimits(host, results, bestEffort);
      const replaceBy = program({ host, plan, bestEffort, invocation, context }, made.journal);
      return { replaceBy, notes: [...madeText(results), ...limitNotes(host, results)], takeBack: made.takeBack };
    } catch (error) {
      made.takeBack();
      throw error;
    }
  },
};

/** What keeps the command from a cgroup of its own, where it is to go on nevertheless. */
function planIfPossible(host: Host, query: CgroupRunQuery, bestEffort: boolean): CgroupRunPlan | NsError {
  try {
    return planCgroupRun(host, query);
  } catch (error) {
    const isBeyondUs = error instanceof NsError && (error.code === 'DENIED' || error.code === 'UNSUPPORTED');
    if (bestEffort && isBeyondUs) return error;
    throw error;
  }
}

function inNoCgroup(host: Host, { facts }: NsError, invocation: Invocation, context: Context): Outcome {
  const why = facts.why === undefined ? '' : ` (${facts.why})`;
  const notes = [`no limit is applied: ${facts.what}${why}`];
  const words = { command: invocation.program, trace: flag(invocation, 'verbose') };
  const replaceBy = plainProgram(words, callerOf(host, context.environment()));
  if (!flag(invocation, 'dry-run')) return { replaceBy, notes };
  const { steps } = replaceBy;
  const stdout = flag(invocation, 'json')
    ? planJson({ cgroups: [], controllers: [], limits: [], writes: [] }, steps)
    : stepList(steps);
  return { stdout, notes: [...notes, 'nothing was changed'], status: 0 };
}

interface Run {
  readonly host: Host;
  readonly plan: CgroupRunPlan;
  readonly bestEffort: boolean;
  readonly invocation: Invocation;
  readonly context: Context;
}

function program({ host, plan, invocation, context }: Run, journal: string): Program {
  const words = {
    command: invocation.program,
    journal,
    teller: [...ourselves(), 'gc', plan.id],
    trace: flag(invocation, 'verbose'),
  };
  return programOf(plan, words, callerOf(host, context.environment()));
}

function nameOf({ program: [first = new Uint8Array()] }: Invocation): string {
  return decodeText(first).slice(0, 60);
}

/** Errors: of the first that was wanted and cannot be had. */
function requireLimits(host: Host, results: readonly LimitResult[], bestEffort: boolean): void {
  const error = bestEffort ? undefined : limitError(host, results, 'nothing was started');
  if (error !== undefined) throw error;
}

/** As the files of the cgroups say now that they are there. */
function reading(host: Host, plan: LimitPlan): LimitPlan {
  const limits = plan.limits.map((limit) => {
    if (limit.place === null) return limit;
    const { mount, below } = limit.place.at;
    const read = (file: string): ReturnType<Host['readFile']> => host.readFile(`${mount}/${below}/${file}`);
    return { ...limit, place: { ...limit.place, read } };
  });
  return { ...plan, limits };
}

/** Nothing is opened for a look, so any name will do. */
const JOURNAL = 'the journal';

function planned(run: Run): Outcome {
  const { host, plan, bestEffort, invocation } = run;
  const results = limitResults(plan.limits, []);
  const error = bestEffort ? undefined : limitError(host, results, 'nothing would be started');
  const verdict = error === undefined ? { status: 0 } : { error, status: errorStatus(error) };
  const notes = [...limitNotes(host, results), 'nothing was changed'];
  const steps = [...stepsToMake(plan), ...withBlocks(program(run, JOURNAL))];
  if (!flag(invocation, 'json')) return { stdout: stepList(steps), notes, ...verdict };
  const made = {
    cgroups: plan.making.make.map(({ mount, below }) => `${mount}/${below}`),
    controllers: plan.making.enable.map(({ place: { mount, below }, controllers, restore }) => ({
      directory: below === '' ? mount : `${mount}/${below}`,
      controllers,
      restore,
    })),
    limits: results.map((each) => limitJson(each, true)),
    writes: plan.limits.writes.map(writeJson),
  };
  const stdout = planJson(made, steps);
  return { stdout, notes, ...verdict };
}

function planJson(made: Readonly<Record<string, Json>>, steps: Parameters<typeof stepList>[0]): string {
  const listed = steps.map(({ label, reason }) => ({ operation: label, reason }));
  return renderJson({ schema: 1, complete: true, gaps: [], ...made, steps: listed });
}

/** What is done at the end stands at the end. */
function withBlocks({ steps }: Program): Parameters<typeof stepList>[0] {
  const late = steps.flatMap(({ operation }) => {
    if (operation.op !== 'after') return [];
    const at = (label: string) => `at the end: ${label}`;
    return [
      ...operation.steps.map(({ label, reason }) => ({ label: at(label), reason })),
      ...operation.otherwise.map(({ label, reason }) => ({ label: `if one of these fails: ${label}`, reason })),
    ];
  });
  return [...steps, ...late];
}
