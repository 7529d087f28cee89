#!/usr/bin/env node
'use strict';
// Starts the bundle. Compiling it takes a fifth of the start, so what V8 compiled at build time lies beside it, by the
// version of Node. V8 refuses what does not fit, and compiles.
const { readFileSync } = require('node:fs');
const { wrap } = require('node:module');
const { join } = require('node:path');
const { Script } = require('node:vm');

const dist = join(__dirname, '../dist');
const filename = join(dist, 'nstool.cjs');

function compiled() {
  try {
    return readFileSync(join(dist, `nstool-${process.version}.compiled`));
  } catch {
    return undefined;
  }
}

const script = new Script(wrap(readFileSync(filename, 'utf8')), { filename, cachedData: compiled() });
script.runInThisContext()(exports, require, module, filename, dist);
