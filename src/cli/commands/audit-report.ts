// An audit as text for people, and as JSON.

import { isComplete } from '../../kernel/gap-tally.ts';
import { rank, severities, type Finding } from '../../inspect/audit/findings.ts';
import type { AuditReport, TargetFinding } from '../../inspect/audit/report.ts';
import type { AuditTarget } from '../../inspect/audit/targets.ts';
import { sentence } from '../../inspect/audit/texts.ts';
import { escapeControls } from '../../render/escape.ts';
import type { Json } from '../../render/json.ts';
import type { Theme } from '../../render/theme.ts';
import { gapJson } from '../gap-text.ts';

const SEVERITY_WIDTH = 8;
const CODE_WIDTH = 3;

/** A paragraph for each target, the findings below its name. */
export function auditText({ targets, findings }: AuditReport, theme: Theme): string {
  const many = targets.length > 1;
  const byTarget = groupedByTarget(findings);
  const paragraphs = targets.flatMap((target) => {
    const own = byTarget.get(keyOf(target)) ?? [];
    return own.length === 0 ? [] : [`${titleLine(target, theme)}${linesOf(own, many, theme).join('')}`];
  });
  return paragraphs.join('\n');
}

function keyOf({ target, pid }: { readonly target: string; readonly pid: number | null }): string {
  return `${pid} ${target}`;
}

function groupedByTarget(findings: readonly TargetFinding[]): ReadonlyMap<string, readonly TargetFinding[]> {
  const groups = new Map<string, TargetFinding[]>();
  for (const finding of findings) {
    const key = keyOf(finding);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [finding]);
    else group.push(finding);
  }
  return groups;
}

/** Of what is alike the first names do: --json has all. */
const MOST_NAMES = 3;

function titleLine({ target, pid, processes, alike }: AuditTarget, theme: Theme): string {
  const others = alike.slice(0, MOST_NAMES).map((name) => `, ${name}`);
  const more = alike.length > MOST_NAMES ? ` and ${alike.length - MOST_NAMES} more` : '';
  const process =
    pid === null || target === String(pid) ? '' : ` (pid ${pid}${processes > 1 ? `, ${processes} processes` : ''})`;
  return `${theme.heading(escapeControls(`${target}${others.join('')}${more}`))}${process}\n`;
}

function linesOf(findings: readonly TargetFinding[], many: boolean, theme: Theme): readonly string[] {
  const unknown = findings.filter(({ severity }) => severity === 'unknown');
  const short = many ? findings.filter(({ severity }) => severity === 'info') : [];
  const whole = findings.filter((finding) => finding.severity !== 'unknown' && !short.includes(finding));
  return [
    ...whole.map((finding) => line(finding.severity, finding.code, sentence(finding), theme)),
    ...(short.length === 0 ? [] : [line('info', codesOf(short), '', theme)]),
    ...unknownLines(unknown, theme),
  ];
}

function codesOf(findings: readonly Finding[]): string {
  return [...new Set(findings.map(({ code }) => code))].join(' ');
}

/** What one closed file keeps from being told is told once. */
function unknownLines(findings: readonly TargetFinding[], theme: Theme): readonly string[] {
  const reasons = new Map<string, TargetFinding[]>();
  for (const finding of findings) {
    const key = JSON.stringify(finding.args);
    reasons.set(key, [...(reasons.get(key) ?? []), finding]);
  }
  return [...reasons.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    if (same.length === 1) return [line('unknown', first.code, sentence(first), theme)];
    const said = sentence(first);
    return [line('unknown', codesOf(same), said.slice(said.indexOf('? ') + 2), theme)];
  });
}

function line(severity: Finding['severity'], code: string, said: string, theme: Theme): string {
  const word = severity.padEnd(SEVERITY_WIDTH);
  const colored = rank(severity) >= rank('high') ? theme.bad(word) : word;
  return `  ${colored}  ${`${code.padEnd(CODE_WIDTH)}  ${escapeControls(said)}`.trimEnd()}\n`;
}

/** How many of each severity. */
export function totals({ findings, known, targets, against }: AuditReport): string {
  const counts = [...severities.toReversed(), 'unknown' as const].flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return count === 0 ? [] : [`${count} ${severity}`];
  });
  const accepted = known.length === 0 ? '' : `, and ${known.length} that the baseline accepts`;
  const observer =
    against === 'observer'
      ? "; nstool is not in all of the host's namespaces: what is the host's is not all known"
      : '';
  const found = counts.length === 0 ? 'no finding' : counts.join(', ');
  return `${found}${accepted}, in ${targets.length} ${targets.length === 1 ? 'target' : 'targets'}${observer}`;
}

/** Of many entries the first ones: --json has all. */
const MOST_STALE = 5;

/** Empty: a baseline has no more than it accepts. */
export function staleNote({ stale }: AuditReport): readonly string[] {
  if (stale.length === 0) return [];
  const shown = stale.slice(0, MOST_STALE).map(({ code, target }) => `${code} of ${target}`);
  const more = stale.length > MOST_STALE ? ` and ${stale.length - MOST_STALE} more` : '';
  return [`the baseline accepts what is no more: ${shown.join(', ')}${more}`];
}

export function auditJson({ against, targets, findings, known, stale, gaps }: AuditReport): Json {
  return {
    schema: 1,
    complete: isComplete(gaps),
    gaps: gaps.map(gapJson),
    against,
    targets: targets.map(({ target, pid, processes, alike }) => ({ target, pid, processes, alike })),
    findings: findings.map(findingJson),
    known: known.map(findingJson),
    stale: stale.map(({ code, target }) => ({ code, target })),
  };
}

function findingJson(finding: TargetFinding): Json {
  const { code, severity, target, pid, args, evidence, raised } = finding;
  return { code, severity, target, pid, text: sentence(finding), args, evidence, raised_by: raised };
}
