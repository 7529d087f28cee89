import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Column } from '../../src/render/columns.ts';
import { escapeControls, escapeWord } from '../../src/render/escape.ts';
import { renderJson } from '../../src/render/json.ts';
import { renderTable } from '../../src/render/text-table.ts';
import { drawTree, type TreeNode } from '../../src/render/tree.ts';
import { displayWidth } from '../../src/render/width.ts';

const parameters = { numRuns: 500, seed: 20_260_701 };
const anyText = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }), fc.string());
/** What acts on a terminal, or turns the reading direction. */
const acting = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/u;

it('escaping leaves nothing that acts', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      expect(acting.test(escapeControls(text))).toBe(false);
      expect(/\s/.test(escapeWord(text).replaceAll(/[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]/g, ''))).toBe(false);
    }),
    parameters,
  );
});

it('JSON holds nothing that acts but its own newlines, and means the same', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const json = renderJson([text]);
      expect(acting.test(json.trimEnd())).toBe(false);
      expect(JSON.parse(json)).toEqual([text]);
    }),
    parameters,
  );
});

it('a table is never wider than asked, and has a line a row', () => {
  const columns: readonly Column<readonly string[]>[] = [0, 1, 2].map((index) => ({
    key: `column${index}`,
    type: index === 0 ? 'number' : 'string',
    help: '',
    shrinks: index > 0,
    get: (row) => row[index] ?? null,
  }));
  const rows = fc.array(fc.array(anyText, { minLength: 3, maxLength: 3 }), { maxLength: 5 });
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 120 }), (grid, width) => {
      const lines = renderTable(grid, columns, { headings: true, width }).split('\n');
      expect(lines.length).toBe(grid.length + 2);
      for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(width);
    }),
    parameters,
  );
});

it('a tree prints every node once', () => {
  const leaf: fc.Arbitrary<TreeNode<number>> = fc.record({ row: fc.nat(), children: fc.constant([]) });
  const { tree } = fc.letrec<{ tree: TreeNode<number> }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 5, depthIdentifier: 'tree' },
      leaf,
      fc.record({ row: fc.nat(), children: fc.array(tie('tree'), { maxLength: 4 }) }),
    ),
  }));
  const count = (node: TreeNode<number>): number => node.children.reduce((sum, child) => sum + count(child), 1);
  fc.assert(
    fc.property(tree, (root) => {
      expect(drawTree([root]).length).toBe(count(root));
    }),
    { ...parameters, numRuns: 100 },
  );
});
