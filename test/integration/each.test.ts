// `nstool each` against `ip -all netns exec` and nsenter(1): the same namespaces, and in each that one alone.

import { spawn } from 'node:child_process';
import { readdirSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EACH_KINDS, eachResults, ofAllNetns, SHOW_PLACE } from '../support/each.ts';
import { startOddProcess } from '../support/odd-process.ts';
import { asUser, commandLine, identities, nstool, PLAIN_UID, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeStage, type Stage } from '../support/stage.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';

describe.skipIf(lacks('userns', 'unshare', 'nsenter')).each(identities)('by $name', ({ uid }) => {
  let target: TargetProcess;
  beforeAll(async () => {
    const all = ['-U', '-r', '-n', '-m', '-u', '-i', '-C', '-T', '-p', '--fork'];
    target = await makeTarget(all, uid);
  });
  afterAll(() => target.end());

  // Of what it owns a plain user may enter the user namespace alone: the others need it to be joined with them.
  test.each(uid === 0 ? EACH_KINDS : EACH_KINDS.slice(0, 1))(
    'the %s namespace of a process, and no other: as nsenter %s',
    (kind, option) => {
      const one = nstool(['each', '-p', String(target.pid), '-t', kind, '--json', 'sh', '-c', SHOW_PLACE], { uid });
      // Without the right to drop groups nsenter 2.38 gives up.
      const kept = uid === 0 ? [] : ['--preserve-credentials'];
      const peer = run(asUser(['nsenter', `--target=${target.pid}`, option, ...kept, 'sh', '-c', SHOW_PLACE], uid));
      expect(peer.status).toBe(0);
      expect(eachResults(one.stdout)).toEqual([
        expect.objectContaining({ type: kind, status: 0, signal: null, error: null, stdout: peer.stdout, stderr: '' }),
      ]);
      expect(one.status).toBe(0);
    },
  );

  test('without a kind each namespace of the process is entered alone', () => {
    const { stdout } = nstool(['each', '-p', String(target.pid), '--json', 'sh', '-c', SHOW_PLACE], { uid });
    const ours = run(['sh', '-c', SHOW_PLACE]).stdout.split('\n');
    const all = eachResults(stdout);
    expect(new Set(all.map(({ type }) => type)).size).toBe(8);
    for (const { type, ns, status, stdout: printed, error } of all) {
      // A plain user owns nothing of it before the user namespace was entered.
      if (uid !== 0 && type !== 'user')
        expect({ status, refused: error?.includes('EPERM') }).toEqual({ status: 125, refused: true });
      else {
        const others = printed.split('\n').filter((line) => line.includes(':[') && !ours.includes(line));
        expect(others).toEqual([`${type}:[${ns}]`]);
      }
    }
  });
});

test.skipIf(lacks('root', 'userns', 'unshare'))('what is closed to a plain user fails, with the rule', async () => {
  const target = await makeTarget(['--net', '--uts']);
  try {
    const { status, stderr } = nstool(['each', '-p', String(target.pid), '-t', 'net', 'true'], { uid: PLAIN_UID });
    expect({ status, stderr }).toEqual({ status: 4, stderr: expect.stringContaining('EACCES') });
  } finally {
    await target.end();
  }
});

