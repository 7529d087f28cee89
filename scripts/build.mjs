// Builds what is TypeScript: the library API (and the type check) by `tsc -b`, the CLI as one CommonJS bundle.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

// tsc keeps the output of sources that are gone: what is published, and what CI tests, starts from nothing.
if (process.argv.includes('--clean')) rmSync('dist', { recursive: true, force: true });
const compiled = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'src'], { stdio: 'inherit' });
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

await build({
  entryPoints: ['src/cli/nstool.ts'],
  outfile: 'dist/nstool.new.cjs',
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'inline',
  logLevel: 'warning',
  // koffi is required by the path of its binary, when it is first needed.
  external: ['koffi'],
  banner: { js: "const importMetaUrl = require('node:url').pathToFileURL(__filename).href;" },
  define: { 'import.meta.url': 'importMetaUrl' },
});

// Whoever runs nstool meanwhile gets the old bundle or the new one.
renameSync('dist/nstool.new.cjs', 'dist/nstool.cjs');

// npm links the commands of what a project depends on, not its own: with this `npx nstool` works in a clone too.
const command = 'node_modules/.bin/nstool';
if (!existsSync(command)) {
  rmSync(command, { force: true });
  symlinkSync('../../bin/nstool.cjs', command);
}
chmodSync('bin/nstool.cjs', 0o755);
