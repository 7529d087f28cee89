// What is measured: command lines of nstool under each Node, the floors below them, and the peers.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Row } from './workshop.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const nstool = join(here, '../bin/nstool.cjs');

export interface Runtime {
  readonly name: string;
  readonly path: string;
  readonly major: number;
}

export function runtimeOf(path: string): Runtime {
  const version = execFileSync(path, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim();
  // As an installation with this Node has it.
  execFileSync(path, [join(here, '../scripts/compile-bundle.cjs')], { stdio: 'ignore' });
  return { name: `node ${version}`, path, major: Number(version.split('.')[0]) };
}

export function command(runtime: Runtime, ...words: string[]): Row {
  return { name: `${runtime.name}: nstool ${words.join(' ')}`, command: [runtime.path, nstool, ...words] };
}

/** The same under a name that is alike in every run, for words that are not. */
export function renamed(row: Row, word: string, by: string): Row {
  return { ...row, name: row.name.replace(word, by) };
}

export function bare(runtime: Runtime): Row {
  return { name: `${runtime.name}: -e 0`, command: [runtime.path, '-e', '0'] };
}

export function walk(runtime: Runtime): Row {
  return { name: `${runtime.name}: the walk of ls`, command: [runtime.path, join(here, 'walk.mjs')], inside: true };
}

export function topology(runtime: Runtime): Row {
  return {
    name: `${runtime.name}: the look of net show`,
    command: [runtime.path, join(here, 'topology.mjs')],
    inside: true,
  };
}

/** Another program, by its command line. */
export function peer(...words: [string, ...string[]]): Row {
  return { name: words.join(' '), command: words };
}