describe.skipIf(lacks('root', 'unshare', 'nsenter', 'ip'))('a hundred network namespaces', () => {
  let stage: Stage;
  const each = (...words: readonly string[]): ReturnType<typeof run> =>
    run([...stage.within, ...commandLine(['each', ...words])]);

  beforeAll(async () => {
    stage = await makeStage();
    stage.sh('for i in $(seq 100); do ip netns add blue$i; done');
  });
  afterAll(() => stage.end());

  test('are those of ip -all netns exec', () => {
    const { stdout, status } = each('-t', 'net', '-P', '--json', 'readlink', '/proc/self/ns/net');
    expect(status).toBe(0);
    const found = new Map(eachResults(stdout).map(({ name, stdout: printed }) => [name, printed]));
    const expected = ofAllNetns(stage.sh('ip -all netns exec readlink /proc/self/ns/net'));
    expect(expected.size).toBe(100);
    expect(found).toEqual(expected);
  });

  test('are shown in the order of the listing, however long each takes and however many run', () => {
    const script = 'sleep 0.0$((RANDOM % 4)); echo $NSTOOL_NS $NSTOOL_NAME';
    const listed = run([...stage.within, ...commandLine(['ls', '-t', 'net', '-P', '-rn', '-o', 'NS,NAME'])]).stdout;
    const expected = listed
      .trim()
      .split('\n')
      .flatMap((line) => [`== net:${line} ==`, `net:${line}`]);
    for (const jobs of ['1', '7', '100']) {
      const { stdout, status } = each('-t', 'net', '-P', '-j', jobs, 'bash', '-c', script);
      expect({ status, lines: stdout.trimEnd().split('\n') }).toEqual({ status: 0, lines: expected });
    }
  });

  test('one that fails does not stop the rest', () => {
    const script = 'test $NSTOOL_NAME != netns:blue50 || exit 3';
    const { stdout, status } = each('-t', 'net', '-P', 'sh', '-c', script);
    const lines = stdout.trimEnd().split('\n');
    expect(status).toBe(1);
    expect(lines).toHaveLength(101);
    expect(lines.filter((line) => !/^== net:[0-9]+ netns:blue[0-9]+ ==$/.test(line))).toEqual(['== status 3 ==']);
    expect(lines[lines.indexOf('== status 3 ==') - 1]).toContain('netns:blue50 ==');
  });

  test('a filter takes some', () => {
    const { stdout } = each('-t', 'net', '-Q', 'NAME =~ "^netns:blue1.$"', '--json', 'ip', '-o', 'link');
    expect(eachResults(stdout)).toHaveLength(10);
    for (const { stdout: links } of eachResults(stdout)) expect(links).toMatch(/^1: lo: .*\n$/);
  });

  test('none that matches is no failure', () => {
    expect(each('-t', 'net', '-Q', 'NAME == "netns:none"', 'false')).toMatchObject({ status: 0, stdout: '' });
  });

  test('a name that would act on a terminal does not', () => {
    stage.sh(`ip netns add "$(printf 'x\\033[31m\\nforged')"`);
    const { stdout } = each('-t', 'net', '-Q', 'NAME =~ "forged"', 'printenv', 'NSTOOL_NAME');
    expect(stdout).toMatch(/^== net:[0-9]+ netns:x\\x1b\[31m\\nforged ==\nnetns:x\\x1b\[31m\\nforged\n$/);
  });
});

describe.skipIf(lacks('root', 'cc', 'unshare'))('a namespace that only a descriptor holds', () => {
  test('is entered, with --deep', async () => {
    const { startPin } = await import('../support/pins.ts');
    for (const way of ['fd', 'socket'] as const) {
      const pin = await startPin(way);
      try {
        const words = ['--deep', '-t', 'net', '-Q', `NS == ${pin.inode}`, '--json', 'readlink', '/proc/self/ns/net'];
        const { stdout } = nstool(['each', ...words]);
        expect(eachResults(stdout)).toMatchObject([{ status: 0, stdout: `net:[${pin.inode}]\n`, error: null }]);
      } finally {
        await pin.end();
      }
    }
  });
});

describe.skipIf(lacks('root', 'namespaces', 'unshare'))('namespaces without any process', () => {
  /** All but pid: without its first process nothing can start in it. */
  const kinds = EACH_KINDS.map(([kind]) => kind).filter((kind) => kind !== 'pid');
  const holders = {
    descriptors: ['', 'exec $fd<"/proc/$pid/ns/$kind"'],
    'bind mounts': ['mount -t tmpfs tmpfs /mnt', 'touch /mnt/$kind; mount --bind "/proc/$pid/ns/$kind" /mnt/$kind'],
  };

  test.each(Object.entries(holders))('held by %s', async (_holder, [before, hold]) => {
    const script = `${before}
      unshare -U -r -m -n -i -u -C -T sleep 1000 & pid=$!; fd=3
      until [ "$(cat /proc/$pid/comm)" = sleep ]; do sleep 0.01; done
      for kind in ${kinds.join(' ')}; do eval '${hold}'; fd=$((fd + 1)); done
      for kind in ${kinds.join(' ')}; do links="$links $(readlink /proc/$pid/ns/$kind)"; done
      kill $pid; wait $pid; echo $links; exec sleep 1000`;
    const started = spawn('unshare', ['-m', 'sh', '-c', script.replace('$fd<', "'$fd'<")], {
      stdio: ['ignore', 'pipe', 'inherit'],
      cwd: '/',
    });
    const ended = new Promise((done) => started.once('close', done));
    const said = await new Promise<string>((done) => started.stdout.once('data', (line) => done(String(line).trim())));
    try {
      const links = said.split(' ');
      expect(links).toHaveLength(kinds.length);
      const filter = links.map((link) => `NS == ${/[0-9]+/.exec(link)?.[0]}`).join(' || ');
      const show = 'readlink "/proc/self/ns/${NSTOOL_NS%%:*}"';
      const { stdout } = nstool(['each', '--deep', '-Q', filter, '--json', 'sh', '-c', show]);
      const found = eachResults(stdout).map(({ status, error, stdout: printed }) => ({ status, error, printed }));
      expect(found.toSorted((a, b) => (a.printed < b.printed ? -1 : 1))).toEqual(
        links.toSorted().map((link) => ({ status: 0, error: null, printed: `${link}\n` })),
      );
    } finally {
      started.kill('SIGKILL');
      await ended;
    }
  });
});

describe.skipIf(lacks('root', 'namespaces', 'cc'))('a namespace that only a thread is in', () => {
  /** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC and NEWNET. */
  const flags = (0x20000 | 0x2000000 | 0x4000000 | 0x8000000 | 0x40000000).toString(16);
  const kinds = ['mnt', 'cgroup', 'uts', 'ipc', 'net'];

  test.each(['threads', 'leaderless'])('%s: with -p TID, and with a filter', async (mode) => {
    const target = await startOddProcess([], [mode, flags]);
    try {
      const tid = readdirSync(`/proc/${target.pid}/task`).findLast((name) => name !== String(target.pid)) ?? '';
      const links = kinds.map((kind) => readlinkSync(`/proc/${tid}/ns/${kind}`));
      const filter = links.map((link) => `NS == ${/[0-9]+/.exec(link)?.[0]}`).join(' || ');
      const show = ['--json', 'sh', '-c', 'readlink "/proc/self/ns/${NSTOOL_NS%%:*}"'];
      for (const which of [
        ['-p', tid],
        ['--deep', '-Q', filter],
      ]) {
        const { stdout, stderr } = nstool(['each', '-t', kinds.join(','), ...which, ...show]);
        const found = eachResults(stdout).map(({ status, error, stdout: printed }) => ({ status, error, printed }));
        expect({ stderr, found: found.toSorted((a, b) => (a.printed < b.printed ? -1 : 1)) }).toMatchObject({
          found: links.toSorted().map((link) => ({ status: 0, error: null, printed: `${link}\n` })),
        });
      }
    } finally {
      await target.end();
    }
  });
});
