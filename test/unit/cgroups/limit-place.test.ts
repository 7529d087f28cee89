// Where a limit is written: by controller, on v1, v2 and both.

import { describe, expect, it } from 'vitest';
import { findGroups } from '../../../src/cgroups/groups.ts';
import { placesOf, type FindPlace } from '../../../src/cgroups/limit-place.ts';
import { valueOf } from '../../../src/kernel/host.ts';
import { parseCgroup } from '../../../src/kernel/text/cgroup.ts';
import { hostOf } from '../../support/recorded.ts';

/** By directory: what each file says. */
type Folders = Readonly<Record<string, Readonly<Record<string, string>>>>;

function places(cgroup: string, mounts: readonly string[], folders: Folders): FindPlace {
  const status = { dev: '1', ino: '77', mode: '16749', uid: '0', gid: '0' };
  const answers = Object.entries(folders).flatMap(([folder, files]): [string, object][] => [
    [`stat ${folder}`, { status }],
    [`directory ${folder}`, { names: Object.keys(files) }],
    ...Object.entries(files).flatMap(([name, text]): [string, object][] => [
      [`file ${folder}/${name}`, { text }],
      [`stat ${folder}/${name}`, { status }],
    ]),
  ]);
  const table = mounts.map((mount, index) => `${30 + index} 1 0:${30 + index} ${mount}\n`).join('');
  const host = hostOf({ ...Object.fromEntries(answers), 'file /proc/self/mountinfo': { text: table } });
  const memberships = valueOf(parseCgroup(new TextEncoder().encode(cgroup), 'cgroup')) ?? [];
  return placesOf(findGroups(host, 50, memberships));
}

const V2 = '/ /cg rw - cgroup2 cgroup2 rw';

describe('on v2', () => {
  const folders = {
    '/cg': { 'cgroup.procs': '', 'cgroup.controllers': 'cpu memory pids\n' },
    '/cg/a': { 'cgroup.procs': '', 'cgroup.controllers': 'cpu memory\n', 'cgroup.type': 'domain\n' },
    '/cg/a/b': {
      'cgroup.procs': '',
      'cgroup.controllers': 'memory\n',
      'cgroup.type': 'domain\n',
      'memory.max': 'max\n',
    },
  };
  const find = places('0::/a/b\n', [V2], folders);

  it('what is handed on is limited there', () => {
    const place = find('memory');
    expect(place).toMatchObject({
      version: 2,
      path: '/a/b',
      at: { mount: '/cg', below: 'a/b', inode: 77n },
      isRoot: false,
    });
    expect('read' in place && valueOf(place.read('memory.max'))).toEqual(new TextEncoder().encode('max\n'));
  });

  it('what is not handed on is not, and who would have to', () => {
    const tryThis = 'echo +cpu > /cg/a/cgroup.subtree_control';
    expect(find('cpu')).toEqual({ why: '/a does not hand the cpu controller on to it', tryThis });
  });

  it('every cgroup freezes', () => expect(find('freezer')).toMatchObject({ version: 2, path: '/a/b' }));

  it('a controller that there is not', () => {
    expect(find('cpuset')).toMatchObject({
      why: 'no hierarchy that it is in has the cpuset controller, but cpu,memory,pids',
    });
    expect(find('blkio')).toMatchObject({
      why: 'no hierarchy that it is in has the io controller, but cpu,memory,pids',
    });
  });

  it('the root is known as one', () => {
    expect(places('0::/\n', [V2], folders)('pids')).toMatchObject({ isRoot: true, at: { mount: '/cg', below: '' } });
  });

  it('what is mounted alone is no root', () => {
    const own = places('0::/a/b\n', ['/a/b /cg rw - cgroup2 cgroup2 rw'], { '/cg': folders['/cg/a/b'] });
    expect(own('memory')).toMatchObject({ isRoot: false, path: '/a/b', at: { mount: '/cg', below: '' } });
  });
});

describe('on v1 and v2 side by side', () => {
  const find = places('4:memory:/m\n3:cpu,cpuacct:/\n0::/u\n', [V2, '/ /cg1/memory rw - cgroup cgroup rw,memory'], {
    '/cg': { 'cgroup.procs': '', 'cgroup.controllers': 'hugetlb pids\n' },
    '/cg/u': { 'cgroup.procs': '', 'cgroup.controllers': 'pids\n', 'cgroup.type': 'domain\n' },
    '/cg1/memory': { 'cgroup.procs': '', 'cgroup.sane_behavior': '0\n' },
    '/cg1/memory/m': { 'cgroup.procs': '' },
  });

  it('each controller is where it is', () => {
    expect(find('memory')).toMatchObject({ version: 1, path: '/m', at: { mount: '/cg1/memory', below: 'm' } });
    expect(find('pids')).toMatchObject({ version: 2, path: '/u' });
    expect(find('freezer')).toMatchObject({ version: 2, path: '/u' });
  });

  it('what no mount shows cannot be reached, and why', () => {
    expect(find('cpu')).toMatchObject({ why: expect.stringMatching(/^its cpu cgroup cannot be reached: no mount of/) });
  });
});
