// The newest util-linux as an oracle: that of Debian's unstable, unpacked beside the host's own and run by the dynamic
// linker that it came with. It is fetched from the host's mirror once and then stays in a cache folder; what is deleted
// there is fetched anew.
//
// It needs a network, so NSTOOL_TEST_REQUIRE=all does not ask for it; NSTOOL_TEST_REQUIRE=newest-util-linux does.

import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { openArchive } from '../../scripts/kernels/archive.ts';
import { run } from '../../scripts/kernels/command.ts';

const NAME = 'newest-util-linux';
const SUITE = 'sid';

/** Words that start a program of it: `['…/ld-linux-x86-64.so.2', …, '…/usr/bin/lsns']`. */
export type NewestProgram = (program: string) => readonly string[];

/** undefined, and the reason on standard error: it cannot be had here. Errors: NSTOOL_TEST_REQUIRE names it. */
export function newestUtilLinux(): NewestProgram | undefined {
  try {
    const root = unpacked();
    const programs = programsIn(root);
    run([...programs('lsns'), '--version']);
    return programs;
  } catch (error) {
    if ((process.env['NSTOOL_TEST_REQUIRE'] ?? '').split(',').includes(NAME)) throw error;
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    console.warn(`skipped: this machine lacks ${NAME}: ${reason}`);
    return undefined;
  }
}

/** The folder it lies in. Errors: no Debian, no mirror. */
function unpacked(): string {
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'nstool-test');
  const root = join(cache, NAME);
  if (existsSync(root)) return root;
  mkdirSync(cache, { recursive: true });
  const workshop = mkdtempSync(join(cache, 'unpacking-'));
  try {
    const architecture = run(['dpkg', '--print-architecture']).trim();
    const packages = openArchive(join(workshop, 'apt'), SUITE, architecture).download(['util-linux'], {
      dependencies: true,
    });
    for (const file of packages) run(['dpkg-deb', '--extract', file, join(workshop, 'root')]);
    // Whole or not at all: a test that was killed half-way leaves nothing that looks like it.
    renameSync(join(workshop, 'root'), root);
  } finally {
    rmSync(workshop, { recursive: true, force: true });
  }
  return root;
}

function programsIn(root: string): NewestProgram {
  const lib = join(root, 'usr/lib');
  // In the folder of the architecture: usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2.
  const linker = readdirSync(lib, { recursive: true, encoding: 'utf8' }).find((path) =>
    /^[^/]+\/ld-linux[^/]*$/.test(path),
  );
  if (linker === undefined) throw new Error(`no dynamic linker below ${lib}`);
  const libraries = join(lib, dirname(linker));
  const start = [join(lib, linker), '--library-path', libraries, '--argv0'];
  return (program) => [...start, program, join(root, 'usr/bin', program)];
}

/** A plain user may not look into the cache: a copy of what the program needs, for everybody. */
export function readableCopy(command: readonly string[], folder: string): readonly string[] {
  const [linker = '', , libraries = '', ...rest] = command;
  const program = rest.at(-1) ?? '';
  const listed = run([linker, '--library-path', libraries, '--list', program]);
  const needed = [...listed.matchAll(/=> (\/\S+)/g)].flatMap(([, path]) => path ?? []);
  for (const file of new Set([linker, program, ...needed])) {
    cpSync(file, join(folder, file.slice(file.lastIndexOf('/') + 1)), { dereference: true });
  }
  run(['chmod', '-R', 'a+rX', folder]);
  const copy = (path: string): string => join(folder, path.slice(path.lastIndexOf('/') + 1));
  return [copy(linker), '--library-path', folder, '--argv0', 'nsenter', copy(program)];
}
