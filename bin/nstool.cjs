#!/usr/bin/env node
'use strict';
// Starts the bundle. V8 takes a fifth of nstool's start to compile it, so what it compiled at build time lies beside it;
// V8 itself refuses that data when it is of another version, and compiles.
const { readFileSync } = require('node:fs');
const { wrap } = require('node:module');
const { join } = require('node:path');
const { Script } = require('node:vm');

const dist = join(__dirname, '../dist');
const filename = join(dist, 'nstool.cjs');

function compiled() {
  try {
    return readFileSync(join(dist, 'nstool.compiled'));
  } catch {
    return undefined;
  }
}

const script = new Script(wrap(readFileSync(filename, 'utf8')), { filename, cachedData: compiled() });
script.runInThisContext()(exports, require, module, filename, dist);
