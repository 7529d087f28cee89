// Every cgroup of every hierarchy: which are one row, where they are, and what is said of those that cannot be seen.

import { describe, expect, it } from 'vitest';
import { MAX_GROUPS, walkGroups, type Walk } from '../../../src/cgroups/walk.ts';
import { GapTally, type CountedGap } from '../../../src/kernel/gap-tally.ts';
import { cgroupHost, kubernetesNode, type WrittenHost } from '../../support/walked-hosts.ts';

function walked(written: WrittenHost): { readonly walk: Walk; readonly gaps: readonly CountedGap[] } {
  const gaps = new GapTally();
  return { walk: walkGroups(cgroupHost(written), gaps), gaps: gaps.list() };
}

function folders(walk: Walk): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries([...walk.groups].map(([path, { places }]) => [path, places.map(({ folder }) => folder)]));
}

const hybrid: WrittenHost = {
  mounts: [
    '0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
    '0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    '0:32 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd',
    '0:33 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw',
  ],
  memberships: ['4:cpu,cpuacct:/', '3:memory:/', '2:name=systemd:/', '0::/'],
  folders: {
    '/sys/fs/cgroup/cpu,cpuacct': ['b', 'b/c'],
    '/sys/fs/cgroup/memory': ['a b:c', 'b', 'b/c', 'b!'],
    '/sys/fs/cgroup/systemd': ['b'],
    '/sys/fs/cgroup/unified': ['b', '\udcff'],
  },
  files: {
    '/sys/fs/cgroup/unified/cgroup.controllers': 'hugetlb\n',
    '/sys/fs/cgroup/unified/cgroup.subtree_control': '\n',
  },
};

describe('v1 and v2 side by side', () => {
  const { walk, gaps } = walked(hybrid);

  it('makes one row of the same path in several hierarchies, parents first', () => {
    const at = (name: string, path: string): string => `/sys/fs/cgroup/${name}${path}`;
    expect(gaps).toEqual([]);
    expect(folders(walk)).toEqual({
      '/': ['memory', 'cpu,cpuacct', 'systemd', 'unified'].map((name) => at(name, '')),
      '/a b:c': [at('memory', '/a b:c')],
      '/b': ['memory', 'cpu,cpuacct', 'systemd', 'unified'].map((name) => at(name, '/b')),
      '/b/c': ['memory', 'cpu,cpuacct'].map((name) => at(name, '/b/c')),
      '/b!': [at('memory', '/b!')],
      '/\udcff': [at('unified', '/\udcff')],
    });
    // What is below /b comes before a sibling whose name begins the same.
    expect([...walk.groups.keys()]).toEqual(['/', '/a b:c', '/b', '/b/c', '/b!', '/\udcff']);
  });

  it('knows the controllers of each: of v1 those of the hierarchy, of v2 what is handed on', () => {
    expect(walk.hierarchies.map(({ name, version }) => [name, version])).toEqual([
      ['memory', 1],
      ['cpu,cpuacct', 1],
      ['name=systemd', 1],
      ['cgroup2', 2],
    ]);
    expect(walk.groups.get('/b/c')?.places.map(({ controllers }) => controllers)).toEqual([
      ['memory'],
      ['cpu', 'cpuacct'],
    ]);
    expect(walk.groups.get('/b')?.places.at(-1)?.controllers).toEqual([]);
    expect(walk.groups.get('/')?.places.at(-1)?.controllers).toEqual(['hugetlb']);
  });
});

it('of v2 a cgroup has what the one above hands on', () => {
  const { groups } = walkGroups(kubernetesNode(), new GapTally());
  const of = (path: string): readonly string[] | undefined => groups.get(path)?.places[0].controllers;
  expect(of('/system.slice')).toEqual(['cpu', 'io', 'memory', 'pids']);
  expect(of('/system.slice/ssh.service')).toEqual(['memory', 'pids']);
});

it('takes the mount that shows most, and both where neither shows what the other does', () => {
  const { walk } = walked({
    mounts: [
      '0:31 /docker/one /a rw - cgroup cgroup rw,memory',
      '0:31 /docker /b rw - cgroup cgroup rw,memory',
      '0:31 /docker /again rw - cgroup cgroup rw,memory',
      '0:31 /podman /c rw - cgroup cgroup rw,memory',
    ],
    memberships: ['3:memory:/docker/one'],
    folders: { '/a': [], '/b': ['one', 'one/x'], '/again': ['one', 'one/x'], '/c': ['two'] },
  });
  expect(folders(walk)).toEqual({
    '/docker': ['/b'],
    '/docker/one': ['/b/one'],
    '/docker/one/x': ['/b/one/x'],
    '/podman': ['/c'],
    '/podman/two': ['/c/two'],
  });
});

it('names what lies above the root of our cgroup namespace as the kernel does', () => {
  const { walk } = walked({
    mounts: ['0:31 /.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw'],
    memberships: ['0::/'],
    folders: { '/sys/fs/cgroup': ['ours', 'ours/x'] },
  });
  expect([...walk.groups.keys()]).toEqual(['/..', '/../ours', '/../ours/x']);
});

describe('what cannot be seen is a gap', () => {
  const one = { memberships: ['3:memory:/', '2:pids:/'], mounts: ['0:31 / /m rw - cgroup cgroup rw,memory'] };

  it('a hierarchy that is not mounted', () => {
    const { walk, gaps } = walked({ ...one, folders: { '/m': ['a'] } });
    expect([...walk.groups.keys()]).toEqual(['/', '/a']);
    expect(gaps).toMatchObject([
      { subject: 'mount of cgroups', reason: 'unsupported', examples: ['pids is not mounted here'] },
    ]);
  });

  it('a mount that another hides', () => {
    const { walk } = walked({
      ...one,
      mounts: [...one.mounts, '0:40 / /m rw - tmpfs tmpfs rw'],
      folders: { '/m': ['a'] },
    });
    expect(walk.hierarchies).toEqual([]);
  });

  it('cgroups below something else that is mounted in the hierarchy', () => {
    const { walk, gaps } = walked({
      memberships: ['3:memory:/'],
      mounts: [...one.mounts, '0:31 /b /m/a/x rw - cgroup cgroup rw,memory'],
      folders: { '/m': ['a', 'a/x', 'a/x/y', 'a/xy'] },
    });
    expect([...walk.groups.keys()]).toEqual(['/', '/a', '/a/xy']);
    expect(gaps).toMatchObject([{ subject: 'cgroup', examples: ['something else is mounted on /m/a/x'] }]);
  });

  it('more than the most, and folders that cannot be listed', () => {
    const listed = {
      paths: ['a'],
      cut: true,
      gaps: [{ reason: 'denied', what: '/m/a', errno: 'EACCES' }],
    };
    const { gaps } = walked({
      memberships: ['3:memory:/'],
      mounts: one.mounts,
      folders: {},
      more: { [`folders "/m" ${MAX_GROUPS}`]: { folders: listed } },
    });
    expect(gaps).toMatchObject([
      { subject: 'cgroup', reason: 'denied', examples: ['/m/a'] },
      { subject: 'mount of cgroups', examples: [`/m has more than ${MAX_GROUPS} cgroups`] },
    ]);
  });
});
