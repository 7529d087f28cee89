import { describe, expect, it } from 'vitest';
import { nearest } from '../../../src/cli/nearest.ts';
import type { Cell } from '../../../src/render/columns.ts';
import { filterText, matches, parseFilter, type FilterColumn } from '../../../src/render/filter/filter.ts';

interface Row {
  readonly ns?: Cell;
  readonly type?: Cell;
  readonly nsfs?: Cell;
  readonly cpu?: Cell;
  readonly asked?: (key: string) => void;
}

function column(key: 'ns' | 'type' | 'nsfs' | 'cpu', type: FilterColumn<Row>['type']): FilterColumn<Row> {
  return {
    key,
    type,
    get: (row) => {
      row.asked?.(key);
      return row[key] ?? null;
    },
  };
}

const columns = [column('ns', 'number'), column('type', 'string'), column('nsfs', 'list'), column('cpu', 'number')];

function holds(text: string, row: Row = {}): boolean {
  const parsed = parseFilter(text, columns);
  if (!parsed.ok) throw new Error(`${parsed.problem} at ${parsed.at}`);
  return matches(parsed.filter, row);
}

function textOf(text: string): string {
  const parsed = parseFilter(text, columns);
  if (!parsed.ok) throw new Error(`${parsed.problem} at ${parsed.at}`);
  return filterText(parsed.filter);
}

const row: Row = { ns: 4_026_531_840n, type: 'net', nsfs: ['/run/netns/blue', '/mnt/b'], cpu: 1.5 };

describe('comparisons', () => {
  it.each([
    ['==', 'EQ', 'eq', [false, true, false]],
    ['!=', 'NE', 'ne', [true, false, true]],
    ['<', 'LT', 'lt', [true, false, false]],
    ['<=', 'LE', 'le', [true, true, false]],
    ['>', 'GT', 'gt', [false, false, true]],
    ['>=', 'GE', 'ge', [false, true, true]],
  ] as const)('%s, %s and %s', (symbol, upper, lower, expected) => {
    for (const operator of [symbol, upper, lower]) {
      expect([1n, 2n, 3n].map((ns) => holds(`NS ${operator} 2`, { ns }))).toEqual(expected);
      expect(['a', 'b', 'c'].map((type) => holds(`TYPE ${operator} "b"`, { type }))).toEqual(expected);
      expect([1, 1.5, 2].map((cpu) => holds(`CPU ${operator} 1.5`, { cpu }))).toEqual(expected);
    }
  });

  it('takes names in any case, and words for operators in one', () => {
    expect(holds('nS == 4026531840 and Type == "net"', row)).toBe(true);
    expect(holds('ns==4026531840AND TYPE=="net"', row)).toBe(true);
    expect(parseFilter('NS And TYPE', columns)).toMatchObject({ ok: false, at: 3, word: 'And' });
  });

  it('takes columns on both sides, and values', () => {
    expect(holds('NS == NS', row)).toBe(true);
    expect(holds('CPU < NS', row)).toBe(true);
    expect(holds('4026531840 == ns', row)).toBe(true);
    expect(holds('1 < 2')).toBe(true);
  });
});

describe('precedence', () => {
  it.each([
    // && and || are equals, whatever scols-filter(5) says: that is what lsns does.
    ['NS || TYPE && CPU', '(NS || TYPE) && CPU'],
    ['NS && TYPE || CPU', '(NS && TYPE) || CPU'],
    ['NS || (TYPE && CPU)', 'NS || (TYPE && CPU)'],
    ['NS == 1 && TYPE == "a"', '(NS == 1) && (TYPE == "a")'],
    ['!NS == 3', '!NS == 3'],
    ['!(NS == 3)', '!(NS == 3)'],
    ['NOT NOT NS EQ 3 AND TYPE', '(!!NS == 3) && TYPE'],
    ['NS == !TYPE == 3 =~ "a"', '((NS == !TYPE) == 3) =~ "a"'],
    ['1 == 1 == 1', '(1 == 1) == 1'],
    ['((NS))', 'NS'],
  ])('%s', (text, expected) => {
    expect(textOf(text)).toBe(expected);
    expect(textOf(expected)).toBe(expected);
  });

  it.each([
    ['TYPE == "net" || NS', ['type']],
    ['TYPE != "net" && NS', ['type']],
    ['TYPE == "net" && NS || CPU', ['type', 'ns', 'cpu']],
  ])('asks no more columns than it must: %s', (text, expected) => {
    const asked: string[] = [];
    holds(text, { type: 'net', asked: (key) => asked.push(key) });
    expect(asked).toEqual(expected);
  });
});

