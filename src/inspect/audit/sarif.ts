// Findings in the Static Analysis Results Interchange Format, which code hosts and dashboards read.
// Source: OASIS SARIF 2.1.0.

import { allChecks } from './checks.ts';
import { correlations } from './correlations.ts';
import type { Args, Finding } from './findings.ts';
import type { AuditReport } from './report.ts';
import { codes, sentence, titleOf } from './texts.ts';

/** JSON without numbers that JSON.parse would round. */
export type Sarif = string | number | boolean | null | readonly Sarif[] | { readonly [key: string]: Sarif };

const SCHEMA = 'https://json.schemastore.org/sarif-2.1.0.json';

type Level = 'error' | 'warning' | 'note' | 'none';

/** What could not be told is `open`, which has no level. */
const LEVELS: Readonly<Record<Finding['severity'], Level>> = {
  critical: 'error',
  high: 'error',
  medium: 'warning',
  low: 'note',
  info: 'note',
  unknown: 'none',
};

/** As code hosts sort by it: a score from 0 to 10. */
const SCORES: Readonly<Record<Finding['severity'], string>> = {
  critical: '9.5',
  high: '8.0',
  medium: '5.5',
  low: '3.0',
  info: '0.5',
  unknown: '0.0',
};

export function sarifOf({ findings, known, gaps }: AuditReport, version: string): Sarif {
  const rules = codes.filter((code) => !correlations.some((each) => each.code === code));
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'nstool', version, rules: rules.map(ruleOf) } },
        columnKind: 'utf16CodeUnits',
        invocations: [
          {
            executionSuccessful: true,
            toolExecutionNotifications: gaps.map(({ subject, reason, examples }) => {
              return {
                level: 'warning',
                message: { text: `${subject}: ${reason}${examples.length === 0 ? '' : ` (${examples[0]})`}` },
              };
            }),
          },
        ],
        results: [
          ...findings.map((each) => resultOf(each, rules, known.length > 0 ? 'new' : undefined)),
          ...known.map((each) => resultOf(each, rules, 'unchanged')),
        ],
      },
    ],
  };
}

function ruleOf(id: string): Sarif {
  const severity = allChecks.find(({ code }) => code === id)?.severity ?? 'info';
  return {
    id,
    shortDescription: { text: titleOf(id) },
    help: { text: `nstool explain ${id}` },
    defaultConfiguration: { level: LEVELS[severity] },
    properties: { 'security-severity': SCORES[severity], tags: ['security'] },
  };
}

function resultOf(
  finding: Finding & { readonly target: string },
  rules: readonly string[],
  state: 'new' | 'unchanged' | undefined,
): Sarif {
  const { code, severity, args, evidence, raised, target } = finding;
  return {
    ruleId: code,
    ruleIndex: rules.indexOf(code),
    kind: severity === 'unknown' ? 'open' : 'fail',
    level: LEVELS[severity],
    message: { text: `${target}: ${sentence(finding)}` },
    locations: [{ logicalLocations: [{ fullyQualifiedName: target, kind: 'process' }] }],
    partialFingerprints: { 'nstool/v1': fingerprint(code, target, args) },
    ...(state === undefined ? {} : { baselineState: state }),
    properties: { severity, args, evidence, raised_by: raised, 'security-severity': SCORES[severity] },
  };
}

/** The same for the same finding in the next run. */
function fingerprint(code: string, target: string, args: Args): string {
  const sorted = Object.entries(args).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([code, target, sorted]);
}
