import { NsError, errorOfGap } from '../../kernel/error.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { withBaseline } from '../../inspect/audit/baseline.ts';
import { allChecks } from '../../inspect/audit/checks.ts';
import { rank, severities, type Finding, type Severity } from '../../inspect/audit/findings.ts';
import { audit as look, type AuditReport, type Audited } from '../../inspect/audit/report.ts';
import { sarifOf } from '../../inspect/audit/sarif.ts';
import { resolveTarget } from '../../inspect/resolve-target.ts';
import { parseTarget } from '../../inspect/target.ts';
import type { Host } from '../../kernel/host.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { renderJson } from '../../render/json.ts';
import { flag, optionValue, type CommandDefinition, type Context, type Invocation } from '../define-command.ts';
import { gapNote } from '../gap-text.ts';
import { version } from '../installation.ts';
import { nearest } from '../nearest.ts';
import { splitRecorded } from '../recorded-target.ts';
import { auditJson, auditText, staleNote, totals } from './audit-report.ts';

export const audit: CommandDefinition = {
  name: 'audit',
  summary: 'what a process or container could do to the host, as findings',
  operands: '[TARGET…]',
  arity: [0, Infinity],
  description: [
    'Looks at what keeps each TARGET from the host and its neighbours (namespaces, capabilities, seccomp, ids, mounts,',
    'devices, sockets, limits of cgroups) and prints what does not, the worst first, each with a code that stays the same:',
    'nstool explain CODE says what it means, why it matters, how it was told, and what to do. Nothing is run in a target,',
    'and nothing is written.',
    '',
    'Without TARGET: all containers, each once by its first process, and those of its processes that may something else;',
    'then settings of the host. --all: processes of the host too, those that may the same together. A container named by',
    'its name is looked at with all its processes, a pid alone. host: the settings of the host.',
    '',
    'Severities: critical (gives the host away), high, medium, low, info (good to know), unknown (it could not be told,',
    'with the reason: never the same as fine). Capabilities count against the host in its own user namespace only: in',
    'another one they are info, and so are those of a service that runs as root of the host. What is only told for',
    'containers is not told of such a service. With several targets the info of each is one line of codes.',
    '',
    '--baseline takes what --json printed, or a list of objects with code and target: what is in it is not told again,',
    'unless its details have changed or it has become worse, where the file has them. What it accepts and is no more is',
    'named.',
  ],
  options: [
    { long: 'all', help: 'processes of the host too, not only containers' },
    { long: 'files', help: 'also look through all files for those with dangerous capabilities (F1): takes its time' },
    {
      long: 'fail-on',
      value: 'SEVERITY',
      choices: severities.toReversed(),
      help: 'status 1 where a finding is as bad as this, or a check that would be could not be made',
    },
    { long: 'baseline', value: 'FILE', help: 'leave out findings that FILE accepts; - is standard input' },
    { long: 'json', short: 'J', help: 'as JSON, with the evidence and the gaps' },
    { long: 'sarif', help: 'as SARIF 2.1.0, which code hosts and dashboards read' },
  ],
  examples: [
    { line: 'nstool audit', does: 'all containers of this host' },
    { line: 'nstool audit container:web', does: 'one of them, with what is only good to know' },
    { line: 'nstool audit --all --fail-on high', does: 'status 1 when anything on the host is that bad' },
    { line: 'nstool audit --json', does: 'what was found, with where it was read: also a baseline for --baseline' },
  ],
  exitStatus: [
    [0, 'looked; what could not be told is named'],
    [1, 'with --fail-on: there is such a finding'],
    [2, 'the command line is wrong'],
    [3, 'no such process or namespace'],
    [4, 'TARGET is closed to us'],
    [5, '/proc is not that of our own pid namespace'],
  ],
  async run(invocation, context) {
    const threshold = thresholdOf(invocation);
    refuseBoth(invocation, 'json', 'sarif');
    if (flag(invocation, 'all') && invocation.operands.length > 0) {
      throw new NsError('USAGE', { what: '--all takes no TARGET', why: 'it looks at all processes' });
    }
    const { host, asked } = await askedOf(invocation, context);
    const found = look(host, asked, { files: flag(invocation, 'files') });
    const report = await accepted(invocation, context, found);
    const failing = threshold !== undefined && report.findings.some((finding) => isAsBad(finding, threshold));
    return {
      stdout: await printed(invocation, context, report),
      notes: [totals(report), ...staleNote(report), ...emptiness(asked, report), ...report.gaps.map(gapNote)],
      status: failing ? 1 : 0,
    };
  },
};