describe('a value alone', () => {
  it.each([
    ['NS', { ns: 0 }, false],
    ['NS', { ns: 0n }, false],
    ['NS', { ns: 1n }, true],
    ['CPU', { cpu: 0.5 }, true],
    ['TYPE', { type: '' }, false],
    ['TYPE', { type: ' ' }, false],
    ['TYPE', { type: '0' }, true],
    ['NSFS', { nsfs: [] }, false],
    ['NSFS', { nsfs: ['/'] }, true],
    ['5', {}, true],
    ['0', {}, false],
    ['0.0', {}, false],
    ['"x"', {}, true],
    ['""', {}, false],
    ['true', {}, true],
    ['FALSE', {}, false],
  ] as const)('%s of %o', (text, row, expected) => {
    expect(holds(text, row)).toBe(expected);
    expect(holds(`!${text}`, row)).toBe(!expected);
  });

  it.each(['', ' ', '\t\n'])('no words let all rows pass: %j', (text) => {
    expect(parseFilter(text, columns)).toMatchObject({ ok: true, keys: [] });
    expect(holds(text)).toBe(true);
  });
});

describe('sizes', () => {
  it.each([
    ['1K', 1n << 10n],
    ['3KiB', 3n << 10n],
    ['2M', 2n << 20n],
    ['2MiB', 2n << 20n],
    ['1G', 1n << 30n],
    ['1T', 1n << 40n],
    ['1P', 1n << 50n],
    ['7EiB', 7n << 60n],
    ['1Z', 1n << 70n],
    ['1YiB', 1n << 80n],
    ['007', 7n],
    ['99999999999999999999', 99_999_999_999_999_999_999n],
  ])('%s', (text, ns) => {
    expect(holds(`NS == ${text}`, { ns })).toBe(true);
    expect(holds(`NS == ${text}`, { ns: ns + 1n })).toBe(false);
  });
});

describe('conversions', () => {
  it.each([
    ['a number beside a text is a text', 'NS =~ "^40" && NS == "4026531840"', true],
    ['as a text 5 comes after 40', 'NS < "5"', true],
    ['a text beside a number is a number', '"40" > 5', false],
    ['a number may be negative', 'NS > -1 && CPU >= -0.5 && -4K < CPU', true],
    ['and is not its opposite', 'CPU == -1.5', false],
    ['nothing is below zero', 'NS < -0', false],
    ['so is that of a column', 'TYPE == 5', false],
    ['a float wins over an integer', 'CPU > 1 && CPU < 2 && NS > 0.5', true],
    ['of two columns the left one decides', 'TYPE == NS', false],
    ['beside true a value is true or false', 'NS == true && TYPE == false', true],
    ['an expression is true or false', '(NS == 1) == false', true],
    ['and more than one is true too', '(NS != 1) == 5', true],
    ['true is 1 among numbers', '1 == true', true],
    ['and a word among texts', '"true" == (NS != 1)', true],
    ['a list is a text of lines', 'NSFS == "/run/netns/blue" || NSFS =~ "^/run/netns/blue./mnt/b$"', true],
    ['blanks at the ends do not count', 'TYPE == " net "', true],
  ])('%s', (_, text, expected) => {
    expect(holds(text, row)).toBe(expected);
  });

  it('finds no number in a text that is none, and differs from all of them', () => {
    expect(holds('TYPE == 5', row)).toBe(false);
    expect(holds('TYPE != 5', row)).toBe(true);
    expect(holds('TYPE == 5', { type: ' 5' })).toBe(true);
    expect(holds('TYPE == 5.0', { type: '5' })).toBe(true);
  });

  it.each(['1', 'true', 'TRUE', 'y', 'Yes'])('takes the text %s for a yes', (type) => {
    expect(holds('TYPE == true', { type })).toBe(true);
    expect(holds('TYPE == true', { type: `no ${type}` })).toBe(false);
  });

  it('finds numbers beyond 2^53', () => {
    expect(holds('NS == 9007199254740993', { ns: 9_007_199_254_740_993n })).toBe(true);
    expect(holds('NS == 9007199254740992', { ns: 9_007_199_254_740_993n })).toBe(false);
  });
});

