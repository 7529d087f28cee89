// `version -v`: what this kernel has and lacks.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { test } from './test.ts';
import { nstool } from '../support/program.ts';
import { facts } from './facts.ts';

interface Version {
  readonly kernel: string;
  readonly arch: string;
  readonly cgroups: string;
  readonly last_capability: number;
  readonly sysctls: Readonly<Record<string, string | null>>;
  readonly namespaces: readonly { readonly type: string; readonly present: boolean; readonly limit: number | null }[];
  readonly lacks: readonly string[];
}

function version(): Version {
  const { status, stdout, stderr } = nstool(['version', '--json']);
  equal(status, 0, stderr);
  return JSON.parse(stdout) as Version;
}

function sysctl(name: string): string | null {
  const path = `/proc/sys/${name.replaceAll('.', '/')}`;
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : null;
}

test('version: the kernel, its architecture, its cgroups, its last capability', () => {
  const { kernel, arch, cgroups, last_capability: lastCapability } = version();
  equal(kernel, release());
  ok(kernel.startsWith(`${facts.series}.`), kernel);
  deepEqual({ arch, cgroups }, { arch: facts.arch, cgroups: facts.cgroups });
  equal(lastCapability, Number(sysctl('kernel.cap_last_cap')));
});

test('version: each kind of namespace that /proc/self/ns has, and its limit', () => {
  const { namespaces } = version();
  equal(namespaces.length, 8);
  for (const { type, present, limit } of namespaces) {
    equal(present, existsSync(`/proc/self/ns/${type}`), type);
    equal(String(limit), sysctl(`user.max_${type}_namespaces`), type);
  }
});

test('version: the sysctls about user namespaces', () => {
  const { sysctls, lacks } = version();
  deepEqual(sysctls, Object.fromEntries(Object.keys(sysctls).map((name) => [name, sysctl(name)])));
  // Debian's own; each of its kernels has it, and allows them.
  equal(sysctls['kernel.unprivileged_userns_clone'], '1');
  deepEqual(lacks, []);
});

test('version -v: the same as text', () => {
  const { status, stdout } = nstool(['version', '-v']);
  equal(status, 0);
  ok(stdout.includes(`\nkernel ${release()}\ncgroups ${facts.cgroups}\n`), stdout);
  match(stdout, /\ntime +CLONE_NEWTIME .* yes +\d+\n/);
});
