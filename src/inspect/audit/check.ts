// A check, as data: what it is called, what it needs, what it makes of that.

import { value, type Gap, type Reading } from '../../kernel/host.ts';
import type { Ask, Evidence } from './evidence.ts';
import { unknownFinding, type Finding, type Found, type Severity } from './findings.ts';

export interface Check {
  readonly code: string;
  /** Without circumstances that make it more or less. */
  readonly severity: Severity;
  /** `contained`: only of what is meant to be kept from the host. */
  readonly of: 'contained' | 'all';
  readonly findings: (ask: Ask) => readonly Finding[];
}

/**
 * `judge` is asked only when all that it needs could be read; else the check is unknown, with the first reason. It may
 * come upon gaps itself.
 */
export function check<Key extends keyof Evidence>(
  code: string,
  severity: Severity,
  of: Check['of'],
  needs: readonly Key[],
  judge: (evidence: Pick<Evidence, Key>, severity: Severity) => readonly (Found | Gap)[] | Gap,
): Check {
  const findings = (ask: Ask): readonly Finding[] => {
    const evidence = gather(ask, needs);
    if (!evidence.ok) return [unknownFinding(code, evidence.gap)];
    const found = judge(evidence.value, severity);
    if ('reason' in found) return [unknownFinding(code, found)];
    return found.map((each) => (isGap(each) ? unknownFinding(code, each) : findingOf(code, each)));
  };
  return { code, severity, of, findings };
}

function isGap(found: Found | Gap): found is Gap {
  return 'reason' in found;
}

function findingOf(code: string, { severity, args, evidence }: Found): Finding {
  return { code, severity, args: args ?? {}, evidence, raised: [] };
}

function gather<Key extends keyof Evidence>(ask: Ask, needs: readonly Key[]): Reading<Pick<Evidence, Key>> {
  const found: Partial<Pick<Evidence, Key>> = {};
  for (const key of needs) {
    const reading = ask(key);
    if (!reading.ok) return reading;
    found[key] = reading.value;
  }
  return isWhole(found, needs) ? value(found) : { ok: false, gap: NOTHING };
}

function isWhole<T extends object>(found: Partial<T>, needs: readonly (keyof T)[]): found is T {
  return needs.every((key) => key in found);
}

const NOTHING: Gap = { reason: 'unsupported', what: 'evidence' };
