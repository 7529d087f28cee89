// Where the kernel lets plain users make no user namespace.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from './test.ts';
import { asUser, nstool, PLAIN_UID, run } from '../support/program.ts';
import { makeTarget } from '../support/targets.ts';
import { linkOf } from '../support/entered.ts';
import { equalLsns, inode } from './ls.ts';

const SYSCTL = '/proc/sys/kernel/unprivileged_userns_clone';

test('unprivileged_userns_clone=0: version says so, and what is there already is listed and entered', async () => {
  const target = await makeTarget(['--user', '--map-root-user', '--net'], PLAIN_UID);
  writeFileSync(SYSCTL, '0');
  try {
    equal(run(asUser(['unshare', '--user', 'true'], PLAIN_UID)).status, 1);
    const { lacks } = JSON.parse(nstool(['version', '--json']).stdout) as { lacks: readonly string[] };
    deepEqual(lacks, ['user namespaces for plain users: kernel.unprivileged_userns_clone is 0']);
    equalLsns({ uid: PLAIN_UID }, [inode(target.pid, 'user'), inode(target.pid, 'net')]);
    const words = [
      'enter',
      String(target.pid),
      '--user',
      '--net',
      'readlink',
      '/proc/self/ns/user',
      '/proc/self/ns/net',
    ];
    const { status, stdout, stderr } = nstool(words, { uid: PLAIN_UID });
    equal(status, 0, stderr);
    equal(stdout, `${linkOf(target.pid, 'user')}\n${linkOf(target.pid, 'net')}\n`);
  } finally {
    writeFileSync(SYSCTL, '1');
    await target.end();
  }
});

test('max_user_namespaces=0: version says so', async () => {
  const path = '/proc/sys/user/max_user_namespaces';
  const before = run(['cat', path]).stdout;
  writeFileSync(path, '0');
  try {
    const { status, stdout } = nstool(['version', '-v']);
    equal(status, 0);
    match(stdout, /\ncannot: new user namespaces: user.max_user_namespaces is 0/);
  } finally {
    writeFileSync(path, before);
  }
});

test('a process of root is closed to a plain user: counted by ls, refused by enter', async () => {
  const target = await makeTarget(['--net']);
  try {
    const { status, stderr } = nstool(['enter', String(target.pid), '--net', 'true'], { uid: PLAIN_UID });
    equal(status, 125);
    match(stderr, /^nstool: cannot enter the namespaces of process \d+: permission denied \(EACCES\)\n/);
    const { stderr: notes, stdout } = nstool(['ls', '-t', 'net'], { uid: PLAIN_UID });
    ok(!stdout.includes(String(inode(target.pid, 'net'))));
    match(notes, /permission denied|EACCES/);
  } finally {
    await target.end();
  }
});