/** Nothing to say of containers is not the same as no container. */
function emptiness(asked: readonly Audited[], { targets }: AuditReport): readonly string[] {
  const isMissed = asked.some(({ type }) => type === 'containers') && !targets.some(({ container }) => container);
  return isMissed ? ['no container is running here: --all looks at the processes of the host too'] : [];
}

/** Errors: BAD_VALUE. */
function thresholdOf(invocation: Invocation): Severity | undefined {
  const word = optionValue(invocation, 'fail-on');
  if (word === undefined) return undefined;
  const severity = severities.find((each) => each === word);
  if (severity !== undefined) return severity;
  const meant = nearest(word, severities);
  throw new NsError('BAD_VALUE', {
    what: `--fail-on takes ${severities.toReversed().join(', ')}, not '${word}'`,
    ...(meant === undefined ? {} : { why: `did you mean ${meant}?` }),
  });
}

/** Errors: USAGE. */
function refuseBoth(invocation: Invocation, one: string, other: string): void {
  if (!flag(invocation, one) || !flag(invocation, other)) return;
  throw new NsError('USAGE', { what: `--${one} does not go with --${other}`, why: 'there is one answer' });
}

/** What could not be told may be as bad as its check says. */
function isAsBad({ code, severity }: Finding, threshold: Severity): boolean {
  const known =
    severity === 'unknown' ? (allChecks.find((check) => check.code === code)?.severity ?? 'info') : severity;
  return rank(known) >= rank(threshold);
}

/** All targets of a command are of one host. Errors: as of resolveTarget; USAGE. */
async function askedOf(
  invocation: Invocation,
  context: Context,
): Promise<{ readonly host: Host; readonly asked: readonly Audited[] }> {
  const words = invocation.operands.map((word) => splitRecorded(word));
  const recordings = new Set(words.map(({ recording }) => recording));
  if (recordings.size > 1) {
    throw new NsError('USAGE', { what: 'the targets are of different hosts', tryThis: 'one nstool audit for each' });
  }
  const [recording] = recordings;
  const host = await context.host(recording);
  requireOwnProc(host);
  if (words.length === 0) return { host, asked: [{ type: flag(invocation, 'all') ? 'all' : 'containers' }] };
  return { host, asked: words.map(({ word }) => askedBy(host, word)) };
}

/** Errors: as of resolveTarget; BAD_VALUE for a namespace. */
function askedBy(host: Host, word: string): Audited {
  const resolved = resolveTarget(host, word);
  if (resolved.type === 'host') return { type: 'host' };
  if (resolved.type === 'process') {
    const target = parseTarget(word);
    const whole = target.type === 'name' && (target.scheme === 'container' || target.scheme === 'pod');
    return { type: 'process', pid: resolved.pid, word, whole };
  }
  throw new NsError('BAD_VALUE', {
    what: `'${word}' is a namespace`,
    why: 'what is audited is a process or a container',
    tryThis: `nstool ls ${word}`,
  });
}

/** Errors: as of the file; BAD_VALUE. */
async function accepted(invocation: Invocation, context: Context, report: AuditReport): Promise<AuditReport> {
  const file = optionValue(invocation, 'baseline');
  if (file === undefined) return report;
  if (file === '-') return withBaseline(report, context.readStdin(), 'standard input');
  const bytes = await context.readInput(file);
  if (!bytes.ok) throw errorOfGap(bytes.gap, `cannot read ${file}`);
  return withBaseline(report, decodeText(bytes.value), file);
}

async function printed(invocation: Invocation, context: Context, report: AuditReport): Promise<string> {
  if (flag(invocation, 'json')) return renderJson(auditJson(report));
  if (flag(invocation, 'sarif')) return renderJson(sarifOf(report, version()));
  return auditText(report, await context.theme(context.stdout));
}
