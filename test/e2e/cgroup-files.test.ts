// Every file that `cgroup show` reads gives the number that cat(1) gives, on cgroups with a value of its own in each.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fillCgroups, type FilledCgroups } from '../support/cgroup-values.ts';
import { nstool } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { faults } from '../support/schemas.ts';
import { catAll, ShownFiles, type ShownCgroups } from '../support/shown-files.ts';
import { cgroupMounts } from '../support/test-cgroups.ts';

describe.skipIf(lacks('root', 'cgroup1'))('every file of a cgroup', () => {
  let filled: FilledCgroups;

  beforeAll(() => {
    filled = fillCgroups(`nstool-test-files-${process.pid}`);
  });
  afterAll(() => filled.end());

  it('gives the number that cat gives, and none was forgotten', () => {
    const before = catAll(filled.pid, cgroupMounts());
    const { stdout, stderr } = nstool(['cgroup', 'show', String(filled.pid), '--json']);
    expect(stderr).toBe('');
    const answer: unknown = JSON.parse(stdout);
    expect(faults('cgroup show', answer)).toEqual([]);
    const files = new ShownFiles(answer as ShownCgroups, before, catAll(filled.pid, cgroupMounts()));
    expect(files.differences).toEqual([]);
    expect(files.forgotten()).toEqual([]);
    expect(filled.refused).toEqual([]);
    expect(filled.written).toBeGreaterThan(40);
    expect(files.compared).toBeGreaterThan(100);
  });
});
