// Descriptors that keep a namespace, and do not tell which.

import type { Scan } from './scan.ts';

const MAX_SHOWN = 3;

/** A gap that names the first of them; `what`: what sort of thing they are. */
export function noteUntold(scan: Scan, what: string, paths: readonly string[]): void {
  if (paths.length === 0) return;
  const examples = paths.slice(0, MAX_SHOWN);
  scan.gaps.addUncounted({
    subject: 'namespace',
    reason: 'unsupported',
    errno: null,
    count: null,
    examples,
    detail: `kept only by ${what}: ${examples.join(', ')}`,
  });
}
