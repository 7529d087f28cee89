// What a person in a hurry types wrong where a cgroup is asked for: what is wrong, why, what to try, and nothing changes.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LimitedGroup } from '../support/cgroup-set-cases.ts';
import { nstool } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { TestCgroups } from '../support/test-cgroups.ts';

const NAME = `/nstool-test-words-${process.pid}`;

describe.skipIf(lacks('root', 'cgroup1'))('a cgroup in the wrong words', () => {
  const cgroups = new TestCgroups();
  let group: LimitedGroup;

  beforeAll(() => {
    group = new LimitedGroup(cgroups, NAME);
  });
  afterAll(() => cgroups.end());

  it.each<readonly [string, number, RegExp]>([
    ['show /tmp', 2, /^nstool: \/tmp is no cgroup\n {2}why: it is a file of .*\n {2}try: nstool cgroup ls\n$/],
    ['why /etc', 2, /^nstool: \/etc is no cgroup\n/],
    ['tree /etc/passwd', 2, /^nstool: \/etc\/passwd is no cgroup\n/],
    ['diff self /etc', 2, /^nstool: \/etc is no cgroup\n/],
    ['run --parent /tmp -- true', 125, /^nstool: \/tmp is no cgroup\n/],
    ['set /etc --pids 5', 2, /^nstool: \/etc is no cgroup\n/],
    [
      'show MOUNT/NAME/pids.max',
      2,
      /is no cgroup\n {2}why: it is a file of one\n {2}try: its directory: 'MOUNT\/NAME'\n$/,
    ],
    ['show NAME/nope', 3, /^nstool: there is no cgroup NAME\/nope\n {2}why: .*\n {2}try: nstool cgroup ls/],
    ['show docker/4c01', 2, /^nstool: 'docker\/4c01' is no target\n {2}why: .*\n {2}try: '\/docker\/4c01'\n$/],
    ['show pids:NAME', 2, /is no target\n {2}why: .*\n {2}try: 'NAME'\n$/],
    ['set ./a --pids 5', 2, /is no target\n {2}why: .*\n {2}try: "\$PWD\/\.\/a"\n$/],
    ['show 99999999', 3, /^nstool: no process 99999999\n {2}why: .*\n {2}try: /],
    [
      'undo zzz',
      3,
      /^nstool: neither a cgroup set nor a target is called 'zzz'\n {2}why: .*\n {2}try: nstool cgroup undo/,
    ],
    [
      'set NAME --io /dev/zero:rbps=1M',
      2,
      /^nstool: --io \/dev\/zero: a character device.*\n {2}why: .*\n {2}try: .*lsblk/,
    ],
    [
      'set NAME --io /dev/nope:rbps=1M',
      3,
      /^nstool: --io \/dev\/nope: there is no such device\n {2}why: .*\n {2}try: .*lsblk/,
    ],
    [
      'set NAME --io zero:rbps=1M',
      3,
      /^nstool: --io zero: there is no such device\n {2}why: .*\n {2}try: --io \/dev\/zero:…\n$/,
    ],
    [
      'set NAME --cpuset-cpus 9999',
      4,
      /refused: --cpuset-cpus 9999\n {2}why: .*\n {2}try: --cpuset-cpus 0.* above it\n$/,
    ],
    [
      'set MOUNT/NAME --memory 5M',
      5,
      /unknown here: --memory 5M\n {2}why: .* has the memory controller, but pids\n {2}try: nstool cgroup ls/,
    ],
    ['set MOUNT --pids 5', 4, /refused: --pids 5\n {2}why: \/ is the root .*\n {2}try: .*nstool cgroup run\n$/],
  ])('cgroup %s: %i', (line, status, said) => {
    const mount = cgroups.mounts.get('pids') ?? '';
    const named = (text: string): string =>
      text.replaceAll('MOUNT', mount).replaceAll('/NAME', NAME).replaceAll('NAME', NAME);
    const before = group.all();
    const answer = nstool(['cgroup', ...named(line).split(' ')]);
    expect(answer.stderr).toMatch(new RegExp(named(said.source)));
    expect(answer.status).toBe(status);
    expect(group.all()).toEqual(before);
  });
});

describe.skipIf(lacks('root', 'cgroup1'))('a cgroup whose name has ::', () => {
  const cgroups = new TestCgroups();
  const folder = mkdtempSync(join(tmpdir(), 'nstool-test-'));
  const path = `${NAME}::self`;

  beforeAll(() => {
    cgroups.make('pids', path, { 'pids.max': '77' });
  });
  afterAll(async () => {
    await cgroups.end();
    rmSync(folder, { recursive: true });
  });

  it.each([path, `::${path}`, `MOUNT${path}`])('%s is that cgroup, and no target in a recording', (word) => {
    const target = word.replace('MOUNT', cgroups.mounts.get('pids') ?? '');
    expect(nstool(['cgroup', 'show', target]).stdout).toContain('pids_max: 77 tasks set');
    expect(nstool(['cgroup', 'why', target, '--for', '0']).status).toBe(0);
    expect(nstool(['cgroup', 'diff', target, target]).status).toBe(0);
    expect(nstool(['cgroup', 'tree', target]).stdout).toContain(path.slice(1));
  });

  it('FILE::TARGET is in the file where no cgroup has that name, with :: in the path too', () => {
    const file = join(folder, 'here.ndjson');
    writeFileSync(file, '');
    for (const target of ['self', path]) {
      const { stderr } = nstool(['cgroup', 'show', `${file}::${target}`]);
      expect(stderr).toContain(file);
      expect(stderr).not.toContain(`${file}::`);
    }
  });
});
