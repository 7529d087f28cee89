// `cgroup run`: limits that bind, on both versions of cgroups, and nothing of them is left.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { mkdirSync, readdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { commandLine, nstool, PLAIN_UID, run, type RunResult } from '../support/program.ts';
import {
  handOn,
  isBetween,
  isV2,
  left,
  PAYLOAD,
  nested,
  runningBelow,
  shareOf,
  startCommand,
  topOf,
  untilNothingIsLeft,
} from './cgroup-places.ts';
import { withDisk, withSwap } from './cgroup-devices.ts';
import { test } from './test.ts';
import { until } from './until.ts';

const MEGABYTES = '64';

function limited(limits: readonly string[], command: readonly string[], uid?: number): RunResult {
  return nstool(['cgroup', 'run', ...limits, '--', ...command], uid === undefined ? {} : { uid });
}

for (const threads of [1, 10]) {
  test(`cgroup run --cpus 0.1: ${threads} threads get a tenth of a processor`, () => {
    const { status, stdout, stderr } = limited(['--cpus', '0.1'], [PAYLOAD, 'use', String(threads), '10']);
    equal(status, 0, stderr);
    isBetween(shareOf(stdout), 0.08, 0.12);
  });
}

/** nstool ends as its command did, by SIGKILL, which a shell calls 137. */
function killed({ signal, stdout, stderr }: RunResult): void {
  deepEqual([signal, stdout], ['SIGKILL', ''], stderr);
  match(stderr, /killed by its own memory limit/);
}

test('cgroup run --memory: what takes more is killed, and told', () => {
  killed(limited(['--memory', '5M'], [PAYLOAD, 'memory', MEGABYTES]));
  deepEqual(left(), []);
});

test('cgroup run --memory: what takes less lives, and why says that the limit was never reached', async () => {
  const running = startCommand(commandLine(['cgroup', 'run', '--memory', '5M', '--', PAYLOAD, 'memory', '1', 'hold']));
  try {
    await until(() => running.said().includes('lived'));
    const why = nstool(['cgroup', 'why', String(await runningBelow(running.pid, PAYLOAD))]);
    equal(why.status, 0, why.stdout + why.stderr);
    match(why.stdout, /never reached/);
  } finally {
    await running.end();
  }
  nstool(['gc']);
  await untilNothingIsLeft();
});

test('cgroup run --memory with swap on the host: killed all the same; --swap lets it live, and why says so', async () => {
  await withSwap(async () => {
    killed(limited(['--memory', '5M'], [PAYLOAD, 'memory', MEGABYTES]));
    const lives = limited(['--memory', '5M', '--swap', '128M'], [PAYLOAD, 'memory', MEGABYTES]);
    deepEqual([lives.status, lives.stdout], [0, 'lived\n'], lives.stderr);
    const words = ['cgroup', 'run', '--memory', '5M', '--swap', '128M', '--', PAYLOAD, 'memory', MEGABYTES, 'hold'];
    const running = startCommand(commandLine(words));
    try {
      await until(() => running.said().includes('lived'));
      const why = nstool(['cgroup', 'why', String(await runningBelow(running.pid, PAYLOAD))]);
      equal(why.status, 1, why.stdout + why.stderr);
      match(why.stdout, /^W10 .* went to swap/m);
    } finally {
      await running.end();
      nstool(['gc']);
      await untilNothingIsLeft();
    }
  });
});

test('cgroup run --pids 8: the ninth process is refused, and told', () => {
  const { status, stdout, stderr } = limited(['--pids', '8'], [PAYLOAD, 'fork', '20']);
  deepEqual([status, stdout], [0, '8 Resource temporarily unavailable\n'], stderr);
  match(stderr, /pids|processes/);
});

test('cgroup run --io: writes to a disk keep the rate', async () => {
  await withDisk((disk) => {
    const write = ['dd', 'if=/dev/zero', `of=${disk}`, 'bs=64k', 'count=80', 'oflag=direct'];
    const free = secondsOf(run(write).stderr);
    const { status, stderr } = limited(['--io', `${disk}:wbps=1M`], write);
    equal(status, 0, stderr);
    ok(free < 2, `${free} s without a limit`);
    isBetween(5 / secondsOf(stderr), 0.8, 1.2);
  });
});

/** `5242880 bytes (5.2 MB, 5.0 MiB) copied, 5.00 s, 1.0 MB/s`. */
function secondsOf(said: string): number {
  return Number(/copied, ([0-9.]+) s/.exec(said)?.[1] ?? Number.NaN);
}

