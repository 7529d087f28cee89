// How far a long look has come, on a terminal.

import { expect, it } from 'vitest';
import { progressOn } from '../../../src/cli/progress.ts';

function told(isTerminal: boolean, times: readonly number[]): readonly string[] {
  const said: string[] = [];
  let time = 0;
  const stream = { isTerminal, color: false, columns: () => 20 };
  const progress = progressOn(
    stream,
    (text) => said.push(text),
    () => time,
  );
  for (const next of times) {
    time = next;
    progress.tell(() => `${next} files, /usr/\x1b[31m/a-long-name`);
  }
  progress.end();
  return said;
}

it('says nothing of what is done in half a second', () => {
  expect(told(true, [0, 100, 499])).toEqual([]);
});

it('then a line at most every tenth of a second, escaped and cut, and takes it away', () => {
  const said = told(true, [400, 600, 650, 699, 700]);
  expect(said).toHaveLength(3);
  expect(said[0]?.startsWith('\r600 files, ')).toBe(true);
  expect(said[0]?.endsWith('\x1b[K')).toBe(true);
  expect(said[0]?.length).toBeLessThanOrEqual('\r'.length + 19 + '\x1b[K'.length);
  expect(said[0]).not.toContain('\x1b[31m');
  expect(said[1]).toContain('700 files');
  expect(said[2]).toBe('\r\x1b[K');
});

it('says nothing where there is no terminal', () => {
  expect(told(false, [600, 5000])).toEqual([]);
});
