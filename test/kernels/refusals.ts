// Refusals of the kernel, each provoked: it is foreseen, with the rule, and what helps is allowed.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { after, before } from 'node:test';
import { asUser, PLAIN_UID, run } from '../support/program.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';
import { since } from './facts.ts';
import { allowed, enterBy, refused } from './refused.ts';
import { withSetting } from './settings.ts';
import { test } from './test.ts';

const ODD_PROCESS = fileURLToPath(new URL('../../native/odd-process', import.meta.url));
const asPlain = asUser([], PLAIN_UID);
const without = (name: string): readonly string[] => ['setpriv', `--bounding-set=-${name}`, `--inh-caps=-${name}`];
/** With this file open for it: by its name it would be closed. */
const with9 = (path: string, ...more: readonly string[]): readonly string[] => [
  'sh',
  '-c',
  `exec "$@" 9<${path}`,
  'sh',
  ...more,
];

/** Of root, without a user namespace. */
let plain: TargetProcess;
/** Of the plain user, in a user namespace of its own. */
let theirs: TargetProcess;
/** Of root, in a user namespace of its own. */
let mapped: TargetProcess;

before(async () => {
  plain = await makeTarget(['-n', '-u', '-m', '-p', '-T', '--fork']);
  theirs = await makeTarget(['-U', '-r', '-n', '-u', '-p', '--fork'], PLAIN_UID);
  mapped = await makeTarget(['-U', '-r', '-n']);
});
after(async () => {
  await plain.end();
  await theirs.end();
  await mapped.end();
});

test('refused: a process of another user, and one of ours that is not dumpable', async () => {
  match(
    refused(asPlain, [String(plain.pid), '-n']),
    /\(EACCES\)\n {2}why: .*ptrace access: it runs as uid 0, we as 65534, without CAP_SYS_PTRACE/,
  );
  const odd = await makeTarget([], PLAIN_UID, [ODD_PROCESS, 'undumpable']);
  try {
    match(refused(asPlain, [String(odd.pid), '-n']), /it is not dumpable/);
  } finally {
    await odd.end();
  }
});

test('refused: a namespace of ours without its user namespace', () => {
  for (const option of ['net', 'pid']) {
    const text = refused(asPlain, [String(theirs.pid), `--${option}`]);
    match(text, /why: user:\[\d+\] owns it, and we may there, but that also needs CAP_SYS_ADMIN in our own/);
    ok(text.includes(`try: nstool enter -t ${theirs.pid} --user --${option} COMMAND\n`), text);
  }
  allowed(asPlain, [String(theirs.pid), '--user', '--net', '--pid']);
});

test('refused: a user namespace that is not ours', () => {
  const around = with9(`/proc/${mapped.pid}/ns/user`, ...asPlain);
  match(refused(around, ['--user=/dev/fd/9']), /not the owner of user:\[\d+\] \(that is uid 0, we are uid 65534\)/);
});

test('refused: what needs a capability that root lacks', () => {
  for (const [option, capability, rule] of [
    ['net', 'sys_admin', /why: .*CAP_SYS_ADMIN in user:\[\d+\], our own, is missing/],
    ['time', 'sys_admin', /why: .*CAP_SYS_ADMIN in user:\[\d+\], our own, is missing/],
    ['mount', 'sys_chroot', /why: .*that also needs CAP_SYS_CHROOT in our own user namespace, for a mount namespace/],
  ] as const) {
    match(refused(without(capability), [String(plain.pid), `--${option}`]), rule);
  }
  allowed(without('net_raw'), [String(plain.pid), '-a']);
});

test('refused: a pid namespace that is not below ours, and one whose first process has ended', async () => {
  const inside = ['unshare', '-p', '--fork', '--mount-proc'];
  match(
    refused(with9('/proc/self/ns/pid', ...inside), ['--pid=/dev/fd/9']),
    /EINVAL\n {2}why: it is not below our own/,
  );
  const target = await makeTarget(['-p', '--fork']);
  const handle = openSync(`/proc/${target.pid}/ns/pid`, 'r');
  try {
    await target.end();
    const words = [`--pid=/proc/${process.pid}/fd/${handle}`];
    // Before that Linux only the attempt shows it.
    const text = since(6, 11) ? refused([], words) : enterBy([], ...words, 'true').stderr;
    match(text, /ENOMEM\n {2}why: its first process has ended, and nothing can be started in it any more/);
  } finally {
    closeSync(handle);
  }
});

test('refused: ids that are not mapped, or not ours', () => {
  match(
    refused([], [String(mapped.pid), '-U', '-S', '5']),
    /cannot become uid 5: EINVAL\n {2}why: uid 5 is not mapped/,
  );
  match(refused(asPlain, ['self', '-n', '-S', '5']), /cannot become uid 5: EPERM\n {2}why: that needs CAP_SETUID/);
  match(refused(asPlain, [`--user=/proc/${theirs.pid}/ns/user`, '-G', '0']), /setgroups not denied there/);
});

test('what is there is entered where nobody may make a user namespace: it is no refusal', async () => {
  for (const [name, value] of [
    ['user/max_user_namespaces', '0'],
    ['kernel/unprivileged_userns_clone', '0'],
  ] as const) {
    await withSetting(`/proc/sys/${name}`, value, () => {
      ok(run([...asPlain, 'unshare', '-U', 'true']).status !== 0);
      allowed(asPlain, [String(theirs.pid), '-a']);
      const { status, stderr } = enterBy([], String(theirs.pid), '-a', 'unshare', '-U', 'true');
      // Root of a user namespace is none here: Debian asks for CAP_SYS_ADMIN in the initial one.
      deepEqual([status, stderr === ''], [1, false], name);
    });
  }
  equal(enterBy([], String(theirs.pid), '-a', 'unshare', '-U', 'true').status, 0);
});
