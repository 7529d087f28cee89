// Compiles native/nsexec. Without a compiler nothing fails: listing and decoding need no helper.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../native/nsexec.c', import.meta.url));
const output = fileURLToPath(new URL('../native/nsexec', import.meta.url));
const flags = ['-std=c11', '-O2', '-Wall', '-Wextra', '-Werror', '-s'];

/** Static, so that it runs whatever the entered file system holds; dynamic where there is no static C library. */
function buildNsexec() {
  const compiler = process.env.CC || 'cc';
  const compile = (link) => spawnSync(compiler, [...flags, ...link, '-o', output, source], { encoding: 'utf8' });
  if (compile(['-static']).status === 0) return;
  const { status, error, stderr } = compile([]);
  if (status === 0) return;
  const missing = error !== undefined;
  const reason = missing ? `no C compiler (${compiler})` : `${compiler} failed`;
  const kept = existsSync(output) ? 'the one from before stays' : '`nstool enter` will not work; ls and caps do';
  console.error(`nstool: nsexec was not built, ${reason}: ${kept}`);
  if (!missing) console.error(stderr);
}

buildNsexec();
