// What is said of what could not be seen.

import { describe, expect, it } from 'vitest';
import { gapNote } from '../../../src/cli/gap-text.ts';
import type { CountedGap } from '../../../src/kernel/gap-tally.ts';

const beyond: CountedGap = {
  subject: 'cgroup above',
  reason: 'unsupported',
  errno: null,
  count: 3,
  examples: ['limits above /sys/fs/cgroup (cpu) are beyond our view'],
  detail: null,
};

describe('gapNote', () => {
  it('counts the noun, not what comes after it', () => {
    expect(gapNote(beyond)).toBe(
      '3 cgroups above: not supported here (limits above /sys/fs/cgroup (cpu) are beyond our view)',
    );
    expect(gapNote({ ...beyond, count: 1 })).toMatch(/^1 cgroup above: /);
  });

  it('is a line, however long the path that somebody made', () => {
    const path = `/sys/fs/cgroup${'/n'.repeat(6000)}`;
    const note = gapNote({ ...beyond, examples: [path] });
    expect(note.length).toBeLessThan(500);
    expect(note).toMatch(/^3 cgroups above: not supported here \(\/sys\/fs\/cgroup\/n.*…\)$/);
  });
});

it.each([
  ['process', 1, '1 process: permission denied (/x)'],
  ['process', 2, '2 processes: permission denied'],
  ['entry of the journal', 4, '4 entries of the journal: permission denied'],
  ['key', 2, '2 keys: permission denied'],
  ['owner or parent', null, 'some owners or parents: permission denied'],
])('%s, %s', (subject, count, text) => {
  const gap = { subject, reason: 'denied', errno: 'EACCES', count, examples: ['/x'], detail: null } as const;
  expect(gapNote(gap)).toBe(text);
});
