// A graph as one HTML page that needs nothing else: what it is made of, and how it is put together. What runs in the browser
// is in src/page. All names come from other processes: they are data, in a block that is no script, and become text nodes.

import { escapeControls } from './escape.ts';

export interface PageGraph {
  readonly title: string;
  /** What could not be read. */
  readonly notes: readonly string[];
  readonly boxes: readonly PageBox[];
  readonly lines: readonly PageLine[];
}

/** What is told of it beside its name: what, and a line each. */
export type PageFact = readonly [string, readonly string[]];

export interface PageBox {
  readonly id: string;
  readonly title: string;
  /** The host's is where the picture begins; a dashed one is not seen itself. */
  readonly shape: 'host' | 'plain' | 'dashed';
  readonly facts: readonly PageFact[];
  readonly nodes: readonly PageNode[];
}

export interface PageNode {
  readonly id: string;
  readonly title: string;
  /** Behind the title, smaller. */
  readonly text: string;
  /** The node of the same box that it hangs below. */
  readonly parent: string | null;
  readonly facts: readonly PageFact[];
}

export interface PageLine {
  readonly from: string;
  readonly to: string;
  readonly style: 'plain' | 'dashed';
}

/** What the page carries, and the hashes by which alone the browser lets it act (Content-Security-Policy, CSP level 2). */
export interface PageParts {
  readonly style: string;
  readonly script: string;
  /** `sha256-…`. */
  readonly styleHash: string;
  readonly scriptHash: string;
}

export function renderGraphPage(graph: PageGraph, { style, script, styleHash, scriptHash }: PageParts): string {
  const policy = `default-src 'none'; style-src '${styleHash}'; script-src '${scriptHash}'; base-uri 'none'; form-action 'none'`;
  // In a data block only the end of the element means anything.
  const data = JSON.stringify(escaped(graph)).replaceAll('<', String.raw`\u003c`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<title>${htmlText(graph.title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${htmlText(graph.title)}</h1>
<input id="filter" type="search" placeholder="filter: name, address, kind" aria-label="filter">
<output id="count"></output>
<button id="smaller" aria-label="smaller">−</button>
<button id="larger" aria-label="larger">+</button>
<button id="theme">light or dark</button>
</header>
<main><svg id="picture" role="group" aria-label="network namespaces"></svg></main>
<aside id="details" aria-live="polite"></aside>
<noscript>This page draws its picture by a script.</noscript>
<script type="application/json" id="graph">${data}</script>
<script>${script}</script>
</body>
</html>
`;
}

function htmlText(text: string): string {
  return escapeControls(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** What would act on who reads it (marks of direction, controls) is shown instead. Ids are ours. */
function escaped({ title, notes, boxes, lines }: PageGraph): PageGraph {
  const factsOf = (facts: readonly PageFact[]): readonly PageFact[] =>
    facts.map(([name, values]) => [name, values.map(escapeControls)]);
  return {
    title: escapeControls(title),
    notes: notes.map(escapeControls),
    boxes: boxes.map((box) => ({
      ...box,
      title: escapeControls(box.title),
      facts: factsOf(box.facts),
      nodes: box.nodes.map((node) => ({
        ...node,
        title: escapeControls(node.title),
        text: escapeControls(node.text),
        facts: factsOf(node.facts),
      })),
    })),
    lines,
  };
}
