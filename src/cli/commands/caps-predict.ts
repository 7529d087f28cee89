import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import { collapse } from '../../capabilities/expression.ts';
import type { ExecCaller, ExecReason, ExecResult } from '../../capabilities/exec.ts';
import { parseIab } from '../../capabilities/iab.ts';
import { decodeMask, formatMask } from '../../capabilities/mask.ts';
import type { CapabilitySets } from '../../capabilities/sets.ts';
import { parseCapabilityText } from '../../capabilities/text.ts';
import { predict, type ExecStep, type Predicted } from '../../inspect/exec/predict.ts';
import { assumptionTexts, reasonText } from '../../inspect/exec/reason-text.ts';
import { resolveTarget } from '../../inspect/resolve-target.ts';
import { requireSameProcess } from '../../inspect/start-ticks.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { decodeName } from '../../kernel/text/file-name.ts';
import { parseDecimal } from '../../kernel/text/text.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import type { Column } from '../../render/columns.ts';
import { renderJson, type Json } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import { flag, optionValue, type CommandDefinition, type Invocation } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { splitRecorded } from '../recorded-target.ts';
import { securebitsOf } from './securebits-option.ts';

export const capsPredict: CommandDefinition = {
  name: 'caps predict',
  summary: 'what execve will give a process, and why',
  operands: 'TARGET -- FILE [ARG…]',
  arity: [1, 1],
  description: [
    'Prints what execve(2) of FILE would make of the ids and capability sets of a process: each set before and after,',
    'with the reason of each term. FILE is found as the process would find it: in its root, by the PATH that it was',
    'started with. Of a script the file of its interpreter counts. A refusal is foreseen with its cause. After',
    "`sh -c 'CMD'`, where CMD is plain words, the program of CMD is foreseen as well.",
    'With --sets there is no TARGET: who asks has these sets, the ids of nstool, or those of --uid, and its files. TEXT',
    'is as getpcaps --iab prints it: `cap_net_raw=p [^cap_kill,!cap_chown]`. (--from FILE asks a recorded host, as',
    'everywhere.) Not looked at are access lists, security modules (SELinux, AppArmor) and binfmt_misc. What is taken for',
    'granted is said on standard error, and in the JSON.',
  ],
  options: [
    { long: 'sets', value: 'TEXT', help: 'these sets instead of those of a TARGET' },
    { long: 'uid', value: 'UID', help: 'this uid, real, effective and saved, instead of what the process has' },
    { long: 'secbits', value: 'BITS', help: 'these securebits: 0x1, or names as noroot; without it 0' },
    { long: 'no-new-privs', help: 'as if no_new_privs were set' },
    { long: 'json', short: 'J', help: 'as JSON' },
  ],
  examples: [
    { line: 'nstool caps predict container:web -- ping -c1 db', does: 'would ping get CAP_NET_RAW there?' },
    { line: "nstool caps predict 4913 -- sh -c 'exec ping db'", does: 'through a shell' },
    { line: "nstool caps predict --sets '= [^cap_net_raw]' --uid 1000 -- ping", does: 'with an ambient capability' },
  ],
  exitStatus: [
    [0, 'it will be executed'],
    [1, 'execve will fail; the errno and the cause are said'],
    [2, 'the command line is wrong'],
    [3, 'no such process'],
    [4, 'the process or its root is closed to us'],
    [5, 'the kernel, or a recording, does not tell'],
  ],
  program: { operandsBefore: 1, insteadOfOperand: ['sets'], ownStatus: true },
  async run(invocation, context) {
    const { word, recording } = splitRecorded(invocation.operands[0] ?? 'self');
    const host = await context.host(recording);
    requireOwnProc(host);
    const words = invocation.program.map(decodeName);
    if (words.length === 0) {
      throw new NsError('USAGE', { what: 'a FILE is missing', tryThis: `nstool caps predict ${word} -- FILE` });
    }
    const target = resolveTarget(host, word);
    if (target.type !== 'process') {
      throw new NsError('BAD_VALUE', { what: `'${word}' is no process`, why: 'only processes execute files' });
    }
    const predicted = predict(host, target.pid, words, changesOf(invocation), insteadOf(invocation, host));
    if ('reason' in predicted) throw errorOfGap(predicted, `cannot look for '${words[0] ?? ''}'`);
    requireSameProcess(host, target.pid, target.startTicks);
    const error = errorOf(predicted);
    // Hardly ever otherwise: the JSON has it.
    const said = predicted.assumptions.filter((assumption) => assumption !== 'shared_fs');
    const assumed = said.map((assumption) => `assumed: ${assumptionTexts[assumption]}`);
    const asJson = flag(invocation, 'json');
    return {
      stdout: asJson ? json(predicted) : predicted.steps.map((step) => table(step, predicted)).join('\n'),
      notes: [
        ...(predicted.unforeseen === null ? [] : [predicted.unforeseen]),
        ...(asJson ? [] : assumed),
        ...predicted.gaps.map(gapNote),
      ],
      ...(error === undefined ? { status: 0 } : { error, status: 1 }),
    };
  },
};

