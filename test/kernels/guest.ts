// The tests that run in the guests of `npm run test:kernels`, one file by esbuild. node:test prints the results.
// A further test is a further `test(...)` in one of these files; they run one after the other, as root.

import { facts } from './facts.ts';
import './version.ts';
import './caps.ts';
import './cgroup-set.ts';
import './ls.ts';
import './columns.ts';
import './release.ts';
import './show.ts';
import './entered.ts';
import './watch.ts';
import './enter.ts';
import './enter-options.ts';
import './enter-files.ts';
import './as-target.ts';
import './refusals.ts';
import './each.ts';
import './why.ts';
import './cgroup-files.ts';
import './plain-user.ts';
import './discover-deep.ts';
import './cgroup-run.ts';
import './cgroup-ls.ts';
import './net-lab.ts';

if (facts.cgroups === 'v1') {
  await import('../e2e/cgroup-show.test.ts');
  await import('../integration/cgroup-fields.test.ts');
}
if (facts.init === 'systemd') {
  await import('./systemd.ts');
  await import('./cgroup-systemd.ts');
}
// What it sets stays.
await import('./yama.ts');
