// Builds what is TypeScript: the library API (and the type check) by `tsc -b`, the CLI as CommonJS bundles: one of all
// commands, and one each of those that are to start fastest; and what runs in a browser.

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, renameSync, rmdirSync, rmSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

// tsc keeps the output of sources that are gone: what is published, and what CI tests, starts from nothing.
if (process.argv.includes('--clean')) rmSync('dist', { recursive: true, force: true });
const compiled = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-b', 'src'], { stdio: 'inherit' });
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

/** commander can start subcommands that are programs of their own. Ours are not, and node:child_process costs 4 ms. */
const withoutChildProcess = {
  name: 'commander-without-child-process',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('/node_modules/commander/') ? { path: 'child_process', namespace: 'left-out' } : undefined,
    );
    onLoad({ filter: /^/, namespace: 'left-out' }, () => ({ contents: 'module.exports = {};' }));
  },
};

await build({
  entryPoints: ['src/cli/bundles/*.ts'],
  outdir: 'dist/new',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.19',
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'inline',
  logLevel: 'warning',
  // koffi is required by the path of its binary, when it is first needed; Graphviz only for a picture.
  external: ['koffi', '@viz-js/viz'],
  plugins: [withoutChildProcess],
  define: { 'import.meta.dirname': '__dirname' },
  // As Node wraps a module: bin/nstool.cjs need not.
  banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
  footer: { js: '})' },
});

// What runs in the browser: a script and a style that `net graph --html` puts into its page.
await build({
  entryPoints: { 'graph-page': 'src/page/page.ts' },
  outdir: 'dist/new',
  bundle: true,
  platform: 'browser',
  format: 'iife',
  target: 'es2023',
  minify: true,
  logLevel: 'warning',
});
await build({
  entryPoints: { 'graph-page': 'src/page/page.css' },
  outdir: 'dist/new',
  minify: true,
  logLevel: 'warning',
});

// Whoever runs nstool meanwhile gets the old bundle or the new one, and never what was compiled for another: V8 compares
// no more than the lengths.
for (const name of readdirSync('dist')) if (name.endsWith('.compiled')) rmSync(`dist/${name}`);
for (const name of readdirSync('dist/new')) renameSync(`dist/new/${name}`, `dist/${name}`);
rmdirSync('dist/new');
spawnSync(process.execPath, ['scripts/compile-bundle.cjs'], { stdio: 'ignore' });

// npm links the commands of what a project depends on, not its own: with this `npx nstool` works in a clone too.
const command = 'node_modules/.bin/nstool';
if (!existsSync(command)) {
  rmSync(command, { force: true });
  symlinkSync('../../bin/nstool.cjs', command);
}
chmodSync('bin/nstool.cjs', 0o755);
