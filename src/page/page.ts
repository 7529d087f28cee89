// The page of `net graph --html` in the browser: draws, filters, tells of what is clicked. It asks nobody for anything.

import type { PageGraph } from '../render/graph-page.ts';
import { detailsOf } from './details.ts';
import { draw } from './draw.ts';
import { filtered } from './filter.ts';
import { layOut } from './layout.ts';

function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no element ${id}`);
  return found;
}

const ZOOM_STEP = 1.25;
const [SMALLEST, LARGEST] = [0.1, 4];

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nstool wrote it
const graph = JSON.parse(byId('graph').textContent ?? '') as PageGraph;
const picture = byId('picture');
const search = byId('filter');
let shown = graph;
let zoom = 1;
let size = { width: 0, height: 0 };

function resize(): void {
  picture.setAttribute('viewBox', `0 0 ${size.width} ${size.height}`);
  picture.setAttribute('width', String(size.width * zoom));
  picture.setAttribute('height', String(size.height * zoom));
}

function show(text: string): void {
  const started = performance.now();
  const { graph: found, around } = filtered(graph, text);
  shown = found;
  const layout = layOut(found);
  size = layout;
  picture.replaceChildren(draw(found, layout, around));
  resize();
  const count = found.boxes.length - around.size;
  byId('count').textContent = `${count} of ${graph.boxes.length}`;
  // Laying it out is part of it.
  picture.getBoundingClientRect();
  performance.measure('draw', { start: started });
}

/** With what it leads to. */
function choose(id: string | undefined): void {
  byId('details').replaceChildren(...detailsOf(graph, id));
  for (const old of picture.querySelectorAll('.chosen')) old.classList.remove('chosen');
  if (id === undefined) return;
  const nodes = new Set(shown.boxes.find((box) => box.id === id)?.nodes.map((node) => node.id) ?? [id]);
  for (const one of picture.querySelectorAll('.box, .node, .line')) {
    const ends = [one.getAttribute('data-from'), one.getAttribute('data-to')];
    const isEnd = ends.some((end) => end !== null && nodes.has(end));
    if (isEnd || one.getAttribute('data-id') === id) one.classList.add('chosen');
  }
}

function idAt(event: Event): string | undefined {
  const { target } = event;
  return target instanceof Element ? (target.closest('[data-id]')?.getAttribute('data-id') ?? undefined) : undefined;
}

function jump(id: string): void {
  choose(id);
  picture.querySelector('.chosen:not(.line)')?.scrollIntoView({ block: 'center', inline: 'center' });
}

search.addEventListener('input', () => {
  if (search instanceof HTMLInputElement) show(search.value);
});
picture.addEventListener('click', (event) => choose(idAt(event)));
picture.addEventListener('keydown', (event) => {
  if (event.key === 'Enter' || event.key === ' ') choose(idAt(event));
});
byId('details').addEventListener('click', (event) => {
  const id = idAt(event);
  if (id !== undefined) jump(id);
});
for (const [button, factor] of [
  ['smaller', 1 / ZOOM_STEP],
  ['larger', ZOOM_STEP],
] as const) {
  byId(button).addEventListener('click', () => {
    zoom = Math.min(Math.max(zoom * factor, SMALLEST), LARGEST);
    resize();
  });
}
byId('theme').addEventListener('click', () => {
  const root = document.documentElement;
  const isDark = root.dataset['theme'] ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  root.dataset['theme'] = isDark === 'dark' ? 'light' : 'dark';
});

show('');
choose(undefined);
