#!/usr/bin/env node
'use strict';
// Starts the bundle. Compiling it takes a fifth of the start, so what V8 compiled at build time lies beside it, by the
// version of Node. V8 refuses what does not fit, and compiles.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const dist = join(__dirname, '../dist');
// Who enters waits for the first answer of a shell, who runs something in a cgroup often does so in a loop: these commands
// have bundles of their own, of half the size.
const [, , first, second] = process.argv;
const name = first === 'enter' ? 'enter' : first === 'cgroup' && second === 'run' ? 'cgroup-run' : 'nstool';
const filename = join(dist, `${name}.cjs`);

function compiled() {
  try {
    return readFileSync(join(dist, `${name}-${process.version}.compiled`));
  } catch {
    return undefined;
  }
}

// A bundle is ASCII: as Latin-1 it need not be looked through.
const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData: compiled() });
script.runInThisContext()(exports, require, module, filename, dist);