describe('empty cells', () => {
  it('of numbers compare with nothing, not even as different', () => {
    for (const operator of ['==', '!=', '<', '<=', '>', '>=']) {
      expect(holds(`NS ${operator} 0`)).toBe(false);
      expect(holds(`NS ${operator} 0.5`)).toBe(false);
      expect(holds(`TYPE ${operator} true`)).toBe(false);
    }
  });

  it('of texts come before all texts', () => {
    expect(['==', '!=', '<', '<=', '>', '>='].map((operator) => holds(`TYPE ${operator} ""`))).toEqual([
      false,
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(holds('TYPE == NSFS')).toBe(true);
  });

  it('are an empty text for regular expressions', () => {
    expect(holds('NSFS =~ "^$" && NS =~ "^$" && TYPE !~ "."')).toBe(true);
  });
});

describe('regular expressions', () => {
  it.each([
    ['net', 'e', true],
    ['net', '^n.t$', true],
    ['net', '^e', false],
    ['net', '(uts|net)', true],
    ['net', '', true],
    ['net4', '[[:digit:]]', true],
    ['net', '[[:digit:]]', false],
    ['net', '[^[:alpha:]]', false],
    ['a-b', '^[[:alpha:]_-]+$', true],
    ['a]b', 'a[]]b', true],
    ['a\\b', 'a[\\]b', true],
    ['abab', '^(ab){2}$', true],
    ['abab', '^(ab){3,}$', false],
    ['ab', '^(ab){,3}$', true],
    ['aaa', '^a{1,2}$', false],
    // As the newest libsmartcols: quantifiers of quantifiers are fine, and cost nothing.
    ['aaab', '^(a+)+b$', true],
    ['sda1', '(sda[0-9]?)?$', true],
    ['aa', '^a**+$', true],
    ['n.t', 'n\\.t', true],
    ['net', 'n\\.t', false],
    ['(x)', '\\(x\\)', true],
    ['x)', '^x)$', true],
    ['a b', '\\<b\\>', true],
    ['ab', '\\<b', false],
    ['ab', 'a\\Bb', true],
    ['a_1 b', '^\\w+\\s\\w$', true],
    ['d', '\\d', true],
    ['a\nb', '^a.b$', true],
    ['a\nb', '^b', false],
    ['grün', '^gr.n$', true],
    ['🙂', '^.$', true],
    ['Ü', '[[:upper:]]', true],
    ['b', '[a-c]', true],
    ['-', '[+--]', true],
    ['a', '[[.a.]]', true],
    ['b', '[[=a=]]', false],
    ['ac', 'ab?c', true],
    ['', '^$', true],
    ['x', 'x||y', true],
    ['b', '(^a|b)$', true],
    ['cb', '(^a|^b)$', false],
  ])('%j =~ %j: %s', (type, pattern, expected) => {
    expect(holds(`TYPE =~ "${pattern}"`, { type })).toBe(expected);
    expect(holds(`TYPE !~ ('${pattern}')`, { type })).toBe(!expected);
  });

  it('takes a time that grows with the text, and no faster', () => {
    const type = 'a'.repeat(100_000);
    expect(holds(`TYPE =~ "^${'a*'.repeat(100)}b$"`, { type })).toBe(false);
    expect(holds('TYPE =~ "(a|aa)+$" && TYPE =~ "^(a*)*$"', { type })).toBe(true);
    expect(holds('TYPE == "a"', { type: `${' '.repeat(1_000_000)}a` })).toBe(true);
  });
});

describe('what is wrong', () => {
  it.each([
    ['NS == mnt', 6, 'unknown column \'mnt\'; a text is written "mnt"', 'mnt'],
    ['NSX', 0, "unknown column 'NSX'", 'NSX'],
    ['NS = 5', 3, "'=' means nothing here", '='],
    ['NS & TYPE', 3, "'&' means nothing here", '&'],
    ['NS =', 3, "'=' means nothing here", '='],
    ['NS == - 5', 6, "'-' means nothing here", '-'],
    ['NS -5', 3, "an operator was to be here, not '-5'", '-5'],
    ['TYPE > 5', 5, 'TYPE is a text and 5 a number; a text is written "5"', '>'],
    ['-5 <= nsfs', 3, 'NSFS is a text and -5 a number; a text is written "-5"', '<='],
    ['NS == 1KB', 6, "'1KB' is no number: they are written 4096, 4K, 4KiB or 0.5", '1KB'],
    ['NS == 0x10', 6, "'0x10' is no number: they are written 4096, 4K, 4KiB or 0.5", '0x10'],
    ['NS ==', 5, 'a column or a value was to be here, not the end', ''],
    ['&& NS', 0, "a column or a value was to be here, not '&&'", '&&'],
    ['NS NS', 3, "an operator was to be here, not 'NS'", 'NS'],
    ['NS == 5)', 7, "an operator was to be here, not ')'", ')'],
    ['NS && (TYPE || CPU', 6, '( without its )', '('],
    ['(NS CPU)', 4, "an operator or ) was to be here, not 'CPU'", 'CPU'],
    ['()', 1, "a column or a value was to be here, not ')'", ')'],
    ['TYPE == "net', 8, 'a quote that is not closed', '"'],
    ["TYPE == 'net", 8, 'a quote that is not closed', "'"],
    ['TYPE =~ NS', 8, "a regular expression in quotes was to be here, not 'NS'", 'NS'],
    ['TYPE =~ 5', 8, "a regular expression in quotes was to be here, not '5'", '5'],
    ['TYPE =~ !"a"', 8, "a regular expression in quotes was to be here, not '!'", '!'],
    ['TYPE =~ "a(b"', 10, '( without its )', '('],
    ['TYPE =~ " a(b"', 11, '( without its )', '('],
    ['TYPE =~ "*a"', 9, 'nothing before * that it could repeat', '*'],
    ['TYPE =~ "^*"', 10, 'nothing before * that it could repeat', '*'],
    ['TYPE =~ "a[b"', 10, '[ without its ]', '['],
    ['TYPE =~ "[z-a]"', 10, 'a range ends before it begins', 'z-a'],
    ['TYPE =~ "[a-c-e]"', 13, 'a - without its range', '-'],
    ['TYPE =~ "[[:digits:]]"', 12, 'no character class [:digits:]', 'digits'],
    ['TYPE =~ "[[.ab.]]"', 10, '[.ab.] is not one character', '[.ab.]'],
    ['TYPE =~ "a{2,1}"', 10, '{2,1} ends before it begins', '{2,1}'],
    ['TYPE =~ "a{x"', 10, '{ in a regular expression takes {n}, {n,} or {n,m}', '{'],
    ['TYPE =~ "a\\"', 10, 'nothing after the last backslash', '\\'],
    ['TYPE =~ "(a)\\1"', 12, 'no back-references: \\1', '\\1'],
    ['TYPE =~ "(a{40}){51}"', 9, 'a regular expression that repeats too much', '(a{40}){51}'],
    ['TYPE =~ "((a?){950}){950}"', 9, 'a regular expression that repeats too much', '((a?){950}){950}'],
    ['NS == 5 ; rm', 8, "';' means nothing here", ';'],
    ['NS == 🙂', 6, "'🙂' means nothing here", '🙂'],
  ])('%s', (text, at, problem, word) => {
    expect(parseFilter(text, columns)).toMatchObject({ ok: false, at, problem, word });
  });

  it.each([
    ['NSSF =~ "x"', 'NSFS'],
    ['tipe == "net"', 'TYPE'],
    ['NS = 5', '=='],
    ['NS & TYPE', '&&'],
    ['NS | TYPE', '||'],
    ['TYPE ~ "a"', '=~'],
    ['NS And TYPE', 'and'],
    ['NS == True', 'TRUE'],
    ['TYPE =~ "[[:digits:]]"', 'digit'],
  ])('%s: what was meant is among the candidates', (text, meant) => {
    const parsed = parseFilter(text, columns);
    expect(parsed.ok ? undefined : nearest(parsed.word, parsed.candidates ?? [])).toBe(meant);
  });
});

describe('limits', () => {
  it('1024 bytes', () => {
    const padding = (bytes: number): string => `TYPE == "${'ü'.repeat(bytes / 2 - 5)}"`;
    expect(parseFilter(padding(1024), columns)).toMatchObject({ ok: true });
    expect(parseFilter(padding(1026), columns)).toMatchObject({
      ok: false,
      problem: 'a filter has at most 1024 bytes',
    });
  });

  it('256 parts', () => {
    expect(parseFilter(`${'!'.repeat(255)}NS`, columns)).toMatchObject({ ok: true });
    expect(parseFilter(`${'!'.repeat(256)}NS`, columns)).toMatchObject({
      ok: false,
      problem: 'a filter has at most 256 parts',
    });
    expect(parseFilter(`${'('.repeat(500)}NS${')'.repeat(500)}`, columns)).toMatchObject({ ok: true });
  });

  it('256 bytes of regular expression', () => {
    expect(parseFilter(`TYPE =~ "${'a'.repeat(256)}"`, columns)).toMatchObject({ ok: true });
    expect(parseFilter(`TYPE =~ "${'a'.repeat(257)}"`, columns)).toMatchObject({ ok: false, at: 9 });
  });
});

it('names the columns that it asks, each once', () => {
  expect(parseFilter('type == "net" && (NSFS =~ "x" || !Type) && NS', columns)).toMatchObject({
    ok: true,
    keys: ['type', 'nsfs', 'ns'],
  });
});
