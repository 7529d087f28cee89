import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import { collapse } from '../../capabilities/expression.ts';
import type { ExecCaller, ExecResult } from '../../capabilities/exec.ts';
import { NsError } from '../../kernel/error.ts';
import { valueOf } from '../../kernel/host.ts';
import { planCapsRun, type CapsRunPlan } from '../../launch/caps-run/plan.ts';
import type { Column } from '../../render/columns.ts';
import { renderTable } from '../../render/text-table.ts';
import { callerOf } from '../caller.ts';
import { flag, type CommandDefinition } from '../define-command.ts';
import { stepList } from './step-list.ts';
import { capsWish } from './caps-run-query.ts';

export const capsRun: CommandDefinition = {
  name: 'caps run',
  summary: 'start a program with exactly these capabilities, or say why it cannot be had',
  operands: '[--] [COMMAND…]',
  arity: [0, 0],
  description: [
    'Starts COMMAND so that it has, when it runs, what the options say: execve(2) changes capabilities once more, so that',
    'is foreseen, with the capabilities of its file, and what cannot be had is refused before anything is started. A set',
    'that no option names is as execve gives it. What is to be had of root (uid 0) is had by its bounding set, of all',
    'others by the ambient one.',
    '',
    'LIST is as in nstool caps encode: net_raw,kill, docker, full,-sys_admin. The environment stays as it is.',
  ],
  options: [
    { long: 'caps', value: 'TEXT', help: 'exactly this effective, permitted and inheritable set: cap_net_raw=eip' },
    {
      long: 'iab',
      value: 'IAB',
      help: 'exactly this inheritable and ambient set, none of the blocked: ^cap_kill,!cap_bpf',
    },
    { long: 'drop', value: 'LIST', help: 'in none of the five sets' },
    { long: 'add', value: 'LIST', help: 'permitted and effective' },
    { long: 'ambient', value: 'LIST', help: 'exactly this ambient set' },
    { long: 'bounding', value: 'LIST', help: 'exactly this bounding set' },
    { long: 'no-new-privs', help: 'no program that it executes gains anything' },
    { long: 'user', value: 'USER', help: 'as this user: NAME with its groups, UID:GID, NAME:GROUP' },
    {
      long: 'keep-caps',
      help: 'with --user: what is permitted stays so, where neither --caps nor --ambient says what',
    },
    {
      long: 'secbits',
      value: 'BITS',
      help: 'exactly these securebits: noroot,no_setuid_fixup as in setpriv(1), or 0x5',
    },
    { long: 'print', help: 'the sets now, right before execve, and after it; without COMMAND only that' },
    { long: 'dry-run', help: 'print the steps, change nothing' },
    { long: 'verbose', short: 'v', help: 'say each step as it happens' },
  ],
  examples: [
    {
      line: 'nstool caps run --user nobody --ambient net_bind_service -- nc -l 80',
      does: 'a port below 1024, and no more',
    },
    { line: 'nstool caps run --bounding docker -- bash', does: 'what root of a docker container can' },
    { line: 'nstool caps run --caps cap_kill,cap_setuid=eip --print -- true', does: 'see what execve makes of it' },
    {
      line: 'nstool caps run --drop net_raw -- ping 127.0.0.1',
      does: 'refused if ping has file capabilities',
    },
  ],
  exitStatus: [
    [125, 'it cannot be had, or the command line is wrong'],
    [126, 'COMMAND cannot be executed'],
    [127, 'COMMAND was not found'],
    ['else', "COMMAND's own"],
  ],
  program: { operandsBefore: 0, insteadOfOperand: [] },
  async run(invocation, context) {
    const host = await context.host();
    if (flag(invocation, 'from'))
      throw new NsError('USAGE', { what: 'nothing can be run on a recorded host', tryThis: 'nstool caps predict' });
    const isDry = flag(invocation, 'dry-run');
    const isPrinted = flag(invocation, 'print');
    if (invocation.program.length === 0 && !isPrinted)
      throw new NsError('USAGE', { what: 'no command', tryThis: 'nstool caps run --print, or -- COMMAND' });
    const all = valueOf(allCapabilities(host)) ?? (1n << 64n) - 1n;
    const query = {
      wish: capsWish(invocation, host, all),
      command: invocation.program,
      trace: flag(invocation, 'verbose'),
    };
    const plan = planCapsRun(host, query, callerOf(host, context.environment()));
    const notes = plan.unforeseen === null ? [] : [plan.unforeseen];
    const table = isPrinted ? printed(plan) : '';
    if (plan.program === null) return { stdout: table, notes, status: 0 };
    if (isDry) return { stdout: table + stepList(plan.program.steps), notes, status: 0 };
    return { replaceBy: plan.program, notes: [...notes, ...table.split('\n').filter(Boolean)] };
  },
};

interface Line {
  readonly name: string;
  readonly now: string;
  readonly before: string;
  readonly after: string;
}

const columns: readonly Column<Line>[] = [
  { key: 'set', type: 'string', help: 'what', get: ({ name }) => name },
  { key: 'now', type: 'string', help: 'of nstool', get: ({ now }) => now },
  { key: 'before', type: 'string', help: 'right before execve', get: ({ before }) => before },
  { key: 'after', type: 'string', help: 'of the command', get: ({ after }) => after },
];

const NAMES = ['effective', 'permitted', 'inheritable', 'bounding', 'ambient'] as const;

type State = Pick<ExecCaller, 'uids' | 'gids' | 'sets' | 'securebits'>;

function printed({ look, before, exec }: CapsRunPlan): string {
  const states = [look.caller, before, exec?.prediction?.after ?? null] as const;
  const line = (name: string, tell: (state: State) => string): Line => {
    const [now = '-', at = '-', after = '-'] = states.map((state: State | ExecResult | null) =>
      state === null ? '-' : tell(state),
    );
    return { name, now, before: at, after };
  };
  const lines = [
    line('uid', ({ uids }) => uids.join(' ')),
    line('gid', ({ gids }) => gids.join(' ')),
    ...NAMES.map((name) => line(name, ({ sets }) => collapse(sets[name], look.rules.all))),
    line('securebits', ({ securebits }) => `0x${securebits.toString(16)}`),
  ];
  return renderTable(lines, columns, { headings: true });
}
