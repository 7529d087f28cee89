// The one error: a closed code and facts. Its text is made in one place of the CLI, never where the work is done.
// A gap is something else: one of many that could not be read is a value in the report (host.ts).

import type { CountedGap } from './gap-tally.ts';
import type { Gap } from './host.ts';

export type ErrorCode =
  /** The command line is wrong. */
  | 'USAGE'
  /** A word of the command line is not of its kind. */
  | 'BAD_VALUE'
  | 'NO_PROCESS'
  | 'NO_NAMESPACE'
  | 'NO_FILE'
  /** The kernel refused (EPERM, EACCES). */
  | 'DENIED'
  /** This kernel, configuration or build lacks what is needed. */
  | 'UNSUPPORTED'
  /** The proc file system at /proc is missing, or is that of another pid namespace. */
  | 'FOREIGN_PROC'
  /** A kernel file is not as documented. */
  | 'PARSE'
  /** The answer could not be written: a full disk. */
  | 'OUTPUT';

export interface ErrorFacts {
  /** What was to be done or read. */
  readonly what: string;
  readonly why?: string;
  readonly tryThis?: string;
  /** What could not be looked at, and may be what was asked for. */
  readonly gaps?: readonly CountedGap[];
  /** What there is instead of `word`: names, each with the target it is. The nearest one may have been meant. */
  readonly near?: { readonly word: string; readonly known: ReadonlyMap<string, string> };
}

export class NsError extends Error {
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, facts: ErrorFacts) {
    super(`${code}: ${facts.what}`);
    this.name = 'NsError';
    this.code = code;
    this.facts = facts;
  }
}

/** The error for a gap where no answer is possible without it. */
export function errorOfGap(gap: Gap, what: string): NsError {
  const where = gap.errno === undefined ? gap.what : `${gap.what}: ${gap.errno}`;
  switch (gap.reason) {
    case 'gone':
      return new NsError('NO_FILE', { what, why: where });
    case 'denied':
      return new NsError('DENIED', { what, why: where });
    case 'malformed':
      return new NsError('PARSE', { what, why: `${gap.what}:${gap.line ?? 1}: ${gap.text ?? ''}` });
    case 'unsupported':
    case 'unrecorded':
      return new NsError('UNSUPPORTED', { what, why: `${where} (${gap.reason})` });
  }
}
