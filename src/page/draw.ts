// A laid out graph as elements of SVG. All texts are text nodes.

import type { PageBox, PageGraph, PageLine } from '../render/graph-page.ts';
import { BOX_WIDTH, ROW_HEIGHT, rowsOf, TITLE_HEIGHT, type Layout, type Place } from './layout.ts';

const SVG = 'http://www.w3.org/2000/svg';
const INDENT = 12;
const PADDING = 8;
/** What does not fit is in the details. */
const LONGEST = 40;

type Attributes = Readonly<Record<string, string | number>>;

function element(name: string, attributes: Attributes, ...children: readonly (Node | string)[]): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

function cut(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

/** The lines first: boxes stand on them. */
export function draw({ boxes, lines }: PageGraph, layout: Layout, around: ReadonlySet<string>): DocumentFragment {
  const fragment = document.createDocumentFragment();
  for (const line of lines) {
    const path = pathOf(line, layout);
    if (path !== undefined) {
      const ends = { 'data-from': line.from, 'data-to': line.to };
      fragment.append(element('path', { class: `line ${line.style}`, d: path, ...ends }));
    }
  }
  for (const box of boxes) {
    const place = layout.boxes.get(box.id);
    if (place !== undefined) fragment.append(drawBox(box, place, around.has(box.id)));
  }
  return fragment;
}

function drawBox(box: PageBox, { x, y, height }: Place, isAround: boolean): SVGElement {
  const group = element('g', { class: `box ${box.shape}${isAround ? ' around' : ''}`, 'data-id': box.id });
  group.append(
    element('rect', { x, y, width: BOX_WIDTH, height, rx: 6 }),
    element(
      'text',
      { class: 'title', x: x + PADDING, y: y + 17, 'data-id': box.id, tabindex: 0, role: 'button' },
      cut(box.title, LONGEST - 6),
    ),
  );
  for (const [index, { node, depth }] of rowsOf(box).entries()) {
    const top = y + TITLE_HEIGHT + index * ROW_HEIGHT;
    const name = cut(node.title, 24);
    const rest = cut(node.text, Math.max(LONGEST - Array.from(name).length - 2 * depth, 0));
    const text = element('text', { x: x + PADDING + depth * INDENT, y: top + 13 }, name, ' ');
    text.append(element('tspan', { class: 'more' }, rest));
    const row = element('rect', { class: 'row', x: x + 2, y: top, width: BOX_WIDTH - 4, height: ROW_HEIGHT });
    const attributes = { class: 'node', 'data-id': node.id, tabindex: 0, role: 'button' };
    group.append(element('g', attributes, row, text));
  }
  return group;
}

/** From the side that faces the other; within a box a bow at its right. */
function pathOf({ from, to }: PageLine, { nodes }: Layout): string | undefined {
  const [a, b] = [nodes.get(from), nodes.get(to)];
  if (a === undefined || b === undefined) return undefined;
  if (a.x === b.x) {
    const side = a.x + BOX_WIDTH;
    return `M${side} ${a.y}C${side + 50} ${a.y} ${side + 50} ${b.y} ${side} ${b.y}`;
  }
  const [left, right] = a.x < b.x ? [a, b] : [b, a];
  const start = left.x + BOX_WIDTH;
  const bend = (right.x - start) / 2;
  return `M${start} ${left.y}C${start + bend} ${left.y} ${right.x - bend} ${right.y} ${right.x} ${right.y}`;
}
