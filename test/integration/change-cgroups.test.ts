// Cgroups and their files are found below their mount, whatever their names are, and nothing outside of it is touched.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changeCgroups, makeCgroup, removeCgroup } from '../../src/host/linux/change-cgroups.ts';
import type { CgroupPlace, CgroupWrite } from '../../src/kernel/cgroup-plan.ts';
import { lacks } from '../support/requires.ts';
import { TestCgroups } from '../support/test-cgroups.ts';

const NAME = `nstool-test-change-${process.pid}`;

describe.skipIf(lacks('root'))('cgroups', () => {
  let cgroups: TestCgroups;
  let mount: string;
  beforeEach(() => {
    cgroups = new TestCgroups();
    mount = cgroups.mounts.get('cgroup2') ?? cgroups.mounts.get('name=systemd') ?? '';
  });
  afterEach(() => cgroups.end());

  const place = (below: string, inode: bigint | null = null): CgroupPlace => ({ mount, below, inode });
  // Every cgroup of v2 has it but the root, with no controller at work.
  const write = (at: CgroupPlace, more: Partial<CgroupWrite> = {}): CgroupWrite => {
    return { place: at, file: 'cgroup.max.depth', text: '3', previous: 'max', reason: '', limit: 0, ...more };
  };
  const one = (made: CgroupWrite): unknown => changeCgroups([made], { bestEffort: false })[0];

  it.each(['a:b', 'a b', 'a\\040b', 'a\tb', '..a', 'é\u{1F600}', '\uDCFF\uDC80', 'a'.repeat(255), '-rf'])(
    'called %j',
    (odd) => {
      const name = `${NAME}${odd}`.slice(0, 250);
      const inode = makeCgroup(place(name));
      try {
        expect(one(write(place(name, inode)))).toEqual({ type: 'written' });
        expect(one(write(place(name, inode), { text: 'junk' }))).toMatchObject({ type: 'failed', step: 'write' });
      } finally {
        expect(removeCgroup(place(name, inode))).toBe('removed');
      }
      expect(removeCgroup(place(name, inode))).toBe('gone');
    },
  );

  it('of 4,000 bytes', () => {
    const names = [NAME, ...Array.from({ length: 15 }, () => 'x'.repeat(250))];
    const paths = names.map((_, index) => names.slice(0, index + 1).join('/'));
    const longest = paths.at(-1) ?? '';
    expect(`${mount}/${longest}`.length).toBeGreaterThan(3800);
    for (const path of paths) makeCgroup(place(path));
    try {
      expect(one(write(place(longest)))).toEqual({ type: 'written' });
      expect(readFileSync(`${mount}/${longest}/cgroup.max.depth`, 'utf8')).toBe('3\n');
    } finally {
      for (const path of paths.toReversed()) expect(removeCgroup(place(path))).toBe('removed');
    }
  });

  it('nothing leads out of the mount: no .., no absolute path, no link, no other mount', () => {
    const other = [...cgroups.mounts.values()].find((each) => each !== mount) ?? mount;
    const name = other.slice(other.lastIndexOf('/') + 1);
    const outside = cgroups.make(
      [...cgroups.mounts.entries()].find(([, each]) => each === other)?.[0] ?? '',
      `/${NAME}`,
    );
    for (const below of [`../${name}/${NAME}`, outside, `${NAME}/../../${name}/${NAME}`, '/etc', '..', '../..']) {
      expect(one(write(place(below))), below).toMatchObject({ type: 'failed', step: 'find' });
      expect(removeCgroup(place(below)), below).not.toBe('removed');
      expect(() => makeCgroup(place(`${below}/x`)), below).toThrow();
    }
    expect(existsSync(outside)).toBe(true);
  });

  it('a file is a file of that cgroup', () => {
    makeCgroup(place(NAME));
    try {
      for (const file of ['../cgroup.procs', '/etc/passwd', '.', '..', '', 'no.such.file'])
        expect(one(write(place(NAME), { file })), file).toMatchObject({ type: 'failed' });
    } finally {
      expect(removeCgroup(place(NAME))).toBe('removed');
    }
  });

  it('what is mounted there is cgroups, or nothing is done', () => {
    const folder = mkdtempSync('/tmp/nstool-test-change-');
    try {
      mkdirSync(`${folder}/x`);
      expect(removeCgroup({ mount: folder, below: 'x', inode: null })).toMatchObject({ errno: 'EINVAL' });
      expect(() => makeCgroup({ mount: folder, below: 'y', inode: null })).toThrow();
      expect(existsSync(`${folder}/x`)).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('one that was made again is another: it is neither written nor removed', () => {
    const inode = makeCgroup(place(NAME));
    rmdirSync(`${mount}/${NAME}`);
    mkdirSync(`${mount}/${NAME}`);
    try {
      expect(statSync(`${mount}/${NAME}`, { bigint: true }).ino).not.toBe(inode);
      expect(one(write(place(NAME, inode)))).toMatchObject({ type: 'failed', step: 'find', gap: { reason: 'gone' } });
      expect(removeCgroup(place(NAME, inode))).toBe('another');
    } finally {
      rmdirSync(`${mount}/${NAME}`);
    }
  });

  it('one with processes is not removed, and one that lost its last a moment ago is', async () => {
    const inode = makeCgroup(place(NAME));
    const pid = cgroups.start([`${mount}/${NAME}`]);
    expect(removeCgroup(place(NAME, inode))).toMatchObject({ errno: 'EBUSY' });
    process.kill(pid, 'SIGKILL');
    while (readFileSync(`${mount}/${NAME}/cgroup.procs`, 'utf8') !== '')
      await new Promise((done) => setTimeout(done, 1));
    expect(removeCgroup(place(NAME, inode))).toBe('removed');
  });
});