function changesOf(invocation: Invocation): { securebits?: number; noNewPrivileges?: boolean } {
  const text = optionValue(invocation, 'secbits');
  return {
    ...(text === undefined ? {} : { securebits: securebitsOf(text) }),
    ...(flag(invocation, 'no-new-privs') ? { noNewPrivileges: true } : {}),
  };
}

function insteadOf(invocation: Invocation, host: Host): Partial<ExecCaller> {
  const text = optionValue(invocation, 'sets');
  const uid = optionValue(invocation, 'uid');
  const number = parseDecimal(uid);
  if (uid !== undefined && (number === undefined || number >= 0xffff_ffff)) {
    throw new NsError('BAD_VALUE', { what: `'${uid}' is no uid`, why: 'a number below 4294967295' });
  }
  const uids = number === undefined ? {} : { uids: [number, number, number, number] };
  return text === undefined ? uids : { ...uids, sets: setsOf(text, valueOf(allCapabilities(host)) ?? 0n) };
}

/** `TEXT [IAB]`: without brackets nothing is ambient and nothing bounded. */
function setsOf(text: string, all: bigint): CapabilitySets {
  const [, words = '', bracketed] = /^([^[]*?)\s*(?:\[(.*)\])?$/s.exec(text) ?? [undefined, text];
  const parsed = parseCapabilityText(words, all);
  const iab = parseIab(bracketed ?? '', all);
  const refuse = (why: string): never => {
    throw new NsError('BAD_VALUE', {
      what: `'${text.slice(0, 60)}' are no sets`,
      why,
      tryThis: "--sets 'cap_kill=ep [^cap_net_raw]'",
    });
  };
  if (!parsed.ok) return refuse(parsed.problem);
  if (!iab.ok) return refuse(iab.problem);
  const { ambient, bounding } = iab.sets;
  // What is ambient is permitted and inheritable, and raised with that.
  const permitted = parsed.sets.permitted | ambient;
  const effective = parsed.sets.effective | ambient;
  if ((effective & ~permitted) !== 0n) return refuse('a capability cannot be effective without being permitted');
  return {
    effective,
    permitted,
    inheritable: parsed.sets.inheritable | iab.sets.inheritable | ambient,
    bounding,
    ambient,
  };
}

interface Line {
  readonly name: string;
  readonly before: string;
  readonly after: string;
  readonly why: string;
}

const columns: readonly Column<Line>[] = [
  { key: 'set', type: 'string', help: 'ids or a set', get: ({ name }) => name },
  { key: 'before', type: 'string', help: 'as it is', get: ({ before }) => before },
  { key: 'after', type: 'string', help: 'as it will be', get: ({ after }) => after },
  { key: 'why', type: 'string', help: 'the terms', get: ({ why }) => why },
];

const setNames = ['permitted', 'effective', 'inheritable', 'bounding', 'ambient'] as const;

function table(step: ExecStep, { look }: Predicted): string {
  const { word, path, scripts, before, prediction } = step;
  const way = [word, ...scripts, path ?? '-'].filter((each, index, all) => each !== all[index - 1]);
  const title = way.join(' -> ');
  if (prediction === null) return renderTable([{ title }], titleColumn, { headings: false });
  const { all } = look.rules;
  const { after, reasons } = prediction;
  const about = (name: ExecReason['about']): readonly string[] =>
    reasons.filter((reason) => reason.about === name).map((reason) => reasonText(reason, all));
  const lines = [
    ...linesOf('uid', before.uids.join(' '), after?.uids.join(' '), about('ids')),
    ...linesOf('gid', before.gids.join(' '), after?.gids.join(' '), []),
    ...setNames.flatMap((name) =>
      linesOf(
        name,
        collapse(before.sets[name], all),
        after === null ? undefined : collapse(after.sets[name], all),
        about(name),
      ),
    ),
    ...about('securebits').flatMap((why) =>
      linesOf('securebits', hex(before.securebits), hex(after?.securebits), [why]),
    ),
  ];
  return renderTable([{ title }], titleColumn, { headings: false }) + renderTable(lines, columns, { headings: true });
}

const titleColumn: readonly Column<{ readonly title: string }>[] = [
  { key: 'file', type: 'string', help: 'what is executed', get: ({ title }) => title },
];

function hex(bits: number | undefined): string {
  return bits === undefined ? '-' : `0x${bits.toString(16)}`;
}

/** A reason a line; `-`: it will not come to that. */
function linesOf(name: string, before: string, after: string | undefined, whys: readonly string[]): readonly Line[] {
  const [first = '', ...rest] = whys;
  const top = { name, before, after: after ?? '-', why: first };
  return [top, ...rest.map((why) => ({ name: '', before: '', after: '', why }))];
}

function errorOf({ steps, look }: Predicted): NsError | undefined {
  const step = steps.at(-1);
  if (step === undefined) return undefined;
  const { word, path, failure, prediction } = step;
  if (failure !== null) {
    return new NsError('DENIED', { what: `execve of '${word}' will fail: ${failure.errno}`, why: failure.why });
  }
  const missing =
    prediction?.after === null ? prediction.reasons.find(({ code }) => code === 'forced_missing') : undefined;
  if (missing === undefined) return undefined;
  const name = collapse(missing.capabilities, look.rules.all);
  return new NsError('DENIED', {
    what: `execve of '${word}' will fail: EPERM`,
    why: reasonText(missing, look.rules.all),
    tryThis: `keep ${name} in the bounding set, or take the file capabilities from ${path ?? word}`,
  });
}

function json({ pid, look, steps, unforeseen, assumptions, gaps }: Predicted): string {
  const { all, comparesEffective } = look.rules;
  const last = steps.at(-1);
  return renderJson({
    schema: 1,
    complete: isComplete(gaps),
    gaps: gaps.map(gapJson),
    pid,
    allowed: last?.failure === null && last.prediction?.after !== null,
    ambient_rule: comparesEffective ? 'effective_ids' : 'real_ids',
    assumptions: assumptions.map((code) => ({ code, text: assumptionTexts[code] })),
    unforeseen,
    steps: steps.map((step) => stepJson(step, all)),
  });
}

function stepJson({ word, path, scripts, before, prediction, failure }: ExecStep, all: bigint): Json {
  const isForbidden = prediction !== null && prediction.after === null;
  return {
    word,
    file: path,
    scripts,
    errno: failure?.errno ?? (isForbidden ? 'EPERM' : null),
    why: failure?.why ?? null,
    before: stateJson(before),
    after: prediction?.after == null ? null : { ...stateJson(prediction.after), secure: prediction.after.secure },
    reasons: (prediction?.reasons ?? []).map((reason) => ({
      about: reason.about,
      code: reason.code,
      capabilities: decodeMask(reason.capabilities).names,
      text: reasonText(reason, all),
    })),
  };
}

function stateJson({ uids, gids, sets, securebits }: Pick<ExecResult, 'uids' | 'gids' | 'sets' | 'securebits'>): {
  readonly [key: string]: Json;
} {
  const masks = setNames.map((name) => [name, formatMask(sets[name])] as const);
  return { uids, gids, securebits, ...Object.fromEntries(masks) };
}
