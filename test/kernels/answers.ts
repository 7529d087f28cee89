// What nstool answers in JSON, as its schema has it.

import { deepEqual, equal } from 'node:assert/strict';
import { nstool } from '../support/program.ts';
import { faults } from '../support/schemas.ts';

export interface Question {
  readonly uid?: number;
  /** Expected. Absent: 0. */
  readonly status?: number;
}

/** `words` begin with the command: `cgroup why` is one word. */
export function answer(words: readonly string[], { uid, status = 0 }: Question = {}): unknown {
  const [command = '', ...rest] = words;
  const result = nstool([...command.split(' '), '--json', ...rest], uid === undefined ? {} : { uid });
  equal(result.status, status, `${words.join(' ')}: ${result.stderr}`);
  const parsed = JSON.parse(result.stdout) as unknown;
  deepEqual(faults(command, parsed), [], words.join(' '));
  return parsed;
}
