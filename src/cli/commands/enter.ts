import { errorOfGap, NsError, type ErrorFacts } from '../../kernel/error.ts';
import { isComplete, type CountedGap } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { programFromJson, programToJson } from '../../kernel/program-json.ts';
import type { Program, Step } from '../../kernel/program.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { planEnter, type EnterPlan } from '../../launch/enter.ts';
import type { Uncopied } from '../../launch/as-target/part.ts';
import type { Column } from '../../render/columns.ts';
import { renderJson, type Json } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import {
  flag,
  optionValue,
  type CommandDefinition,
  type Context,
  type Invocation,
  type Outcome,
} from '../define-command.ts';
import { callerOf } from '../caller.ts';
import { errorStatus } from '../error-text.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { enterOptions, enterQuery, enterRecording, pathOptions } from './enter-query.ts';

export const enter: CommandDefinition = {
  name: 'enter',
  summary: 'run a program in the namespaces of a process',
  operands: 'TARGET [kinds] [--] [COMMAND…]',
  arity: [0, 1],
  description: [
    'Runs COMMAND, or a login shell, in namespaces of TARGET: a pid (or PID:NUMBER, the number that a pidfd has), any',
    'other name of a process or container, or one namespace (/proc/4913/ns/net, /run/netns/blue, net:4026532177), which is',
    'entered alone. Without any kind all eight are entered. nstool is replaced by COMMAND: nothing of it stays, but a small',
    'waiting parent where a pid namespace was entered. From the first word after TARGET that is no option on, all belongs',
    'to COMMAND; -- is optional. With -t, --program, or when a kind has =OF, there is no TARGET.',
    'OF is a path, :ID (what `ls -o ID` shows), host, or any target, whose namespace of that kind is meant: several kinds',
    'can come from several targets. A file in the working directory is written ./FILE.',
    'Our own user namespace, and with --all what the kernel lacks, are passed over.',
    'Who has our terminal can push input into it. So on a terminal (standard input, output and error all are one), what',
    'enters another user namespace or a container gets a terminal of its own, as with --pty: keys go there raw, ^Z stops',
    'jobs of a shell there, and a parent of ours passes output, sizes, signals and status on. --no-pty: our own terminal,',
    "and ^Z stops the command. What SIGKILL of that parent leaves of our terminal, `stty sane` repairs. A container's",
    'sandbox (Kata, gVisor, runV) is entered at its outside only; that is said, with the command for the inside.',
    '--as-target makes COMMAND what docker exec makes, of what the target process has: namespaces (ns), root, cwd, env,',
    'cgroup, ids with groups (ids), capabilities and bounding set (caps), no_new_privs (nnp), LSM label (label), limits,',
    'umask, oom_score_adj (oom), seccomp filters (seccomp: that stops the target for a moment). --as-target=no-env,no-oom',
    'leaves parts out; other options go first. What cannot be copied is said, and is no failure.',
    'A refusal names the rule, and the command that would do. --dry-run foresees it, with status 4, except for what only',
    'the attempt shows: rights on files and cgroups, security modules, the command itself. --dry-run --json prints the',
    'program, with its whole environment, which --program carries out, as it is or edited.',
    'Where the file system stays ours COMMAND alone finds, in a mount namespace of its own: with the network of a target',
    'whose resolv.conf is another than ours its resolv.conf, hosts and line for hosts in nsswitch.conf (a named network:',
    'the files in /etc/netns/NAME); with its pid namespace a /proc of it. Without a kind --tools enters all but the mounts.',
    'Only standard input, output and error are passed on; other open descriptors are closed. Node resets the signals that',
    'the caller ignores: instead of `nohup nstool enter 4913 CMD` write `nstool enter 4913 nohup CMD`.',
  ],
  options: enterOptions,
  examples: [
    { line: 'nstool enter 4913 --net ifconfig', does: "this host's ifconfig in that process's network" },
    { line: 'nstool enter 4913', does: 'a shell in all its namespaces' },
    { line: 'nstool enter container:web --as-target sh', does: 'what docker exec makes, without docker' },
    { line: 'nstool enter /run/netns/blue ip -j addr', does: 'in a named network namespace' },
    { line: 'nstool enter --net=container:web --mount=4913 ls', does: 'kinds of several targets' },
    { line: 'nstool enter -t container:web -a --pid=host ps', does: "all of a container's but the processes" },
    { line: 'nstool enter web -e -c -r -w env', does: 'with its environment, cgroups, root and working directory' },
    { line: 'nstool enter web --net dig db', does: "this host's dig asks the container's name servers" },
    { line: 'nstool enter web --tools', does: "this host's shell and programs, its files at /target" },
    { line: 'nstool enter 4913 -a --dry-run id', does: 'the steps, and whether one would be refused' },
  ],
  exitStatus: [
    ['N', "COMMAND's own status; if a signal ended it, the same death (128+n in a shell)"],
    [125, 'nstool failed, usage included'],
    [4, 'with --dry-run: a step would be refused'],
    [126, 'COMMAND could not be executed'],
    [127, 'COMMAND was not found'],
  ],
  program: { operandsBefore: 1, insteadOfOperand: ['target', 'program', ...pathOptions] },
  async run(invocation, context) {
    const file = optionValue(invocation, 'program');
    if (file !== undefined) return givenProgram(invocation, context, file);
    const host = await context.host(enterRecording(invocation));
    if (!flag(invocation, 'dry-run')) {
      const planned = plan(invocation, host, context);
      return { replaceBy: planned.program, notes: [...notesOf(planned), ...planned.unread.map(gapNote)] };
    }
    return dryRun(invocation, () => plan(invocation, host, context));
  },
};

