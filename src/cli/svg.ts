// Graphviz, compiled to WebAssembly: loaded only here, as it is 1.2 MB, and may be left out of an installation.

import { join } from 'node:path';
import { NsError } from '../kernel/error.ts';

/** A picture of a graph in the language of dot(1). Errors: UNSUPPORTED, without the package. */
export async function svgOf(dot: string): Promise<string> {
  const viz = await load();
  return viz.renderString(dot, { format: 'svg', engine: 'dot' });
}

interface Graphviz {
  readonly renderString: (dot: string, options: { readonly format: string; readonly engine: string }) => string;
}

async function load(): Promise<Graphviz> {
  const require = process.getBuiltinModule('node:module').createRequire(join(import.meta.dirname, 'svg'));
  try {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the package says of itself
    const { instance } = require('@viz-js/viz') as { readonly instance: () => Promise<Graphviz> };
    return await instance();
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND';
    if (!isMissing) throw error;
    throw new NsError('UNSUPPORTED', {
      what: '--svg needs the package @viz-js/viz',
      why: 'nstool was installed without its optional packages',
      tryThis: 'nstool net graph --dot | dot -Tsvg, or nstool net graph --html',
    });
  }
}
