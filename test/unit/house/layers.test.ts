// The layer rule: each room imports only what stands before it, and the pure rooms know no machine. Every breach is
// tried on a copy of the sources, and must be refused by the compiler or, what that lets through, by the linter.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** What each room may import; it may import nothing else of ours. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  kernel: [],
  containers: ['kernel'],
  namespaces: ['kernel', 'containers'],
  capabilities: ['kernel', 'containers', 'namespaces'],
  cgroups: ['kernel', 'containers', 'namespaces', 'capabilities'],
  network: ['kernel', 'containers', 'namespaces', 'capabilities', 'cgroups'],
  inspect: ['kernel', 'containers', 'namespaces', 'capabilities', 'cgroups', 'network'],
  launch: ['kernel', 'containers', 'namespaces', 'capabilities', 'cgroups', 'network', 'inspect'],
  render: [],
  page: ['render'],
  host: ['kernel'],
  cli: [
    'kernel',
    'containers',
    'namespaces',
    'capabilities',
    'cgroups',
    'network',
    'inspect',
    'launch',
    'render',
    'host',
  ],
};
const rooms = Object.keys(mayImport);
const pureRooms = rooms.filter((room) => !['page', 'host', 'cli'].includes(room));

/** A file of each room that another could want. */
const entrances: Readonly<Record<string, string>> = {
  kernel: 'host.ts',
  containers: 'identify.ts',
  namespaces: 'rows.ts',
  capabilities: 'mask.ts',
  cgroups: 'mode.ts',
  network: 'topology.ts',
  inspect: 'target.ts',
  launch: 'enter.ts',
  render: 'escape.ts',
  page: 'layout.ts',
  host: 'linux/linux-host.ts',
  cli: 'main.ts',
};

interface Breach {
  readonly room: string;
  readonly name: string;
  readonly source: string;
}

function importOf(room: string, other: string): Breach {
  return {
    room,
    name: `imports-${other}`,
    source: `import * as other from '../${other}/${entrances[other]}';\nvoid other;\n`,
  };
}

/** Refused by the compiler. */
const compileBreaches: readonly Breach[] = [
  ...rooms.flatMap((room) =>
    rooms.filter((other) => other !== room && !mayImport[room]?.includes(other)).map((other) => importOf(room, other)),
  ),
  ...pureRooms.flatMap((room) => [
    { room, name: 'process', source: 'void process.env;\n' },
    { room, name: 'buffer', source: "void Buffer.from('x');\n" },
    { room, name: 'console', source: "console.log('x');\n" },
    { room, name: 'timer', source: 'setTimeout(() => undefined, 1);\n' },
    { room, name: 'node-fs', source: "import { readFileSync } from 'node:fs';\nvoid readFileSync;\n" },
    { room, name: 'bare-fs', source: "import { readFileSync } from 'fs';\nvoid readFileSync;\n" },
    { room, name: 'dynamic-fs', source: "void import('node:fs');\n" },
    { room, name: 'require', source: "void require('node:fs');\n" },
    { room, name: 'global-this-process', source: 'void globalThis.process;\n' },
  ]),
];

/** What TypeScript alone lets through. */
const lintBreaches: readonly Breach[] = pureRooms.flatMap((room) => [
  { room, name: 'package', source: "import { Command } from 'commander';\nvoid Command;\n" },
  { room, name: 'package-type', source: "import type { Command } from 'commander';\nexport type X = Command;\n" },
  { room, name: 'own-package', source: "import { linuxHost } from 'nstool';\nvoid linuxHost;\n" },
  { room, name: 'reference-types', source: '/// <reference types="node" />\nvoid process.env;\n' },
  { room, name: 'reference-path', source: '/// <reference path="../cli/main.ts" />\nexport {};\n' },
  { room, name: 'reference-lib', source: '/// <reference lib="dom" />\nvoid document;\n' },
  { room, name: 'global-this', source: 'void globalThis;\n' },
]);

let copy: string;

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'nstool-house-'));
  for (const part of ['src', 'tsconfig.base.json', '.oxlintrc.json', 'package.json']) {
    cpSync(join(root, part), join(copy, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  expect(tsc('-b', 'src').status).toBe(0);
}, 120_000);

afterAll(() => rmSync(copy, { recursive: true, force: true }));

function tool(path: string, args: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'node_modules', path), ...args], {
    cwd: copy,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return { status, output: stdout + stderr };
}

function tsc(...args: readonly string[]): { status: number | null; output: string } {
  return tool('typescript/bin/tsc', args);
}

/** Writes the probes, runs the guard, removes them: the names of those that it complained about. */
function refused(breaches: readonly Breach[], guard: () => string): ReadonlySet<string> {
  const files = breaches.map((breach) => ({ breach, file: `src/${breach.room}/probe-${breach.name}.ts` }));
  for (const { breach, file } of files) writeFileSync(join(copy, file), breach.source);
  const output = guard();
  for (const { file } of files) rmSync(join(copy, file));
  return new Set(
    files.filter(({ file }) => output.includes(file)).map(({ breach }) => `${breach.room}: ${breach.name}`),
  );
}

function names(breaches: readonly Breach[]): ReadonlySet<string> {
  return new Set(breaches.map((breach) => `${breach.room}: ${breach.name}`));
}

// Each room is compiled on its own: seconds each on a busy machine.
describe('the layer rule', { timeout: 120_000 }, () => {
  it('is what the references of the projects say', () => {
    for (const [room, allowed] of Object.entries(mayImport)) {
      const config = JSON.parse(readFileSync(join(root, 'src', room, 'tsconfig.json'), 'utf8')) as {
        references: { path: string }[];
      };
      expect(config.references.map((reference) => reference.path.replace('../', ''))).toEqual(allowed);
    }
  });

  it('is kept by the compiler', () => {
    const found = refused(compileBreaches, () => {
      return rooms.map((room) => tsc('-p', `src/${room}`, '--noEmit', '--pretty', 'false').output).join('');
    });
    expect(found).toEqual(names(compileBreaches));
  });

  it('is kept by the linter where TypeScript lets a breach through', () => {
    const found = refused(lintBreaches, () => tool('oxlint/bin/oxlint', ['--format', 'unix', 'src']).output);
    expect(found).toEqual(names(lintBreaches));
  });

  it('lets through what is allowed', () => {
    const allowed = rooms.flatMap((room) => (mayImport[room] ?? []).map((other) => importOf(room, other)));
    const found = refused(allowed, () => {
      return rooms.map((room) => tsc('-p', `src/${room}`, '--noEmit', '--pretty', 'false').output).join('');
    });
    expect(found).toEqual(new Set());
    expect(tool('oxlint/bin/oxlint', ['src']).status).toBe(0);
  });
});
