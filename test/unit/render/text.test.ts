import { describe, expect, it } from 'vitest';
import { bytesText, selectColumns, type Column } from '../../../src/render/columns.ts';
import { escapeControls, escapeWord } from '../../../src/render/escape.ts';
import { renderJson } from '../../../src/render/json.ts';
import { renderBoxed } from '../../../src/render/table.ts';
import { renderRaw, renderTable, renderTree } from '../../../src/render/text-table.ts';
import { theme } from '../../../src/render/theme.ts';
import { displayWidth, shorten } from '../../../src/render/width.ts';

interface Row {
  readonly id: number | null;
  readonly name: string | null;
  readonly paths: readonly string[];
}

const columns: readonly Column<Row>[] = [
  { key: 'id', type: 'number', help: '', get: (row) => row.id },
  { key: 'paths', type: 'list', help: '', get: (row) => row.paths },
  { key: 'name', type: 'string', help: '', shrinks: true, get: (row) => row.name },
];

const rows: readonly Row[] = [
  { id: 7, name: 'a rather long name that does not fit into forty columns', paths: [] },
  { id: null, name: 'línea\u001b[31m\u202e', paths: ['/a', '/b'] },
  { id: 1234, name: null, paths: ['/c'] },
];

describe('a table', () => {
  it('is aligned, and whole in a pipe', () => {
    expect(renderTable(rows, columns, { headings: true })).toBe(
      [
        '  ID  PATHS  NAME',
        '   7  -      a rather long name that does not fit into forty columns',
        String.raw`   -  /a,/b  línea\x1b[31m\u202e`,
        '1234  /c     -',
        '',
      ].join('\n'),
    );
  });

  it.each([40, 80, 200])('fits %i columns', (width) => {
    const text = renderTable(rows, columns, { headings: true, width });
    for (const line of text.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(width);
    expect(text.includes('…')).toBe(width === 40);
    expect(text).toMatchSnapshot();
  });

  it('cuts whole lines where no column can shrink far enough', () => {
    const text = renderTable(rows, columns, { headings: true, width: 9 });
    for (const line of text.split('\n')) expect(displayWidth(line)).toBeLessThanOrEqual(9);
  });

  it('can do without headings', () => {
    expect(renderTable([rows[2] as Row], columns, { headings: false })).toBe('1234  /c  -\n');
  });

  it('marks its headings as it is told', () => {
    const { heading } = theme(true);
    const text = renderTable([], columns, { headings: true, styleHeading: heading });
    expect(text).toBe('\u001b[1mID  PATHS  NAME\u001b[22m\n');
    expect(theme(false).heading('x')).toBe('x');
  });
});

describe('a tree', () => {
  it('draws its branches in one column', () => {
    const leaf = (name: string): { row: Row; children: never[] } => ({ row: { id: 1, name, paths: [] }, children: [] });
    const roots = [
      { row: { id: 1, name: 'a', paths: [] }, children: [{ ...leaf('b'), children: [leaf('c')] }, leaf('d')] },
      leaf('e'),
    ];
    expect(renderTree(roots, [columns[2] as Column<Row>], 'name', { headings: false })).toBe(
      ['a', '├─b', '│ └─c', '└─d', 'e', ''].join('\n'),
    );
  });

  it('is drawn however deep it is', () => {
    let node: { row: Row; children: { row: Row; children: never[] }[] } = {
      row: { id: 0, name: 'x', paths: [] },
      children: [],
    };
    for (let depth = 0; depth < 20_000; depth += 1)
      node = { row: { id: 0, name: 'x', paths: [] }, children: [node as never] };
    const text = renderTree([node], [columns[0] as Column<Row>], 'name', { headings: false });
    expect(text.split('\n').length).toBe(20_002);
  });
});

describe('raw output', () => {
  it('has no blank inside a word and no empty word', () => {
    const row = { id: null, name: 'a b\\c\n\t', paths: [] };
    expect(renderRaw([row, { ...row, name: '' }], columns, true)).toBe(
      ['ID PATHS NAME', String.raw`- - a\x20b\x5cc\x0a\x09`, '- - -', ''].join('\n'),
    );
  });
});

describe('escaping', () => {
  it('shows what would act', () => {
    expect(escapeControls('a\u0007\u009b\u200f\u{e0001}\ud800b\n')).toBe(String.raw`a\x07\x9b\u200f\u{e0001}\ud800b\n`);
    expect(escapeControls('ein schöner Tag 日本 👍')).toBe('ein schöner Tag 日本 👍');
    expect(escapeWord('\\')).toBe(String.raw`\x5c`);
  });
});

describe('JSON', () => {
  it('writes 64-bit numbers in full and keeps hostile text harmless', () => {
    const text = renderJson({
      a: 18446744073709551615n,
      b: ['\u009b1m\u202e'],
      c: [],
      d: null,
      e: [{ f: 1 }, { f: 2 }],
    });
    expect(text).toBe(
      `{\n  "a": 18446744073709551615,\n  "b": ["\\u009b1m\\u202e"],\n  "c": [],\n  "d": null,\n  "e": [\n    { "f": 1 },\n    { "f": 2 }\n  ]\n}\n`,
    );
    expect(JSON.parse(text).b).toEqual(['\u009b1m\u202e']);
  });
});

describe('widths', () => {
  it('counts columns, not characters', () => {
    expect(displayWidth('日本')).toBe(4);
    expect(displayWidth('e\u0301')).toBe(1);
    expect(shorten('日本語', 5)).toBe('日本…');
    expect(shorten('abc', 3)).toBe('abc');
    expect(shorten('abcd', 3)).toBe('ab…');
    expect(shorten('abcd', 0)).toBe('');
  });
});

describe('columns', () => {
  it('are chosen in any case, appended with +, and each once', () => {
    const keys = (list?: string): unknown => {
      const selection = selectColumns(columns, ['id', 'name'], list);
      return selection.ok ? selection.columns.map((column) => column.key) : selection.unknown;
    };
    expect(keys()).toEqual(['id', 'name']);
    expect(keys('PATHS,Id')).toEqual(['paths', 'id']);
    expect(keys('+paths,id')).toEqual(['id', 'name', 'paths']);
    expect(keys('id,nope')).toBe('nope');
    expect(keys('')).toBe('');
  });
});

describe('a boxed table', () => {
  it('has no colour of its own', () => {
    const text = renderBoxed(['a'], [['b\u001b[31m']]);
    expect(text.includes('\u001b')).toBe(false);
    expect(text.split('\n')[1]).toContain('a');
  });
});

describe('bytes', () => {
  it.each([
    [0, '0'],
    [512, '512'],
    [1023, '1023'],
    [1024, '1.0K'],
    [1536, '1.5K'],
    [1024 * 1024 - 1, '1.0M'],
    [12.34 * 1024 ** 2, '12.3M'],
    [1024 ** 6 * 4, '4.0E'],
  ])('%i are %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });

  it('stay a number in raw output', () => {
    const sized = [
      { key: 'rss', type: 'number', unit: 'bytes', help: '', get: (row: { rss: number }) => row.rss },
    ] as const;
    expect(renderTable([{ rss: 2048 }], sized, { headings: false })).toBe('2.0K\n');
    expect(renderRaw([{ rss: 2048 }], sized, false)).toBe('2048\n');
  });
});
