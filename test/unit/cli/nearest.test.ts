import { expect, it } from 'vitest';
import { nearest } from '../../../src/cli/nearest.ts';

it.each([
  ['nte', 'net'],
  ['COMAND', 'command'],
  ['entre', 'enter'],
  ['lss', 'ls'],
  ['xyzzy', undefined],
  ['', undefined],
  ['a'.repeat(10_000), undefined],
])('%.20s is nearest to %s', (word, expected) => {
  expect(nearest(word, ['net', 'command', 'enter', 'ls'])).toBe(expected);
});
