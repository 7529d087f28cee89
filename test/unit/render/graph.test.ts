// Graphs of names that others chose: nothing of them is anything but text, in dot and in mermaid.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderDot, renderMermaid, type DrawnGraph } from '../../../src/render/graph.ts';

function graphOf(name: string): DrawnGraph {
  return {
    boxes: [
      { id: 'a', label: name, isDashed: false, nodes: [{ id: name, label: [name, 'veth'], shape: 'box' }] },
      { id: 'b', label: 'plain', isDashed: true, nodes: [{ id: 'b/1', label: ['eth0'], shape: 'round' }] },
      { id: 'c', label: 'empty', isDashed: false, nodes: [] },
    ],
    lines: [
      { from: name, to: 'b/1', label: name, style: 'plain' },
      { from: 'b/1', to: name, label: '', style: 'arrow' },
    ],
  };
}

/** Each would be something else than text, somewhere. */
const HOSTILE = [
  'a"];system[label="x',
  'a\\',
  'a\\"]; b -- c; "',
  '\\N\\G\\L',
  '&lt;script&gt;',
  '<b onmouseover=alert(1)>x</b>',
  '<<TABLE><TR><TD>x</TD></TR></TABLE>>',
  'x\n  n9["forged"]',
  'x\r\u2028y\u202etxt',
  '"]\nclick n0 "javascript:alert(1)"',
  '%%{init: {"securityLevel": "loose"}}%%',
  '#quot;#59;',
  '`**markdown**`',
  'end',
  ']])}>|"',
  '\u001b[31mred',
];

/** What stands outside of quoted strings. */
const outsideQuotes = (text: string): string => text.replaceAll(/"(?:[^"\\\n]|\\[^\n])*"/g, '""');

describe.each([
  ['dot', renderDot],
  ['mermaid', renderMermaid],
] as const)('%s', (form, render) => {
  const harmless = outsideQuotes(render(graphOf('x')));

  it.each(HOSTILE)('takes %j for text', (name) => {
    const text = render(graphOf(name));
    expect(outsideQuotes(text)).toBe(harmless);
    if (form === 'mermaid') expect(text.replaceAll('<br/>', '')).not.toMatch(/[<`%{]|&(?!gt)|#quot/);
  });

  it('takes any text for text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' })), (name) => {
        expect(outsideQuotes(render(graphOf(`x${name}`)))).toBe(harmless);
      }),
      { numRuns: 300, seed: 20_261_122 },
    );
  });
});

it('draws boxes, nodes and lines', () => {
  expect(renderDot(graphOf('eth1'))).toBe(`graph network {
  graph [rankdir=LR, fontname="sans-serif", compound=true];
  node [fontname="sans-serif", fontsize=10];
  edge [fontname="sans-serif", fontsize=9];
  subgraph cluster_0 {
    label="eth1"; style=rounded;
    n0 [label="eth1\\nveth", shape=box];
  }
  subgraph cluster_1 {
    label="plain"; style="rounded,dashed";
    n1 [label="eth0", shape=ellipse];
  }
  subgraph cluster_2 {
    label="empty"; style=rounded;
    empty_2 [label="", shape=none];
  }
  n0 -- n1 [label="eth1"];
  n1 -- n0 [dir=forward];
}
`);
  expect(renderMermaid(graphOf('a"b'))).toBe(`flowchart LR
  subgraph box0["a#34;b"]
    n0["a#34;b<br/>veth"]
  end
  subgraph box1["plain"]
    n1(["eth0"])
  end
  style box1 stroke-dasharray: 5 5
  subgraph box2["empty"]
    empty2[" "]
  end
  n0 ---|"a#34;b"| n1
  n1 --> n0
`);
});
