// The parts of a page that draws a graph: the script and the style that the build made, each with its hash.

import { renderGraphPage, type PageGraph } from '../render/graph-page.ts';
import { pagePart } from './installation.ts';

export function graphPage(graph: PageGraph): string {
  const [style, script] = [pagePart('graph-page.css'), pagePart('graph-page.js')];
  return renderGraphPage(graph, { style, script, styleHash: hashOf(style), scriptHash: hashOf(script) });
}

/** As a Content-Security-Policy has it. */
function hashOf(text: string): string {
  const { createHash } = process.getBuiltinModule('node:crypto');
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
