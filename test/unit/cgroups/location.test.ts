import { describe, expect, it } from 'vitest';
import { descend, locate } from '../../../src/cgroups/location.ts';
import { parseMountinfo } from '../../../src/kernel/text/mountinfo.ts';

const mounts = (text: string) => {
  const parsed = parseMountinfo(new TextEncoder().encode(text), '/proc/self/mountinfo');
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.gap));
  return parsed.value;
};

const unified = { hierarchy: 0, controllers: [], deleted: false };

describe('from the root of a mount to a cgroup', () => {
  it.each([
    ['/', '/', { untold: 0, names: [] }],
    ['/', '/a/b', { untold: 0, names: ['a', 'b'] }],
    ['/a', '/a/b', { untold: 0, names: ['b'] }],
    ['/a', '/a', { untold: 0, names: [] }],
    // No prefix of a path, though one of its text.
    ['/a', '/ab', undefined],
    ['/a/b', '/a', undefined],
    // Inherited by a cgroup namespace that was made later.
    ['/..', '/../x', { untold: 0, names: ['x'] }],
    ['/..', '/', { untold: 1, names: [] }],
    ['/../..', '/../x', { untold: 1, names: ['x'] }],
    ['/../..', '/y', { untold: 2, names: ['y'] }],
    ['/', '/..', undefined],
    ['/', '/../x', undefined],
    ['/../a', '/x', undefined],
    // What no kernel writes leads nowhere else.
    ['/', '/a/../../etc', undefined],
    ['/a', '/a/./b', undefined],
  ])('%s to %s', (root, path, descent) => {
    expect(descend(root, path)).toEqual(descent);
  });
});

describe('the mount', () => {
  it('is of the hierarchy, and that which shows most of what is above', () => {
    const table = mounts(
      [
        '30 1 0:30 /docker/ab /bound rw - cgroup2 cgroup rw',
        '31 1 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup rw',
        '32 1 0:31 / /v1/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct',
        '',
      ].join('\n'),
    );
    expect(locate(table, { ...unified, path: '/docker/ab/x:y' })?.mount.mountPoint).toBe('/sys/fs/cgroup');
    const cpu = { hierarchy: 3, controllers: ['cpu', 'cpuacct'], deleted: false, path: '/x' };
    expect(locate(table, cpu)?.mount.id).toBe(32);
    expect(locate(table, { ...cpu, controllers: ['memory'] })).toBeUndefined();
  });

  it('is none that another one hides', () => {
    const table = mounts(
      '31 1 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n32 31 0:40 / /sys/fs/cgroup rw - tmpfs none rw\n',
    );
    expect(locate(table, { ...unified, path: '/' })).toBeUndefined();
  });

  it('is a subtree where only that is there', () => {
    const table = mounts('30 1 0:30 /docker/ab /sys/fs/cgroup ro - cgroup2 cgroup rw\n');
    expect(locate(table, { ...unified, path: '/docker/ab/in' })?.descent).toEqual({ untold: 0, names: ['in'] });
    expect(locate(table, { ...unified, path: '/docker/cd' })).toBeUndefined();
  });
});
