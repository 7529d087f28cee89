// Filters are total: any text is a filter or a problem. FC_SECONDS goes long.

import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Cell } from '../../src/render/columns.ts';
import { filterText, matches, parseFilter, type FilterColumn } from '../../src/render/filter/filter.ts';

const seconds = Number(process.env['FC_SECONDS'] ?? 0);
const parameters =
  seconds > 0
    ? { numRuns: Infinity, interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false }
    : { numRuns: 1000, seed: 20_261_101 };

type Row = readonly [Cell, Cell, Cell];

const columns: readonly FilterColumn<Row>[] = [
  { key: 'ns', type: 'number', get: (row) => row[0] },
  { key: 'command', type: 'string', get: (row) => row[1] },
  { key: 'nsfs', type: 'list', get: (row) => row[2] },
];

const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string());
const anyCell: fc.Arbitrary<Cell> = fc.oneof(anyText, fc.bigInt(), fc.double(), fc.constant(null), fc.array(anyText));
const anyRow: fc.Arbitrary<Row> = fc.tuple(anyCell, anyCell, anyCell);

const words = [
  'ns',
  'COMMAND',
  'Nsfs',
  '5',
  '4K',
  '1.5',
  '"a b"',
  "'x'",
  'true',
  'FALSE',
  '"1"',
  '(',
  ')',
  '!',
  'NOT',
  '&&',
  '||',
  'AND',
  'or',
  '==',
  '!=',
  '<',
  'LE',
  '>',
  'ge',
  '=~',
  '!~',
  '=~ "a*"',
  '"[[:alpha:]"',
  '"',
  '=',
  '-',
  '1KB',
];
/** Mostly wrong, but not at once. */
const soup = fc.array(fc.constantFrom(...words), { maxLength: 40 }).map((parts) => parts.join(' '));

const value = fc.constantFrom(
  'ns',
  'COMMAND',
  'nsfs',
  '0',
  '5',
  '-5',
  '4KiB',
  '0.5',
  '"a"',
  "'\"'",
  '"5"',
  'true',
  'FALSE',
);
const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'expression' },
    value,
    fc
      .tuple(tie('expression'), fc.constantFrom('&&', 'OR', '==', '!=', '<', 'GE'), tie('expression'))
      .map((parts) => parts.join(' ')),
    fc
      .tuple(tie('expression'), fc.constantFrom('=~', '!~'), fc.constantFrom('"a+"', "'^[\"]$'"))
      .map((parts) => parts.join(' ')),
    tie('expression').map((inner) => `!${inner}`),
    tie('expression').map((inner) => `(${inner})`),
  ),
}));

it('any text is a filter, which any row matches or not, or a problem with its place', () => {
  fc.assert(
    fc.property(fc.oneof(anyText, soup, expression), anyRow, (text, row) => {
      const parsed = parseFilter(text, columns);
      if (parsed.ok) {
        expect(typeof matches(parsed.filter, row)).toBe('boolean');
      } else {
        expect(parsed.problem).not.toBe('');
        expect(text.startsWith(parsed.word, parsed.at)).toBe(true);
      }
    }),
    parameters,
  );
});

it('a filter printed and parsed again is the same', () => {
  fc.assert(
    fc.property(expression, anyRow, (text, row) => {
      const parsed = parseFilter(text, columns);
      fc.pre(parsed.ok);
      const again = parseFilter(filterText(parsed.filter), columns);
      // Parentheses may make it longer than a filter may be.
      fc.pre(again.ok || !again.problem.includes('bytes'));
      expect(again).toEqual(parsed);
      expect(again.ok && matches(again.filter, row)).toBe(matches(parsed.filter, row));
    }),
    parameters,
  );
});

it('! turns every expression round', () => {
  fc.assert(
    fc.property(expression, anyRow, (text, row) => {
      const [parsed, turned] = [parseFilter(text, columns), parseFilter(`!(${text})`, columns)];
      fc.pre(parsed.ok && turned.ok);
      expect(matches(turned.filter, row)).toBe(!matches(parsed.filter, row));
    }),
    parameters,
  );
});

/** What POSIX and JavaScript read in the same way. */
const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '^', '$', '()', '\\.');
const quantifier = fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,}', '{0,2}');
const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'pattern' },
    fc
      .tuple(atom, quantifier)
      .map(([inner, times]) => (/[$^]/.test(inner) && inner.length === 1 ? inner : `${inner}${times}`)),
    fc.tuple(tie('pattern'), tie('pattern')).map((parts) => parts.join('')),
    fc.tuple(tie('pattern'), tie('pattern')).map((parts) => parts.join('|')),
    fc.tuple(tie('pattern'), quantifier).map(([inner, times]) => `(${inner})${times}`),
  ),
}));

it('a regular expression matches what that of JavaScript matches', () => {
  fc.assert(
    fc.property(pattern, fc.string({ unit: fc.constantFrom('a', 'b', '.', '\n'), maxLength: 8 }), (source, text) => {
      const parsed = parseFilter(`COMMAND =~ "${source}"`, columns);
      fc.pre(parsed.ok);
      // Cells lose the blanks at their ends.
      expect(matches(parsed.filter, [null, `.${text}.`, null])).toBe(new RegExp(source, 'su').test(`.${text}.`));
    }),
    parameters,
  );
});

it('any text is a regular expression or a problem, and every match of it ends', () => {
  const signs = fc.constantFrom(
    ...Array.from('ab.*+?|()[]^${}\\,-:0123459=<>wWsSbB`'),
    '[[:',
    ':]]',
    'alpha',
    '{1,9}',
    '{50}',
    ')+',
  );
  const source = fc.array(signs, { maxLength: 40 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(source, fc.string({ unit: fc.constantFrom('a', 'b', '-', ' '), maxLength: 200 }), (source, text) => {
      const parsed = parseFilter(`COMMAND =~ "${source}"`, columns);
      if (parsed.ok) expect(typeof matches(parsed.filter, [null, text, null])).toBe('boolean');
      else expect(parsed.at).toBeGreaterThan('COMMAND'.length);
    }),
    parameters,
  );
});