test('cgroup run: the groups end with the command, with its status, and after SIGKILL by gc', async () => {
  const before = groups();
  equal(limited(['--memory', '50M', '--pids', '20', '--cpus', '0.5'], ['sh', '-c', 'exit 7']).status, 7);
  deepEqual([left(), groups()], [[], before]);
  const running = startCommand(commandLine(['cgroup', 'run', '--memory', '50M', '--', 'sleep', '3040']));
  await runningBelow(running.pid, 'sleep');
  equal(left().length, 1);
  await running.end();
  equal(nstool(['gc']).status, 0);
  await untilNothingIsLeft();
  deepEqual(groups(), before);
});

/** What stands in the roots of the hierarchies. */
function groups(): readonly string[] {
  const folders = (['cpu', 'memory', 'pids', 'io', 'freezer'] as const).map(topOf);
  return [...new Set(folders)].flatMap((top) =>
    readdirSync(top, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [`${top}/${entry.name}`] : [])),
  );
}

test('cgroup run: a plain user to whom nothing was delegated is refused, with what to do', () => {
  const { status, stdout, stderr } = limited(['--memory', '50M'], ['echo', 'started'], PLAIN_UID);
  deepEqual([status, stdout], [125, ''], stderr);
  match(stderr, /delegated/);
  match(stderr, /\n {2}try: /);
});

if (isV2) {
  test('cgroup run: a plain user with a cgroup that was given to it', () => {
    const top = '/sys/fs/cgroup/nstool-test-given';
    handOn('/sys/fs/cgroup');
    mkdirSync(top);
    try {
      for (const file of ['', '/cgroup.procs', '/cgroup.subtree_control', '/cgroup.threads'])
        equal(run(['chown', String(PLAIN_UID), `${top}${file}`]).status, 0);
      const inside = (words: readonly string[]): RunResult =>
        run(['sh', '-c', `echo $$ >${top}/cgroup.procs; exec "$@"`, 'sh', ...words]);
      const spun = inside(commandLine(['cgroup', 'run', '--cpus', '0.1', '--', PAYLOAD, 'use', '1', '5'], PLAIN_UID));
      equal(spun.status, 0, spun.stderr);
      isBetween(shareOf(spun.stdout), 0.08, 0.12);
      const gone = inside(
        commandLine(['cgroup', 'run', '--memory', '5M', '--', PAYLOAD, 'memory', MEGABYTES], PLAIN_UID),
      );
      killed(gone);
      deepEqual(
        readdirSync(top, { withFileTypes: true }).filter((entry) => entry.isDirectory()),
        [],
      );
    } finally {
      deepEqual(
        readdirSync(top).filter((name) => name.startsWith('nstool-')),
        [],
      );
      rmdirSync(top);
    }
  });

  test('cgroup run --parent: full, threaded, frozen or with processes it is refused, with the reason', async () => {
    const refusals: readonly (readonly [name: string, reason: RegExp, (folder: string, leaf: string) => void])[] = [
      ['full', /cgroup\.max\.descendants/, (folder) => writeFileSync(`${folder}/cgroup.max.descendants`, '1')],
      ['threaded', /threaded|cgroup\.type/, (_, leaf) => writeFileSync(`${leaf}/cgroup.type`, 'threaded')],
      ['frozen', /frozen/, (folder) => writeFileSync(`${folder}/cgroup.freeze`, '1')],
    ];
    for (const [name, reason, spoil] of refusals) {
      // cpu can be in a threaded cgroup.
      const { cgroups, path, parent, leaf } = nested('cpu', name);
      try {
        spoil(parent, leaf);
        if (name === 'frozen') await until(() => run(['cat', `${parent}/cgroup.events`]).stdout.includes('frozen 1'));
        const at = name === 'threaded' ? `${path}/leaf` : path;
        const { status, stdout, stderr } = limited(['--parent', at, '--cpus', '0.5'], ['echo', 'started']);
        deepEqual([status, stdout], [125, ''], stderr);
        match(stderr, reason, name);
      } finally {
        if (name === 'frozen') writeFileSync(`${parent}/cgroup.freeze`, '0');
        await cgroups.end();
      }
    }
    const { cgroups, path, leaf } = nested('memory', 'populated');
    try {
      cgroups.start([leaf]);
      const { status, stdout, stderr } = limited(['--parent', `${path}/leaf`, '--memory', '50M'], ['echo', 'started']);
      deepEqual([status, stdout], [125, ''], stderr);
      match(stderr, /has a process/);
    } finally {
      await cgroups.end();
    }
  });
}
