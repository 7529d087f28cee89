import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import { parseAct } from '../../inspect/can/act.ts';
import { can, type CanAnswer } from '../../inspect/can/can.ts';
import type { Check, Verdict } from '../../inspect/can/check.ts';
import type { MapContent, MapVerdict } from '../../inspect/can/id-maps.ts';
import { resolveTarget } from '../../inspect/resolve-target.ts';
import { requireSameProcess } from '../../inspect/start-ticks.ts';
import { NsError } from '../../kernel/error.ts';
import { valueOf } from '../../kernel/host.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { escapeControls } from '../../render/escape.ts';
import { renderJson, type Json } from '../../render/json.ts';
import { flag, optionValue, type CommandDefinition } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { splitRecorded } from '../recorded-target.ts';

export const capsCan: CommandDefinition = {
  name: 'caps can',
  summary: 'may a process do it, and what decides',
  operands: 'TARGET WHAT',
  arity: [2, 2],
  description: [
    'Says yes or no, and what decides: capability, owner, ids, sysctl or namespace, in the order in which the kernel looks.',
    'WHAT is one of',
    '  cap_net_admin    a capability in any spelling, a number, or a list; with --in in the user namespace that owns NS,',
    '                   without it in its own',
    '  bind:PORT        bind a TCP or UDP socket           raw-socket    open a raw or packet socket',
    '  ptrace:PID       attach to a process                kill:PID      send it a signal',
    '  setns:NS         join a namespace                   mount         mount a tmpfs',
    '  setuid:UID       become this uid of its own user namespace; held but not mapped is EINVAL, not EPERM',
    '  setgid:GID       the same with a gid                chown:PATH    give a file in its root to another user',
    '  module           load a kernel module',
    '  map:PID          write the uid_map and gid_map of a process: its own id, any ids, uid 0 of the parent',
    '                   (each with its answer; the status is that of any ids in both)',
    'PID and NS are targets of any form. Not looked at: what else may be in the way of an act that is allowed (a port that',
    'is taken, an access list); for setns how it came by a descriptor of the namespace (opening one in /proc of a process',
    'asks for ptrace access to it). What of security modules and seccomp cannot be seen is said.',
  ],
  options: [
    { long: 'in', value: 'NS', help: 'where the capability is asked for: a namespace, a process or host' },
    { long: 'json', short: 'J', help: 'as JSON, with every check' },
  ],
  examples: [
    { line: 'nstool caps can container:web bind:80', does: 'may it listen on port 80?' },
    { line: 'nstool caps can 4913 cap_net_admin --in net:self', does: 'may it configure the network that we are in?' },
    { line: 'nstool caps can self map:4913', does: 'why is writing its uid_map refused?' },
  ],
  exitStatus: [
    [0, 'yes'],
    [1, 'no'],
    [2, 'the command line is wrong'],
    [3, 'no such process or namespace'],
    [4, 'what decides is closed to us: neither yes nor no'],
    [5, 'the kernel, or a recording, does not tell'],
  ],
  async run(invocation, context) {
    const [word = '', what = ''] = invocation.operands;
    const { word: name, recording } = splitRecorded(word);
    const host = await context.host(recording);
    requireOwnProc(host);
    const act = parseAct(what, valueOf(allCapabilities(host)) ?? 0n);
    const place = optionValue(invocation, 'in');
    if (place !== undefined && act.type !== 'capability') {
      throw new NsError('USAGE', { what: '--in goes with a capability only', why: `${what} says where itself` });
    }
    const target = resolveTarget(host, name);
    if (target.type !== 'process') throw new NsError('BAD_VALUE', { what: `'${name}' is no process` });
    const answer = can(host, target.pid, act, place);
    requireSameProcess(host, target.pid, target.startTicks);
    const { verdict, unseen, gaps } = answer;
    return {
      stdout: flag(invocation, 'json') ? json(answer, what) : text(answer),
      notes: [...unseen.map((each) => `not seen: ${each}`), ...gaps.map(gapNote)],
      status: verdict.answer === null ? UNKNOWN_STATUS : verdict.answer ? 0 : 1,
    };
  },
};

const UNKNOWN_STATUS = 4;

const contents: Record<MapContent, string> = {
  own: 'its own id only',
  any: 'any ids',
  root: 'with uid 0 of the parent',
};

function text({ verdict, maps }: CanAnswer): string {
  if (maps.length > 0) return maps.flatMap(mapLines).join('');
  return [`${headOf(verdict)}\n`, ...linesOf(verdict)].join('');
}

function mapLines({ file, content, verdict }: MapVerdict): readonly string[] {
  return [`${file}, ${contents[content]}: ${headOf(verdict)}\n`, ...linesOf(verdict)];
}

function headOf({ answer, errno }: Verdict): string {
  if (answer === null) return 'unknown';
  return answer ? 'yes' : `no: ${errno ?? ''}`;
}

/** What decides against it stands alone. */
function linesOf({ answer, checks }: Verdict): readonly string[] {
  const decides = ({ holds }: Check): boolean => answer === true || holds !== true;
  return checks.filter(decides).map((check) => `  ${escapeControls(check.text)}\n`);
}

function json({ pid, verdict, maps, unseen, gaps, complete }: CanAnswer, what: string): string {
  return renderJson({
    schema: 1,
    complete,
    gaps: gaps.map(gapJson),
    pid,
    what,
    ...verdictJson(verdict),
    maps: maps.map(({ file, content, verdict: each }) => ({ file, content, ...verdictJson(each) })),
    unseen,
  });
}

function verdictJson({ answer, errno, checks }: Verdict): { readonly [key: string]: Json } {
  return { allowed: answer, errno, checks: checks.map(({ by, holds, text: told }) => ({ by, holds, text: told })) };
}
