import { describe, expect, it } from 'vitest';
import { secondsOf } from '../../../src/cli/commands/seconds-option.ts';

const given = (text: string): Parameters<typeof secondsOf>[0] => ({
  operands: [],
  options: new Map([['for', [text]]]),
  program: [],
});

describe('a time', () => {
  it.each([
    ['2', 2000],
    ['0.5', 500],
    ['5s', 5000],
    ['500ms', 500],
    ['1.5m', 90_000],
    ['1h', 3_600_000],
    ['1000000', 1_000_000_000],
  ])('%s is %i ms', (text, milliseconds) => {
    expect(secondsOf(given(text), 'for')).toBe(milliseconds);
  });

  it.each(['0', '', '-1', '5d', '1e3', '5 s', '9ms', '1000001', '1000000m', '٣', 's'])("'%s' is none", (text) => {
    expect(() => secondsOf(given(text), 'for')).toThrow(/--for takes seconds/);
  });

  it('0 is one where none at all has a meaning', () => {
    expect(secondsOf(given('0'), 'for', { zero: true })).toBe(0);
    expect(secondsOf(given('0ms'), 'for', { zero: true })).toBe(0);
    expect(() => secondsOf(given('1ms'), 'for', { zero: true })).toThrow(/--for takes seconds/);
  });

  it('not given is none', () => {
    expect(secondsOf({ operands: [], options: new Map(), program: [] }, 'for')).toBeUndefined();
  });
});
