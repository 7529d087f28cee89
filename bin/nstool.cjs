#!/usr/bin/env node
'use strict';
// Starts the bundle. Compiling it takes a fifth of the start, so what V8 compiled at build time lies beside it, by the
// version of Node. V8 refuses what does not fit, and compiles.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { Script } = require('node:vm');

const dist = join(__dirname, '../dist');
// A bundle takes time for all that is in it, used or not: the commands that are waited for most, or run in a loop, have
// bundles of their own, of a third of the size.
const [, , first, second] = process.argv;
const OWN = { ls: true, enter: true, cgroup: { run: true, show: true }, caps: { decode: true }, net: { up: true } };
const own = Object.hasOwn(OWN, first ?? '') ? OWN[first] : {};
const name = own === true ? first : Object.hasOwn(own, second ?? '') ? `${first}-${second}` : 'nstool';
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
// V8 compiles what runs often once more, beside us, at a quarter of the time that a list of all cgroups takes: there it
// has to run eight times as often first: a fifth of the processor time at 2,000 cgroups in five hierarchies, nothing at 100.
// Later versions than that of Node 20 have no such flag, and weigh it better.
const isList = first === 'cgroup' && (second === 'ls' || second === 'tree');
if (isList && process.versions.v8.startsWith('11.'))
  require('node:v8').setFlagsFromString('--interrupt-budget=1000000');
script.runInThisContext()(exports, require, module, filename, dist);
