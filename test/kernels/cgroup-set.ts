// `cgroup set` and `cgroup undo` on the cgroups of this kernel, v1 or v2, beside what its files say.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { chownSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { LimitedGroup, limitCases, limitVersion } from '../support/cgroup-set-cases.ts';
import { nstool, PLAIN_UID } from '../support/program.ts';
import { faults } from '../support/schemas.ts';
import { TestCgroups } from '../support/test-cgroups.ts';
import { facts } from './facts.ts';
import { test } from './test.ts';

const NAME = '/nstool-test-set';

async function limited(body: (group: LimitedGroup, cgroups: TestCgroups) => void): Promise<void> {
  const cgroups = new TestCgroups();
  try {
    body(new LimitedGroup(cgroups, NAME), cgroups);
  } finally {
    await cgroups.end();
    nstool(['gc']);
  }
}

test('cgroup set: the host has the cgroups that the guest was made with', () => {
  equal(limitVersion(new TestCgroups()), facts.cgroups);
});

for (const { words, v1, v2 } of limitCases) {
  test(`cgroup set ${words.join(' ')} reads back, and is undone byte for byte`, () =>
    limited((group) => {
      const before = group.all();
      const { status, stdout, stderr } = nstool(['cgroup', 'set', NAME, ...words, '--json']);
      equal(status, 0, stdout + stderr);
      deepEqual(faults('cgroup set', JSON.parse(stdout)), []);
      for (const [file, text] of Object.entries(group.version === 'v1' ? v1 : v2))
        if (group.has(file)) equal(group.read(file), text, file);
      const undone = nstool(['cgroup', 'undo']);
      equal(undone.status, 0, undone.stdout + undone.stderr);
      deepEqual(group.all(), before);
      equal(nstool(['cgroup', 'undo']).status, 3);
    }));
}

test('cgroup set --memory-high: of v2 alone', () =>
  limited((group) => {
    const { status, stderr } = nstool(['cgroup', 'set', NAME, '--memory-high', '64M']);
    equal(status, group.version === 'v1' ? 5 : 0, stderr);
    if (group.version === 'v2') equal(group.read('memory.high'), '67108864\n');
  }));

test('cgroup set --freeze stops what is in it, --thaw lets it go on', () =>
  limited((group, cgroups) => {
    if (group.version === 'v1') {
      group.write('cpuset.mems', '0');
      group.write('cpuset.cpus', '0');
    }
    const pid = group.start(cgroups);
    equal(nstool(['cgroup', 'set', String(pid), '--freeze']).status, 0);
    match(group.read(group.version === 'v1' ? 'freezer.state' : 'cgroup.freeze'), /^(?:FROZEN|FREEZING|1)\n$/);
    equal(nstool(['cgroup', 'set', String(pid), '--thaw']).status, 0);
    match(group.read(group.version === 'v1' ? 'freezer.state' : 'cgroup.freeze'), /^(?:THAWED|0)\n$/);
    ok(readFileSync(`/proc/${pid}/stat`, 'utf8').length > 0);
  }));

test('cgroup set of what is not delegated names the file and its owner; what is delegated is set', () =>
  limited((group) => {
    const runtime = mkdtempSync('/tmp/nstool-test-runtime-');
    chownSync(runtime, PLAIN_UID, PLAIN_UID);
    const plain = { uid: PLAIN_UID, env: { XDG_RUNTIME_DIR: runtime } };
    try {
      const refused = nstool(['cgroup', 'set', NAME, '--pids', '7'], plain);
      equal(refused.status, 4, refused.stderr);
      ok(refused.stderr.includes(`${group.fileOf('pids.max')} may not be written by us`), refused.stderr);
      chownSync(group.fileOf('pids.max'), PLAIN_UID, PLAIN_UID);
      equal(nstool(['cgroup', 'set', NAME, '--pids', '7'], plain).status, 0);
      equal(group.read('pids.max'), '7\n');
      equal(nstool(['cgroup', 'undo'], plain).status, 0);
      equal(group.read('pids.max'), 'max\n');
    } finally {
      rmSync(runtime, { recursive: true, force: true });
    }
  }));

test('cgroup set of a controller that is not handed on says so, and what to do', async () => {
  if (facts.cgroups === 'v1') return;
  const cgroups = new TestCgroups();
  try {
    cgroups.make('cgroup2', NAME);
    cgroups.make('cgroup2', `${NAME}/below`);
    const { status, stderr } = nstool(['cgroup', 'set', `${NAME}/below`, '--pids', '7']);
    equal(status, 5, stderr);
    match(
      stderr,
      /does not hand the pids controller on to it[^]*echo \+pids > .*nstool-test-set\/cgroup\.subtree_control/,
    );
  } finally {
    await cgroups.end();
  }
});
