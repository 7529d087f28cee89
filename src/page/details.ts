// What is told of the box or node that was chosen.

import type { PageBox, PageFact, PageGraph, PageNode } from '../render/graph-page.ts';

type Child = Node | string;

function element(
  name: string,
  attributes: Readonly<Record<string, string>>,
  ...children: readonly Child[]
): HTMLElement {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Whose id it is. */
function chosen(graph: PageGraph, id: string): { readonly box: PageBox; readonly node?: PageNode } | undefined {
  for (const box of graph.boxes) {
    if (box.id === id) return { box };
    const node = box.nodes.find((one) => one.id === id);
    if (node !== undefined) return { box, node };
  }
  return undefined;
}

export function detailsOf(graph: PageGraph, id: string | undefined): readonly Child[] {
  const found = id === undefined ? undefined : chosen(graph, id);
  if (found === undefined) return overview(graph);
  const { box, node } = found;
  if (node === undefined) {
    return [
      element('h2', {}, box.title),
      facts(box.facts),
      ...box.nodes.flatMap((one) => [element('h3', {}, jump(one.id, one.title), ` ${one.text}`), facts(one.facts)]),
    ];
  }
  const others = graph.lines.flatMap(({ from, to }) => (from === node.id ? to : to === node.id ? from : []));
  const ends = others.flatMap((other) => {
    const far = chosen(graph, other);
    return far?.node === undefined
      ? []
      : element('p', {}, '↔ ', jump(other, far.node.title), ' in ', jump(far.box.id, far.box.title));
  });
  const where = element('p', {}, 'in ', jump(box.id, box.title));
  return [element('h2', {}, node.title), element('p', {}, node.text), where, ...ends, facts(node.facts)];
}

function overview({ boxes, lines, notes }: PageGraph): readonly Child[] {
  const counts = element('p', {}, `${boxes.length} network namespaces, ${lines.length} lines. A click tells more.`);
  return [counts, ...notes.map((note) => element('p', { class: 'note' }, note))];
}

function facts(all: readonly PageFact[]): HTMLElement {
  const list = element('dl', {});
  for (const [name, values] of all)
    list.append(element('dt', {}, name), ...values.map((value) => element('dd', {}, value)));
  return list;
}

function jump(id: string, title: string): HTMLElement {
  return element('button', { class: 'jump', 'data-id': id }, title);
}
