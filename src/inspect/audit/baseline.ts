// Findings that somebody has looked at and accepted: what `audit --json` printed, or a list of code and target.

import { NsError } from '../../kernel/error.ts';
import { SLOW } from './checks.ts';
import { rank, severities, type Finding } from './findings.ts';
import type { AuditReport, TargetFinding } from './report.ts';

interface Accepted {
  readonly code: string;
  readonly target: string;
  /** Absent: whatever they are. */
  readonly args?: string;
  /** Absent: whatever it is. */
  readonly severity?: Finding['severity'];
}

/** Errors: BAD_VALUE. */
export function withBaseline(report: AuditReport, text: string, file: string): AuditReport {
  const accepted = parseBaseline(text, file);
  const byPlace = new Map<string, Accepted[]>();
  for (const each of accepted) {
    const key = place(each);
    byPlace.set(key, [...(byPlace.get(key) ?? []), each]);
  }
  const isKnown = (finding: TargetFinding): boolean =>
    (byPlace.get(place(finding)) ?? []).some((each) => accepts(each, finding));
  const known = report.findings.filter(isKnown);
  return {
    ...report,
    findings: report.findings.filter((finding) => !isKnown(finding)),
    known,
    stale: staleAmong(accepted, report, known),
  };
}

/** What accepts nothing any more, of targets that were looked at. Whether F1 was looked for the file does not say. */
function staleAmong(
  accepted: readonly Accepted[],
  { targets }: AuditReport,
  known: readonly TargetFinding[],
): AuditReport['stale'] {
  const looked = new Set(targets.map(({ target }) => target));
  const used = new Set(known.map(place));
  return accepted.flatMap((each) => {
    const { code, target } = each;
    if (!looked.has(target) || code === SLOW) return [];
    if (used.has(place(each)) && known.some((finding) => place(finding) === place(each) && accepts(each, finding)))
      return [];
    return [{ code, target }];
  });
}

function place({ code, target }: { readonly code: string; readonly target: string }): string {
  return JSON.stringify([code, target]);
}

/** One that has become worse is a new one. */
function accepts({ args, severity }: Accepted, finding: TargetFinding): boolean {
  if (args !== undefined && args !== ordered(finding.args)) return false;
  return severity === undefined || rank(finding.severity) <= rank(severity);
}

function ordered(args: object): string {
  return JSON.stringify(Object.entries(args).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function parseBaseline(text: string, file: string): readonly Accepted[] {
  const bad = (why: string): NsError =>
    new NsError('BAD_VALUE', {
      what: `${file} is no baseline`,
      why,
      tryThis: 'nstool audit --json > FILE, for a new FILE',
    });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw bad(error instanceof Error ? error.message : 'it is no JSON');
  }
  const findings = Array.isArray(json) ? json : fieldOf(json, 'findings');
  if (!Array.isArray(findings)) throw bad('neither a list, nor an answer with findings');
  // An answer that was given with a baseline has what that one accepted apart.
  const known = Array.isArray(json) ? [] : fieldOf(json, 'known');
  const entries: readonly unknown[] = [...findings, ...(Array.isArray(known) ? known : [])];
  return entries.map((entry, index) => {
    const [code, target, args, severity] = ['code', 'target', 'args', 'severity'].map((key) => fieldOf(entry, key));
    if (typeof code !== 'string' || typeof target !== 'string') throw bad(`entry ${index + 1} has no code and target`);
    const known = [...severities, 'unknown' as const].find((each) => each === severity);
    return {
      code,
      target,
      ...(typeof args === 'object' && args !== null ? { args: ordered(args) } : {}),
      ...(known === undefined ? {} : { severity: known }),
    };
  });
}

function fieldOf(json: unknown, key: string): unknown {
  return typeof json === 'object' && json !== null
    ? Object.entries(json).find(([name]) => name === key)?.[1]
    : undefined;
}
