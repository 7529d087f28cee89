// Every file that `cgroup show` reads gives the number that cat(1) gives, on cgroups with a value of its own in each: of v1
// and of v2, whatever this kernel has.

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from './test.ts';
import { fillCgroups } from '../support/cgroup-values.ts';
import { nstool, run } from '../support/program.ts';
import { faults } from '../support/schemas.ts';
import { catAll, ShownFiles, type ShownCgroups } from '../support/shown-files.ts';
import { cgroupMounts } from '../support/test-cgroups.ts';

test('cgroup show gives the number that cat gives, of every file', async () => {
  // A disk to limit.
  run(['modprobe', 'loop']);
  const filled = fillCgroups('nstool-test-files');
  try {
    const before = catAll(filled.pid, cgroupMounts());
    const { stdout, stderr } = nstool(['cgroup', 'show', String(filled.pid), '--json']);
    equal(stderr, '');
    const answer: unknown = JSON.parse(stdout);
    deepEqual(faults('cgroup show', answer), []);
    const files = new ShownFiles(answer as ShownCgroups, before, catAll(filled.pid, cgroupMounts()));
    deepEqual(files.differences, []);
    deepEqual(files.forgotten(), []);
    deepEqual(filled.refused, []);
    ok(filled.written > 40, String(filled.written));
    ok(files.compared > 100, String(files.compared));
  } finally {
    await filled.end();
  }
});
