// Which boxes a text is found in, and those that they lead to.

import type { PageBox, PageGraph } from '../render/graph-page.ts';

export interface Filtered {
  readonly graph: PageGraph;
  /** Boxes that only lead to or from those that were found. */
  readonly around: ReadonlySet<string>;
}

/** All words have to be in it, in its name, its links, or what is told of them. */
export function filtered(graph: PageGraph, text: string): Filtered {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return { graph, around: new Set() };
  const found = new Set(graph.boxes.filter((box) => words.every((word) => textOf(box).includes(word))));
  const boxOf = new Map(graph.boxes.flatMap((box) => box.nodes.map(({ id }) => [id, box] as const)));
  const around = new Set<PageBox>();
  for (const { from, to } of graph.lines) {
    const [a, b] = [boxOf.get(from), boxOf.get(to)];
    if (a === undefined || b === undefined) continue;
    if (found.has(a) && !found.has(b)) around.add(b);
    if (found.has(b) && !found.has(a)) around.add(a);
  }
  const boxes = graph.boxes.filter((box) => found.has(box) || around.has(box));
  const shown = new Set(boxes.flatMap(({ nodes }) => nodes).map(({ id }) => id));
  // Of what is only around, what leads elsewhere would be most of the picture.
  const isFound = (id: string): boolean => found.has(boxOf.get(id) ?? NOWHERE);
  const lines = graph.lines.filter(
    ({ from, to }) => shown.has(from) && shown.has(to) && (isFound(from) || isFound(to)),
  );
  const ends = new Set(lines.flatMap(({ from, to }) => [from, to]));
  const cut = boxes.map((box) => (found.has(box) ? box : { ...box, nodes: withParents(box, ends) }));
  return { graph: { ...graph, boxes: cut, lines }, around: new Set([...around].map(({ id }) => id)) };
}

const NOWHERE: PageBox = { id: '', title: '', shape: 'plain', facts: [], nodes: [] };

function withParents({ nodes }: PageBox, ends: ReadonlySet<string>): PageBox['nodes'] {
  const parents = new Set(nodes.flatMap(({ id, parent }) => (ends.has(id) && parent !== null ? parent : [])));
  return nodes.filter(({ id }) => ends.has(id) || parents.has(id));
}

const texts = new WeakMap<PageBox, string>();

function textOf(box: PageBox): string {
  const known = texts.get(box);
  if (known !== undefined) return known;
  const facts = [box, ...box.nodes].flatMap((one) => one.facts.flatMap(([, values]) => values));
  const text = [box.title, ...box.nodes.flatMap(({ title, text: more }) => [title, more]), ...facts].join('\n');
  texts.set(box, text.toLowerCase());
  return text.toLowerCase();
}
