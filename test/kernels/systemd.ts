// Under systemd: its services have namespaces and cgroups of their own.

import { deepEqual, equal, notEqual, ok } from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from './test.ts';
import { until } from './until.ts';
import { linkOf, look, statusLine } from '../support/entered.ts';
import { commandLine, nstool, run } from '../support/program.ts';
import { answer } from './answers.ts';
import { enter, equalNsenter, nsenter } from './enter.ts';
import { equalLsns, inode } from './ls.ts';

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

test('systemd: a service by its name, in listings, pages, comparisons and as a target', async () => {
  const properties = ['--property=PrivateNetwork=yes', '--property=PrivateIPC=yes'];
  equal(run(['systemd-run', '--quiet', '--unit=named', ...properties, 'sleep', '1000']).status, 0);
  try {
    const pid = Number(systemctl('show', '--property=MainPID', '--value', 'named'));
    await until(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('sleep'));
    const cgroup = systemctl('show', '--property=ControlGroup', '--value', 'named');
    const words = ['ls', '-t', 'net', '-p', 'unit:named.service', '-o', 'NS,PID,NAME,CGROUP'];
    const { namespaces } = answer(words) as { namespaces: readonly Record<string, unknown>[] };
    deepEqual(namespaces, [{ ns: inode(pid, 'net'), pid, name: 'unit:named.service', cgroup }]);
    const shown = (answer(['show', 'unit:named.service']) as { process: Record<string, unknown> }).process;
    deepEqual([shown['pid'], shown['unit']], [pid, 'named.service']);
    deepEqual(shown['cgroup'], [{ hierarchy: 0, controllers: [], path: cgroup }]);
    const rows = (answer(['ls', '--matrix']) as { matrix: readonly { name: string; pids: readonly number[] }[] })
      .matrix;
    deepEqual(rows.find(({ name }) => name === 'unit:named.service')?.pids, [pid]);
    ok(rows.some(({ name }) => name === 'unit:systemd-journald.service'));
    const command = commandLine(['enter', 'unit:named.service', '-n', '-c']);
    await look(command, 'true', (entered) => {
      equal(entered.links['net'], linkOf(pid, 'net'));
      equal(readFileSync(`/proc/${entered.pid}/cgroup`, 'utf8'), `0::${cgroup}\n`);
    });
    const wrong = nstool(['show', 'unit:name.service']);
    equal(wrong.status, 3);
    ok(wrong.stderr.includes('did you mean unit:named.service?'), wrong.stderr);
  } finally {
    systemctl('stop', 'named');
  }
});

test('systemd: enter --as-target makes what the service has', async () => {
  const properties = {
    User: 'nobody',
    UMask: '0137',
    OOMScoreAdjust: '321',
    LimitNOFILE: '64:128',
    NoNewPrivileges: 'yes',
    CapabilityBoundingSet: 'CAP_CHOWN CAP_KILL',
    AmbientCapabilities: 'CAP_CHOWN',
    SystemCallFilter: '~@mount',
    WorkingDirectory: '/usr',
    Environment: 'A=1',
    PrivateNetwork: 'yes',
    MemoryMax: '500M',
    TasksMax: '50',
  };
  const words = Object.entries(properties).map(([name, value]) => `--property=${name}=${value}`);
  equal(run(['systemd-run', '--quiet', '--unit=limited', ...words, 'sleep', '1000']).status, 0);
  try {
    const pid = Number(systemctl('show', '--property=MainPID', '--value', 'limited'));
    await until(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('sleep'));
    const file = (of: number, name: string): string => readFileSync(`/proc/${of}/${name}`, 'utf8');
    const command = commandLine(['enter', 'unit:limited.service', '--as-target']);
    await look(command, 'pwd', ({ pid: ours, links, status }) => {
      for (const name of ['Uid', 'Gid', 'Groups', 'CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb', 'Umask'])
        equal(status(name), statusLine(pid, name), name);
      for (const name of ['NoNewPrivs', 'Seccomp', 'Seccomp_filters']) equal(status(name), statusLine(pid, name), name);
      equal(status('Seccomp'), '2');
      for (const name of ['cgroup', 'limits', 'oom_score_adj']) equal(file(ours, name), file(pid, name), name);
      for (const kind of ['net', 'mnt']) equal(links[kind], linkOf(pid, kind));
    });
    const { stdout, stderr } = nstool(['enter', 'unit:limited.service', '--as-target', 'cat', '/proc/self/environ']);
    deepEqual([stdout, stderr], [file(pid, 'environ'), '']);
  } finally {
    systemctl('stop', 'limited');
  }
});

test('systemd is process 1', () => {
  ok(readFileSync('/proc/1/cmdline', 'utf8').includes('systemd'));
});
