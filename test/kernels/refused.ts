// `enter` that is refused: with the status of a failure of ours, and foreseen with the same words.

import { equal } from 'node:assert/strict';
import { commandLine, run, type RunResult } from '../support/program.ts';

/** `before` are words that start it, as `setpriv` and its options. */
export function enterBy(before: readonly string[], ...words: readonly string[]): RunResult {
  return run([...before, ...commandLine(['enter', ...words])]);
}

/** Tried and foreseen: what is said. */
export function refused(before: readonly string[], words: readonly string[]): string {
  const tried = enterBy(before, ...words, 'true');
  equal(tried.status, 125, `${words.join(' ')}: ${tried.stderr}`);
  const foreseen = enterBy(before, '--dry-run', ...words, 'true');
  equal(foreseen.stderr, tried.stderr);
  equal(foreseen.status, 4);
  return tried.stderr;
}

/** It is done, and was foreseen to be. */
export function allowed(before: readonly string[], words: readonly string[]): void {
  for (const more of [[], ['--dry-run']]) {
    const { status, stderr } = enterBy(before, ...more, ...words, 'true');
    equal(stderr, '', words.join(' '));
    equal(status, 0);
  }
}
