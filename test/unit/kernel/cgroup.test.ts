import { describe, expect, it } from 'vitest';
import { parseCgroup } from '../../../src/kernel/text/cgroup.ts';

const parse = (text: string) => parseCgroup(new TextEncoder().encode(text), '/proc/7/cgroup');

describe('/proc/PID/cgroup', () => {
  it('has a line for each hierarchy, v1, named and unified', () => {
    // Linux 6.18, hybrid.
    expect(parse('9:name=systemd:/\n2:cpu,cpuacct:/docker/ab\n0::/\n')).toEqual({
      ok: true,
      value: [
        { hierarchy: 9, controllers: ['name=systemd'], path: '/', deleted: false },
        { hierarchy: 2, controllers: ['cpu', 'cpuacct'], path: '/docker/ab', deleted: false },
        { hierarchy: 0, controllers: [], path: '/', deleted: false },
      ],
    });
  });

  it('splits on the first two colons only', () => {
    const read = parse('0::/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:ab\n');
    expect(read.ok && read.value[0]?.path).toBe(
      '/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:ab',
    );
  });

  it('takes the mark of a removed cgroup off, which only the unified hierarchy has', () => {
    const read = parse('0::/a/b (deleted)\n4:memory:/a/b (deleted)\n');
    expect(read.ok && read.value.map(({ path, deleted }) => [path, deleted])).toEqual([
      ['/a/b', true],
      ['/a/b (deleted)', false],
    ]);
  });

  it('is empty where there are no cgroups', () => {
    expect(parse('')).toEqual({ ok: true, value: [] });
  });

  it.each([
    ['no colon', '0/a'],
    ['one colon', '0:/a'],
    ['no number', 'x::/a'],
    ['a relative path', '0::a'],
    ['no path', '0::'],
  ])('refuses a line with %s, and names file, line and text', (_, line) => {
    expect(parse(`1:cpu:/\n${line}\n`)).toEqual({
      ok: false,
      gap: { reason: 'malformed', what: '/proc/7/cgroup', line: 2, text: line },
    });
  });
});
