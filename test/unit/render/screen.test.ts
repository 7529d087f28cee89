// A screen: nothing wider or longer than the terminal, columns that keep their places, nothing that drives the terminal.

import { describe, expect, it } from 'vitest';
import { screenLines, screenText, type ScreenColumn } from '../../../src/render/screen.ts';
import { displayWidth } from '../../../src/render/width.ts';

interface Row {
  readonly count: string;
  readonly name: string;
}

const columns: readonly ScreenColumn<Row>[] = [
  { heading: 'COUNT', width: 6, align: 'right', spare: 1, text: ({ count }) => count },
  { heading: 'EXTRA', width: 20, align: 'left', spare: 2, text: () => 'more' },
  { heading: 'NAME', align: 'left', spare: -1, text: ({ name }) => name },
];

const rows: readonly Row[] = [
  { count: '1', name: '/short' },
  { count: '1023.9M', name: `/long/${'x'.repeat(300)}` },
  { count: '-', name: '/hostile/\u001B[2J\u202E\n日本語日本語日本語日本語日本語' },
];

const plain = (text: string): string => text;

function drawn(width: number, height = 10): readonly string[] {
  return screenLines({
    above: ['17:04:11  3 things', `a long remark ${'y'.repeat(300)}`],
    columns,
    rows,
    size: { rows: height, columns: width },
    styleHeading: plain,
  });
}

describe.each([40, 80, 200])('%i columns', (width) => {
  it('no line is wider, none drives the terminal', () => {
    for (const line of drawn(width)) {
      expect(displayWidth(line)).toBeLessThanOrEqual(width);
      // eslint-disable-next-line no-control-regex -- that is what must not be there
      expect(line).not.toMatch(/[\u0000-\u001F\u202E]/);
    }
  });

  it('columns are at one place in all lines, whatever stands in them', () => {
    const lines = drawn(width).slice(2);
    expect(new Set(lines.map((line) => line.indexOf(line.includes('NAME') ? 'NAME' : '/'))).size).toBe(1);
  });
});

it('what is spare goes first where there is no room', () => {
  expect(drawn(80)[2]).toBe(' COUNT  EXTRA                 NAME');
  expect(drawn(40)[2]).toBe(' COUNT  NAME');
  expect(drawn(20)[2]).toBe('NAME');
});

it.each([0, 1, 2, 3, 4, 10])('no more lines than %i', (height) => {
  expect(drawn(80, height).length).toBe(Math.min(height, 6));
});

it('is drawn from the corner, each line over what was there, with nothing left below', () => {
  expect(screenText(['a', 'b'])).toBe('\u001B[H\u001B[Ka\r\n\u001B[Kb\u001B[J');
});
