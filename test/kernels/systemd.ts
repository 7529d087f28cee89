// Under systemd: its services have namespaces and cgroups of their own.

import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from './test.ts';
import { linkOf } from '../support/entered.ts';
import { run } from '../support/program.ts';
import { enter, equalNsenter, nsenter } from './enter.ts';
import { equalLsns, inode, until } from './ls.ts';

function systemctl(...words: readonly string[]): string {
  const { status, stdout, stderr } = run(['systemctl', ...words]);
  equal(status, 0, stderr);
  return stdout.trim();
}

test('systemd: ls equals lsns, and enter nsenter, with a service in namespaces of its own', async () => {
  const shut = [
    'PrivateNetwork',
    'PrivateIPC',
    'PrivateTmp',
    'PrivateUsers',
    'ProtectHostname',
    'ProtectControlGroups',
  ];
  const properties = shut.map((name) => `--property=${name}=yes`);
  equal(run(['systemd-run', '--quiet', '--unit=shut', ...properties, 'sleep', '1000']).status, 0);
  try {
    const pid = Number(systemctl('show', '--property=MainPID', '--value', 'shut'));
    await until(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('sleep'));
    const own = ['mnt', 'net', 'ipc', 'user', 'uts'];
    for (const kind of own) notEqual(linkOf(pid, kind), linkOf('self', kind), kind);
    equalLsns({}, [...own.map((kind) => inode(pid, kind)), inode('self', 'pid')]);
    const ours = await enter([String(pid)]);
    equalNsenter(ours, await nsenter(['-t', String(pid), '-a']));
    deepEqual(
      own.map((kind) => ours.links[kind]),
      own.map((kind) => linkOf(pid, kind)),
    );
  } finally {
    systemctl('stop', 'shut');
  }
});

test('systemd is process 1', () => {
  ok(readFileSync('/proc/1/cmdline', 'utf8').includes('systemd'));
});
