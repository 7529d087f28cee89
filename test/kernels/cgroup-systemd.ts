// Under systemd: its slices are ancestors that limit, and what it delegates to a plain user can be divided.

import { deepEqual, equal, match } from 'node:assert/strict';
import { chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { commandLine, PLAIN_UID, run, type RunResult } from '../support/program.ts';
import { answer } from './answers.ts';
import { isBetween, PAYLOAD, shareOf } from './cgroup-places.ts';
import { test } from './test.ts';
import { until } from './until.ts';

function systemctl(...words: readonly string[]): string {
  const { status, stdout, stderr } = run(['systemctl', ...words]);
  equal(status, 0, stderr);
  return stdout.trim();
}

const TENTH = commandLine(['cgroup', 'run', '--cpus', '0.1', '--', PAYLOAD, 'use', '10', '8']);

/** Waits until it has ended, and has its output. */
function service(properties: readonly string[], command: readonly string[]): RunResult {
  const words = ['--quiet', '--wait', '--pipe', ...properties.map((each) => `--property=${each}`)];
  return run(['systemd-run', ...words, ...command]);
}

test('systemd, cgroup run: a service of a plain user, with Delegate=yes', () => {
  const { status, stdout, stderr } = service([`User=${PLAIN_UID}`, 'Delegate=yes'], TENTH);
  equal(status, 0, stderr);
  isBetween(shareOf(stdout), 0.08, 0.12);
});

test('systemd, cgroup run: a service of a plain user without it is refused, with what to do', () => {
  const { status, stdout, stderr } = service([`User=${PLAIN_UID}`], TENTH);
  deepEqual([status, stdout], [125, ''], stderr);
  match(stderr, /delegated/);
  match(stderr, /\n {2}try: /);
});

test("systemd, cgroup run: a scope of a plain user's own manager", async () => {
  const runtime = `/run/user/${PLAIN_UID}`;
  // No PAM is set up in a guest, and nobody logs in.
  const changes = {
    'user@.service': `PAMName=\nEnvironment=XDG_RUNTIME_DIR=${runtime}`,
    'user-runtime-dir@.service': 'ExecStart=\nExecStart=/bin/true\nExecStop=',
  };
  const drops = Object.keys(changes).map((unit) => `/run/systemd/system/${unit}.d`);
  for (const [index, drop] of drops.entries()) {
    mkdirSync(drop, { recursive: true });
    writeFileSync(`${drop}/plain.conf`, `[Service]\n${Object.values(changes)[index]}\n`);
  }
  mkdirSync(runtime, { recursive: true });
  chownSync(runtime, PLAIN_UID, PLAIN_UID);
  systemctl('daemon-reload');
  systemctl('start', `user@${PLAIN_UID}.service`);
  try {
    const env = { XDG_RUNTIME_DIR: runtime };
    const asked = (words: readonly string[]): RunResult =>
      run(['setpriv', `--reuid=${PLAIN_UID}`, `--regid=${PLAIN_UID}`, '--clear-groups', ...words], { env });
    const outside = asked(TENTH);
    equal(outside.status, 125, outside.stderr);
    match(outside.stderr, /try: systemd-run --user --scope -p Delegate=yes nstool cgroup run/);
    const inside = asked(['systemd-run', '--user', '--scope', '--quiet', '-p', 'Delegate=yes', ...TENTH]);
    equal(inside.status, 0, inside.stderr);
    isBetween(shareOf(inside.stdout), 0.08, 0.12);
  } finally {
    systemctl('stop', `user@${PLAIN_UID}.service`);
    for (const path of [...drops, runtime]) rmSync(path, { recursive: true });
    systemctl('daemon-reload');
  }
});

test('systemd, cgroup why: a service held back by the quota of its slice', async () => {
  equal(run(['systemd-run', '--quiet', '--unit=spins', '--slice=tight', PAYLOAD, 'use', '1', '100']).status, 0);
  try {
    systemctl('set-property', '--runtime', 'tight.slice', 'CPUQuota=20%');
    const quota = '/sys/fs/cgroup/tight.slice/cpu.max';
    await until(() => run(['cat', quota]).stdout === '20000 100000\n');
    const report = answer(['cgroup why', '--for', '4s', 'unit:spins.service'], { status: 1 });
    const { findings } = report as { findings: readonly { code: string; path: string | null }[] };
    equal(findings.find(({ code }) => code === 'W1')?.path, '/tight.slice', JSON.stringify(findings));
  } finally {
    systemctl('stop', 'spins', 'tight.slice');
    systemctl('revert', 'tight.slice');
  }
});

test('systemd, cgroup set: what a unit has, and undone', () => {
  equal(run(['systemd-run', '--quiet', '--unit=quiet', 'sleep', '1000']).status, 0);
  try {
    const file = '/sys/fs/cgroup/system.slice/quiet.service/pids.max';
    const before = run(['cat', file]).stdout;
    const set = run(commandLine(['cgroup', 'set', 'unit:quiet.service', '--pids', '44']));
    equal(set.status, 0, set.stdout + set.stderr);
    equal(run(['cat', file]).stdout, '44\n');
    const undone = run(commandLine(['cgroup', 'undo', 'unit:quiet.service']));
    equal(undone.status, 0, undone.stdout + undone.stderr);
    equal(run(['cat', file]).stdout, before);
  } finally {
    systemctl('stop', 'quiet');
  }
});
