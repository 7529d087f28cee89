// `enter` beside nsenter(1): the links of the command, what it prints, its ids and capabilities; and the status.

import { deepEqual, equal, match, notEqual } from 'node:assert/strict';
import { after, before } from 'node:test';
import { linkOf, look, type Entered } from '../support/entered.ts';
import { asUser, commandLine, nstool, PLAIN_UID } from '../support/program.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';
import { test } from './test.ts';

const kinds = [
  ['mnt', '--mount'],
  ['uts', '--uts'],
  ['ipc', '--ipc'],
  ['net', '--net'],
  ['pid', '--pid'],
  ['cgroup', '--cgroup'],
  ['time', '--time'],
  ['user', '--user'],
] as const;

const report = [
  'hostname',
  'ip -oneline link',
  "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs)' /proc/thread-self/status",
  'cat /proc/self/uid_map /proc/self/gid_map /proc/self/timens_offsets /proc/self/cgroup',
  'pwd; ls -di /',
].join('; ');

export function enter(words: readonly string[], uid?: number): Promise<Entered> {
  return look(commandLine(['enter', ...words], uid), report);
}

export function nsenter(words: readonly string[], uid?: number): Promise<Entered> {
  return look(asUser(['nsenter', ...words], uid), report);
}

export function equalNsenter(ours: Entered, theirs: Entered): void {
  deepEqual(ours.links, theirs.links);
  equal(ours.report, theirs.report);
}

let target: TargetProcess;
let owned: TargetProcess;

before(async () => {
  target = await makeTarget(['-muinpCT', '--fork', '--monotonic=1000', '--mount-proc']);
  owned = await makeTarget(['-muinpCT', '--fork', '-U', '-r'], PLAIN_UID);
});
after(async () => {
  await target.end();
  await owned.end();
});

for (const [kind, option] of kinds) {
  test(`enter PID ${option} is what nsenter does, and enters nothing else`, async () => {
    const { pid } = kind === 'user' ? owned : target;
    // Of itself --pid shows a /proc of that namespace, in mounts of its own.
    const ours = await enter([String(pid), option, ...(kind === 'pid' ? ['--no-proc'] : [])]);
    equalNsenter(ours, await nsenter(['-t', String(pid), option]));
    equal(ours.links[kind], linkOf(pid, kind));
    notEqual(ours.links[kind], linkOf('self', kind));
    for (const [other] of kinds) if (other !== kind) equal(ours.links[other], linkOf('self', other));
  });
}

test('enter by the path of a namespace', async () => {
  const path = `/proc/${target.pid}/ns/net`;
  equalNsenter(await enter([path]), await nsenter([`--net=${path}`]));
});

test('enter PID enters all eight kinds, as root into namespaces of root', async () => {
  const ours = await enter([String(target.pid)]);
  equalNsenter(ours, await nsenter(['-t', String(target.pid), '-a']));
  for (const [kind] of kinds) equal(ours.links[kind], linkOf(target.pid, kind));
  match(ours.report, /monotonic +1000 /);
});

test('enter PID enters all eight kinds, as root into namespaces of a plain user', async () => {
  const ours = await enter([String(owned.pid)]);
  equalNsenter(ours, await nsenter(['-t', String(owned.pid), '-a']));
  for (const [kind] of kinds) equal(ours.links[kind], linkOf(owned.pid, kind));
});

test('enter PID enters all eight kinds, as the plain user who made them', async () => {
  const ours = await enter([String(owned.pid)], PLAIN_UID);
  equalNsenter(ours, await nsenter(['-t', String(owned.pid), '-a', '--preserve-credentials'], PLAIN_UID));
  for (const [kind] of kinds) equal(ours.links[kind], linkOf(owned.pid, kind));
});

/** Also behind the waiting parent that a pid namespace takes. */
for (const option of ['--net', '--pid']) {
  test(`enter PID ${option}: the status is the program's own`, () => {
    const result = (...command: string[]): unknown => {
      const { status, signal } = nstool(['enter', String(target.pid), option, ...command]);
      return signal ?? status;
    };
    equal(result('sh', '-c', 'exit 42'), 42);
    equal(result('sh', '-c', 'kill -TERM $$; sleep 10'), 'SIGTERM');
    equal(result('/nonexistent'), 127);
    equal(result('/etc/passwd'), 126);
  });
}

test('enter: 125 for every failure of ours', () => {
  for (const words of [['4194304'], ['self', '--nonsense'], ['/etc/passwd'], ['nonsense']]) {
    const { status, stdout, stderr } = nstool(['enter', ...words, 'true']);
    deepEqual([status, stdout], [125, '']);
    match(stderr, /^nstool: /);
  }
});
