// The files of a guest that are ours: nstool as it is built, the tests as one file, what starts them.

import {
  copyFileSync,
  cpSync,
  createReadStream,
  createWriteStream,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Cache } from './cache.ts';
import { run } from './command.ts';
import { writeCpio } from './cpio.ts';
import { fetchKoffi, fetchUserland, type Kernel } from './fetch.ts';
import { nodeVersion, type Guest } from './guests.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));

/** What is bundled for Node: `guest` is what the guest runs. */
export interface Programs {
  readonly guest: string;
  readonly [name: string]: string;
}

const TESTS: Programs = { guest: 'test/kernels/guest.ts' };

/** The helper, and what the tests need. */
const natives = {
  'native/nsexec': 'native/nsexec.c',
  'native/cgroup-payload': 'test/support/cgroup-payload.c',
  'native/odd-process': 'test/support/odd-process.c',
  'native/pins': 'test/support/pins.c',
};
const flags = ['-std=gnu11', '-O2', '-pthread', '-static', '-s'];

/** Writes it into `folder` and returns its path. */
export async function makeInitramfs(
  cache: Cache,
  guest: Guest,
  kernel: Kernel,
  folder: string,
  only: readonly string[],
  programs: Programs = TESTS,
): Promise<string> {
  const root = join(folder, 'root');
  cpSync(fileURLToPath(new URL('root', import.meta.url)), root, { recursive: true, verbatimSymlinks: true });
  const nstool = join(root, 'nstool');
  await installNstool(cache, guest, nstool, programs);
  const { name, series, architecture, cgroups, init } = guest;
  const facts = { name, series, arch: architecture.node, cgroups, init, only };
  writeFileSync(join(nstool, 'test/kernels/guest.json'), JSON.stringify(facts));
  const ours = join(folder, 'ours.cpio');
  writeCpio(root, ours);
  const initramfs = join(folder, 'initramfs');
  for (const part of [fetchUserland(cache, guest), kernel.modules, ours]) {
    await pipeline(createReadStream(part), createWriteStream(initramfs, { flags: 'a' }));
  }
  return initramfs;
}

async function installNstool(cache: Cache, guest: Guest, to: string, programs: Programs): Promise<void> {
  // What V8 compiled is of this host's processor, and of its version of Node, if that is the guest's.
  const ofVersion = `-v${nodeVersion}.compiled`;
  const bundles = readdirSync(join(project, 'dist')).filter(
    (name) => name.endsWith('.cjs') || (name.endsWith(ofVersion) && guest.architecture.node === process.arch),
  );
  for (const file of ['package.json', 'bin/nstool.cjs', ...bundles.map((name) => `dist/${name}`)]) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    copyFileSync(join(project, file), join(to, file));
  }
  cpSync(join(project, 'schema'), join(to, 'schema'), { recursive: true });
  mkdirSync(join(to, 'native'));
  for (const [program, source] of Object.entries(natives)) {
    run([guest.architecture.compiler, ...flags, '-o', join(to, program), join(project, source)]);
  }
  installKoffi(cache, guest, join(to, 'node_modules'));
  await build({
    entryPoints: Object.fromEntries(Object.entries(programs).map(([name, source]) => [name, join(project, source)])),
    outdir: join(to, 'test/kernels'),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    external: ['koffi'],
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    alias: { vitest: join(project, 'test/kernels/vitest.ts') },
    // Packages that are CommonJS ask for Node's own modules.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
    logLevel: 'warning',
  });
}

/** Its package, to be found by, and the binary, which is all that is loaded. */
function installKoffi(cache: Cache, { architecture }: Guest, to: string): void {
  const koffi = join(project, 'node_modules/koffi');
  const { version } = JSON.parse(readFileSync(join(koffi, 'package.json'), 'utf8')) as { version: string };
  mkdirSync(join(to, 'koffi'), { recursive: true });
  for (const file of ['package.json', 'index.cjs', 'index.js']) {
    copyFileSync(join(koffi, file), join(to, 'koffi', file));
  }
  const { node } = architecture;
  const binary = join(to, `@koromix/koffi-linux-${node}/linux_${node}/koffi.node`);
  mkdirSync(dirname(binary), { recursive: true });
  copyFileSync(fetchKoffi(cache, architecture, version), binary);
}