function plan(invocation: Invocation, host: Host, context: Context): EnterPlan {
  return planEnter(host, enterQuery(invocation, host, context), callerOf(host, context.environment()));
}

/** A program that was printed before, and may have been edited. */
async function givenProgram(invocation: Invocation, context: Context, file: string): Promise<Outcome> {
  const allowed = new Set(['program', 'dry-run', 'verbose', 'json', 'color', 'debug']);
  const other = [...invocation.options.keys()].find((option) => !allowed.has(option));
  if (other !== undefined || invocation.program.length > 0) {
    throw new NsError('USAGE', {
      what: `--program does not go with ${other === undefined ? 'a command' : `--${other}`}`,
      why: 'all that is to be done stands in the file',
    });
  }
  const read = programFromJson(file === '-' ? context.readStdin() : textOf(await context.host(), file));
  const program = { ...read, trace: read.trace || flag(invocation, 'verbose') };
  if (!flag(invocation, 'dry-run')) return { replaceBy: program };
  return { stdout: flag(invocation, 'json') ? json({ program }, [], null, []) : stepList(program.steps), status: 0 };
}

function textOf(host: Host, file: string): string {
  const bytes = host.readFile(file);
  if (!bytes.ok) throw errorOfGap(bytes.gap, `cannot read ${file}`);
  return decodeText(bytes.value);
}

/** The steps, and the verdict: a refusal that is foreseen has the status of one that happened to a reading command. */
function dryRun(invocation: Invocation, planned: () => EnterPlan): Outcome {
  const asJson = flag(invocation, 'json');
  try {
    const plan = planned();
    const { program, foresight, uncopied } = plan;
    const gaps = foresight.gaps.list();
    const { refusal } = foresight;
    const error = refusal === undefined ? undefined : new NsError('DENIED', refusal);
    const verdict: Json = {
      allowed: gaps.length > 0 && error === undefined ? null : error === undefined,
      ...facts(refusal),
    };
    return {
      stdout: asJson ? json({ program }, gaps, verdict, uncopied) : stepList(program.steps),
      notes: [...notesOf(asJson ? { ...plan, uncopied: [] } : plan), ...gaps.map(gapNote)],
      ...(error === undefined ? { status: 0 } : { error, status: errorStatus(error) }),
    };
  } catch (error) {
    if (!(error instanceof NsError) || error.code !== 'DENIED') throw error;
    const stdout = asJson ? json({}, [], { allowed: false, ...facts(error.facts) }, []) : '';
    return { stdout, error, status: errorStatus(error) };
  }
}

function facts(refusal: ErrorFacts | undefined): { readonly [key: string]: Json } {
  return { what: refusal?.what ?? null, why: refusal?.why ?? null, try: refusal?.tryThis ?? null };
}

function notesOf({ note, uncopied }: Pick<EnterPlan, 'note' | 'uncopied'>): readonly string[] {
  const lacks = uncopied.map(({ what, why }) => `not copied: ${what}: ${why}`);
  return note === undefined ? lacks : [note, ...lacks];
}

function json(
  { program }: { readonly program?: Program },
  gaps: readonly CountedGap[],
  verdict: Json,
  uncopied: readonly Uncopied[],
): string {
  const shown: Json = program === undefined ? null : programToJson(program);
  return renderJson({
    schema: 1,
    complete: isComplete(gaps),
    gaps: gaps.map(gapJson),
    verdict,
    not_copied: uncopied.map(({ what, why }) => ({ what, why })),
    program: shown,
  });
}

type NumberedStep = Step & { readonly number: number };

const stepColumns: readonly Column<NumberedStep>[] = [
  { key: 'step', type: 'number', help: 'number', get: (step) => step.number },
  { key: 'operation', type: 'string', help: 'what is done', get: (step) => step.label },
  { key: 'reason', type: 'string', help: 'why', get: (step) => step.reason },
];

function stepList(steps: readonly Step[]): string {
  const numbered = steps.map((step, index) => ({ ...step, number: index + 1 }));
  return renderTable(numbered, stepColumns, { headings: true });
}
