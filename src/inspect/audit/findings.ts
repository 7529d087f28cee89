// What an audit finds, as data. The texts are made of it in one place: texts.ts.

import type { Gap } from '../../kernel/host.ts';

/** From what is good to know to what gives the host away. */
export const severities = ['info', 'low', 'medium', 'high', 'critical'] as const;

export type Severity = (typeof severities)[number];

/** What a text is made of. Strings are data of others: any characters. Nothing in it changes by itself from run to run. */
export type Args = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** What a check tells of one target. */
export interface Found {
  readonly severity: Severity;
  readonly args?: Args;
  /** Where it was read, and what stood there. */
  readonly evidence: readonly string[];
}

export interface Finding {
  readonly code: string;
  /** `unknown`: the check could not be made; `args` has the reason, what was asked and the errno. */
  readonly severity: Severity | 'unknown';
  readonly args: Args;
  readonly evidence: readonly string[];
  /** The correlations that made it critical. */
  readonly raised: readonly string[];
}

export function unknownFinding(code: string, { reason, what, errno, text }: Gap): Finding {
  return {
    code,
    severity: 'unknown',
    args: { reason, what, errno: errno ?? null, text: text ?? null },
    evidence: [],
    raised: [],
  };
}

/** Higher is worse. An unknown one could be anything: it stands below what is known, and is never less than nothing. */
export function rank(severity: Finding['severity']): number {
  return severity === 'unknown' ? -1 : severities.indexOf(severity);
}

/** One step less. */
export function lower(severity: Severity): Severity {
  return severities[Math.max(severities.indexOf(severity) - 1, 0)] ?? 'info';
}
