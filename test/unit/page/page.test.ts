// The page of a graph: where boxes stand, what a filter leaves, and that no name becomes anything but data.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { filtered } from '../../../src/page/filter.ts';
import { layOut, rowsOf } from '../../../src/page/layout.ts';
import { renderGraphPage, type PageBox, type PageGraph } from '../../../src/render/graph-page.ts';

function box(id: string, nodes: readonly string[], more: Partial<PageBox> = {}): PageBox {
  const own = nodes.map((name) => ({ id: `${id}/${name}`, title: name, text: 'veth', parent: null, facts: [] }));
  return { id, title: id, shape: 'plain', facts: [], nodes: own, ...more };
}

const line = (from: string, to: string): PageGraph['lines'][number] => ({ from, to, style: 'plain' });

const graph: PageGraph = {
  title: 'Networks',
  notes: [],
  boxes: [
    box('web', ['eth0']),
    box('host', ['docker0', 'v1', 'v2', 'wg0'], { shape: 'host' }),
    box('db', ['eth0'], { facts: [['processes', ['unit:postgres.service: 3']]] }),
    box('alone', []),
    box('behind', ['eth0']),
  ],
  lines: [line('host/v1', 'web/eth0'), line('host/v2', 'db/eth0'), line('db/eth0', 'behind/eth0')],
};

describe('layout', () => {
  const layout = layOut(graph);
  const at = (id: string): { x: number; y: number; height: number } =>
    layout.boxes.get(id) ?? { x: NaN, y: NaN, height: 0 };

  it('has the host first, then what it leads to, then what that leads to', () => {
    expect(at('host').x).toBeLessThan(at('web').x);
    expect(at('db').x).toBe(at('web').x);
    expect(at('behind').x).toBeGreaterThan(at('db').x);
    expect(at('alone').y).toBeGreaterThan(
      Math.max(...['host', 'web', 'db', 'behind'].map((id) => at(id).y + at(id).height)),
    );
  });

  it('keeps boxes apart, whatever leads where', () => {
    const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
    const nodes = ids.flatMap((id) => [`${id}/x`, `${id}/y`]);
    const lines = fc.array(fc.tuple(fc.constantFrom(...nodes), fc.constantFrom(...nodes)), { maxLength: 12 });
    fc.assert(
      fc.property(lines, (pairs) => {
        const made = layOut({
          ...graph,
          boxes: ids.map((id) => box(id, ['x', 'y'])),
          lines: pairs.map(([a, b]) => line(a, b)),
        });
        const all = [...made.boxes.values()];
        expect(all).toHaveLength(ids.length);
        for (const [index, one] of all.entries()) {
          expect(one.x + one.y).not.toBeNaN();
          for (const other of all.slice(index + 1))
            expect(one.x !== other.x || one.y + one.height <= other.y || other.y + other.height <= one.y).toBe(true);
        }
      }),
    );
  });

  it('has ports below their bridge', () => {
    const port = { id: 'p', title: 'p', text: '', parent: 'b', facts: [] };
    const bridge = { ...port, id: 'b', parent: null };
    const rows = rowsOf({ ...box('x', []), nodes: [port, { ...port, id: 'o', parent: 'not there' }, bridge] });
    expect(rows.map(({ node: { id }, depth }) => [id, depth])).toEqual([
      ['o', 0],
      ['b', 0],
      ['p', 1],
    ]);
  });
});

describe('filter', () => {
  const titles = (text: string): readonly string[] => filtered(graph, text).graph.boxes.map(({ id }) => id);

  it('keeps what has all words, and what that leads to', () => {
    expect(titles('')).toHaveLength(5);
    expect(titles('POSTGRES unit')).toEqual(['host', 'db', 'behind']);
    expect([...filtered(graph, 'postgres').around].toSorted()).toEqual(['behind', 'host']);
    expect(titles('postgres nothing')).toEqual([]);
  });

  it('shows of what is around only the links that lead to it', () => {
    const found = filtered(graph, 'postgres').graph;
    expect(found.boxes.find(({ id }) => id === 'host')?.nodes.map(({ title }) => title)).toEqual(['v2']);
    expect(found.lines).toHaveLength(2);
  });
});

describe('page', () => {
  const parts = { style: 'b{}', script: 'run()', styleHash: 'sha256-a', scriptHash: 'sha256-b' };
  const withName = (name: string): PageGraph => ({
    ...graph,
    title: name,
    notes: [name],
    boxes: [box('x', [name], { title: name, facts: [[name, [name]]] })],
    lines: [],
  });
  /** What is neither data nor the title. */
  const frame = (html: string): string =>
    html.replace(/(id="graph">)[^<]*/, '$1').replaceAll(/(<(?:title|h1)>)[^<>]*/g, '$1');

  it('takes any name for data, and gives it back', { timeout: 60_000 }, () => {
    const plain = frame(renderGraphPage(withName('x'), parts));
    const names = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('</script>', '<!--', '<script', ']]>', '\u202e'),
    );
    fc.assert(
      fc.property(names, (name) => {
        const html = renderGraphPage(withName(name), parts);
        expect(frame(html)).toBe(plain);
        const data = JSON.parse(/id="graph">([^<]*)</.exec(html)?.[1] ?? '') as PageGraph;
        if (/^[ -~]*$/.test(name)) expect(data.boxes[0]?.title).toBe(name);
        expect(data.boxes[0]?.title).not.toMatch(/\p{Cc}|\u202e/u);
      }),
    );
  });
});
