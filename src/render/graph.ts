// A graph of boxes with nodes in them, as text for Graphviz and mermaid. Labels come from other processes: in dot all of
// it stands in a quoted string, in mermaid each character that could mean something is a number.

import { escapeControls } from './escape.ts';

export interface GraphBox {
  readonly id: string;
  readonly label: string;
  readonly isDashed: boolean;
  readonly nodes: readonly GraphNode[];
}

export interface GraphNode {
  readonly id: string;
  /** A line each. */
  readonly label: readonly string[];
  readonly shape: 'box' | 'round';
}

export interface GraphLine {
  readonly from: string;
  readonly to: string;
  readonly label: string;
  /** `plain` has no direction. */
  readonly style: 'plain' | 'arrow' | 'dashed';
}

export interface DrawnGraph {
  readonly boxes: readonly GraphBox[];
  readonly lines: readonly GraphLine[];
}

/** For dot(1). Source: graphviz.org/doc/info/lang.html. */
export function renderDot({ boxes, lines }: DrawnGraph): string {
  const nameOf = namer(boxes);
  const text = [
    'graph network {',
    '  graph [rankdir=LR, fontname="sans-serif", compound=true];',
    '  node [fontname="sans-serif", fontsize=10];',
    '  edge [fontname="sans-serif", fontsize=9];',
  ];
  for (const [index, box] of boxes.entries()) {
    text.push(`  subgraph cluster_${index} {`);
    text.push(`    label=${dotText([box.label])}; style=${box.isDashed ? '"rounded,dashed"' : 'rounded'};`);
    // An empty cluster is not drawn.
    if (box.nodes.length === 0) text.push(`    empty_${index} [label="", shape=none];`);
    for (const { id, label, shape } of box.nodes) {
      text.push(`    ${nameOf(id)} [label=${dotText(label)}, shape=${shape === 'round' ? 'ellipse' : 'box'}];`);
    }
    text.push('  }');
  }
  for (const { from, to, label, style } of lines) {
    const attributes = [
      ...(label === '' ? [] : [`label=${dotText([label])}`]),
      ...(style === 'plain' ? [] : ['dir=forward']),
      ...(style === 'dashed' ? ['style=dashed'] : []),
    ];
    text.push(`  ${nameOf(from)} -- ${nameOf(to)}${attributes.length === 0 ? '' : ` [${attributes.join(', ')}]`};`);
  }
  return `${[...text, '}'].join('\n')}\n`;
}

/** Backslashes lead to escapes in labels, ampersands to characters by name. */
function dotText(lines: readonly string[]): string {
  const escaped = lines.map((line) =>
    escapeControls(line).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('&', '&amp;'),
  );
  return `"${escaped.join('\\n')}"`;
}

/** A flowchart. Source: mermaid.js.org/syntax/flowchart.html, its entity codes. */
export function renderMermaid({ boxes, lines }: DrawnGraph): string {
  const nameOf = namer(boxes);
  const text = ['flowchart LR'];
  for (const [index, box] of boxes.entries()) {
    text.push(`  subgraph box${index}["${mermaidText([box.label])}"]`);
    // An empty subgraph is refused by some versions.
    if (box.nodes.length === 0) text.push(`    empty${index}[" "]`);
    for (const { id, label, shape } of box.nodes) {
      const [open, close] = shape === 'round' ? ['([', '])'] : ['[', ']'];
      text.push(`    ${nameOf(id)}${open}"${mermaidText(label)}"${close}`);
    }
    text.push('  end');
    if (box.isDashed) text.push(`  style box${index} stroke-dasharray: 5 5`);
  }
  const arrows = { plain: '---', arrow: '-->', dashed: '-.->' };
  for (const { from, to, label, style } of lines) {
    text.push(`  ${nameOf(from)} ${arrows[style]}${label === '' ? '' : `|"${mermaidText([label])}"|`} ${nameOf(to)}`);
  }
  return `${text.join('\n')}\n`;
}

/** All but what can mean nothing in any place: HTML, markdown, directives and entities are live in labels. */
function mermaidText(lines: readonly string[]): string {
  const escaped = lines.map((line) =>
    Array.from(escapeControls(line), (character) =>
      /[A-Za-z0-9 .,:/@_-]/.test(character) ? character : `#${character.codePointAt(0) ?? 0};`,
    ).join(''),
  );
  return escaped.join('<br/>');
}

/** Names of nodes are ours: no text of others is one. */
function namer(boxes: readonly GraphBox[]): (id: string) => string {
  const names = new Map(boxes.flatMap(({ nodes }) => nodes).map(({ id }, index) => [id, `n${index}`]));
  return (id) => names.get(id) ?? 'n_unknown';
}
