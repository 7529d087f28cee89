// What an answer of `caps can` is made of.

import type { Gap } from '../../kernel/host.ts';

/** What decides. */
export type CheckBy =
  'capability' | 'owner' | 'ids' | 'sysctl' | 'id_map' | 'namespace' | 'mount' | 'process' | 'kernel' | 'lsm';

/** One thing that the kernel looks at. */
export interface Check {
  readonly by: CheckBy;
  /** Is it as the act needs it? null: we cannot see it. */
  readonly holds: boolean | null;
  /** What the act fails with where it does not hold. */
  readonly errno: string;
  /** A sentence without its full stop. */
  readonly text: string;
}

/** What an act comes to. */
export interface Verdict {
  /** null: what decides is hidden from us. */
  readonly answer: boolean | null;
  /** Absent (null): it is allowed, or which one is not known. */
  readonly errno: string | null;
  /** As the kernel looks; those after the one that decides are not there. */
  readonly checks: readonly Check[];
}

/** Each check must hold; the first that does not decides, and its errno comes. */
export function allOf(checks: readonly Check[]): Verdict {
  const failed = checks.findIndex(({ holds }) => holds === false);
  if (failed < 0) return { answer: checks.some(({ holds }) => holds === null) ? null : true, errno: null, checks };
  const seen = checks.slice(0, failed + 1);
  // One that is hidden may be what refuses it first.
  const errnos = new Set(seen.flatMap(({ holds, errno }) => (holds === true ? [] : errno)));
  return { answer: false, errno: errnos.size === 1 ? ([...errnos][0] ?? null) : null, checks: seen };
}

/** One of them is enough; of those that fail all are reasons, the last one's errno comes. */
export function anyOf(checks: readonly Check[]): Check {
  const found = checks.find(({ holds }) => holds === true) ?? checks.find(({ holds }) => holds === null);
  if (found !== undefined) return found;
  const last = checks.at(-1);
  const text = checks.map((check) => check.text).join('; ');
  return { by: last?.by ?? 'kernel', holds: false, errno: last?.errno ?? 'EPERM', text };
}

/** What could not be read decides nothing. */
export function hidden(by: CheckBy, what: string, gap: Gap): Check {
  return { by, holds: null, errno: 'EPERM', text: `${what} is hidden from us (${gap.errno ?? gap.reason})` };
}
