// Runs the bundle once and keeps what V8 compiled for it: bin/nstool.cjs hands that to V8 at the next start.

const { readFileSync, writeFileSync } = require('node:fs');
const { wrap } = require('node:module');
const { join } = require('node:path');
const { Script } = require('node:vm');

const dist = join(__dirname, '../dist');
const filename = join(dist, 'nstool.cjs');
const script = new Script(wrap(readFileSync(filename, 'utf8')), { filename });

// The command with the widest reach.
process.argv = [process.execPath, filename, 'ls'];
process.on('exit', () => {
  writeFileSync(join(dist, `nstool-${process.version}.compiled`), script.createCachedData());
  // What the listing said of this machine is of no interest.
  process.exitCode = 0;
});
script.runInThisContext()(exports, require, module, filename, dist);
