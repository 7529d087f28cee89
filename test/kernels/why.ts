// `cgroup why`, with what really happened: the cases of the host's own tests, on v1 and v2.

import { spawnSync } from 'node:child_process';
import { runWhyCase, whyCases, whyNot } from '../support/why-cases.ts';
import { test } from './test.ts';

spawnSync('modprobe', ['loop']);

for (const each of whyCases) {
  test(`cgroup why: ${each.name}`, { skip: whyNot(each) ?? false }, () => runWhyCase(each));
}
