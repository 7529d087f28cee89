// What a guest of `npm run test:kernels` wrote to its console, as results.

import { expect, it } from 'vitest';
import { parseResults } from '../../../scripts/kernels/tap.ts';

const before = ['SeaBIOS (version 1.16.2)', 'Probing EDD... o\u001bc@@BEGIN', 'TAP version 13'];
const passed = ['# Subtest: one', 'ok 1 - one', '  ---', '  duration_ms: 1.5', '  ...'];
const failed = [
  '# Subtest: \\#2 in its place',
  'not ok 2 - \\#2 in its place',
  '  ---',
  "  location: '/nstool/test/kernels/guest.mjs:1:1'",
  "  failureType: 'testCodeFailure'",
  '  error: |-',
  '    1 !== 2',
  '    ok 3 - this is no result',
  "  code: 'ERR_ASSERTION'",
  '  expected: 2',
  '  ...',
];
const skipped = ['ok 3 - three # SKIP no such thing here', '  ---', '  ...'];
const after = ['1..3', '# tests 3', '@@END 1', 'ok 4 - this is not from the tests'];

const text = (...lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

it('tells passed, failed and skipped tests, with what went wrong', () => {
  expect(parseResults(text(...before, ...passed, ...failed, ...skipped, ...after))).toEqual({
    isComplete: true,
    tests: [
      { name: 'one', result: 'passed', detail: '' },
      {
        name: '#2 in its place',
        result: 'failed',
        detail: '  error: |-\n    1 !== 2\n    ok 3 - this is no result\n',
      },
      { name: 'three', result: 'skipped', detail: 'no such thing here' },
    ],
  });
});

it.each([
  ['nothing', ''],
  ['a kernel that did not get to the tests', text('Kernel panic - not syncing: No working init found.', 'ok 1 - one')],
  ['no last line', text(...before, ...passed, '1..1')],
  ['no plan', text(...before, ...passed, '@@END 0')],
  ['fewer tests than planned', text(...before, ...passed, '1..2', '@@END 0')],
])('does not take %s for a run that passed', (_, console) => {
  expect(parseResults(console).isComplete).toBe(false);
});
