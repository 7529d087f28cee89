// `each` beside nsenter(1) and `ip -all netns exec`: posix_spawn(3) and nsexec on each kernel and processor.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { EACH_KINDS, ofAllNetns, SHOW_PLACE, type EachResult } from '../support/each.ts';
import { linkOf } from '../support/entered.ts';
import { asUser, commandLine, nstool, PLAIN_UID, run, type RunResult } from '../support/program.ts';
import { childrenOf, makeTarget } from '../support/targets.ts';
import { answer } from './answers.ts';
import { sh } from './ls.ts';
import { withSetting } from './settings.ts';
import { test } from './test.ts';
import { until } from './until.ts';

function results(words: readonly string[], expected: { uid?: number; status?: number } = {}): readonly EachResult[] {
  return (answer(['each', ...words], expected) as { readonly results: readonly EachResult[] }).results;
}

for (const [name, uid] of [
  ['root', 0],
  ['a plain user', PLAIN_UID],
] as const) {
  test(`each: in every namespace of a process alone, as nsenter, by ${name}`, async () => {
    const target = await makeTarget(['-muinpCT', '-U', '-r', '--fork'], uid);
    try {
      const words = ['-p', String(target.pid), 'sh', '-c', SHOW_PLACE];
      const all = new Map(results(words, { uid, status: uid === 0 ? 0 : 1 }).map((one) => [one.type, one]));
      equal(all.size, EACH_KINDS.length);
      for (const [kind, option] of EACH_KINDS) {
        const one = all.get(kind);
        equal(`${kind}:[${one?.ns}]`, linkOf(target.pid, kind));
        if (uid !== 0 && kind !== 'user') {
          // A plain user owns nothing of it before the user namespace was entered.
          deepEqual([one?.status, one?.error?.includes('EPERM')], [125, true], kind);
          continue;
        }
        const kept = uid === 0 ? [] : ['--preserve-credentials'];
        const peer = run(asUser(['nsenter', `--target=${target.pid}`, option, ...kept, 'sh', '-c', SHOW_PLACE], uid));
        deepEqual([one?.status, one?.error, one?.stdout], [peer.status, null, peer.stdout], kind);
        ok(peer.stdout.includes(`${linkOf(target.pid, kind)}\n`), kind);
      }
    } finally {
      await target.end();
    }
  });
}

test('each -t net -P: the named network namespaces, in their order, and how each ended', () => {
  sh('for i in 1 2 3; do ip netns add each$i; done');
  try {
    const named = ['-t', 'net', '-Q', 'NAME =~ "^netns:each"', '-P'];
    const expected = ofAllNetns(sh('ip -all netns exec readlink /proc/self/ns/net'));
    equal(expected.size, 3);
    const found = results([...named, 'readlink', '/proc/self/ns/net']);
    deepEqual(new Map(found.map(({ name, stdout }) => [name, stdout])), expected);
    const listed = nstool(['ls', ...named, '-rn', '-o', 'NS,NAME'])
      .stdout.trim()
      .split('\n');
    const ended = (script: string): RunResult => nstool(['each', ...named, '-j3', 'sh', '-c', script]);
    const script =
      'case $NSTOOL_NAME in *1) exit 3 ;; *2) kill -TERM $$ ;; *) head -c 300000 /dev/zero | wc -c ;; esac';
    const said: Readonly<Record<string, string>> = {
      each1: '== status 3 ==',
      each2: '== signal TERM ==',
      each3: '300000',
    };
    const { status, stdout } = ended(script);
    deepEqual(
      stdout.trimEnd().split('\n'),
      listed.flatMap((line) => [`== net:${line} ==`, said[line.replace(/^.*:/, '')]]),
    );
    equal(status, 1);
    const missing = results([...named, 'no-such-command-here'], { status: 1 });
    deepEqual([...new Set(missing.map((one) => one.status))], [127]);
    match(missing[0]?.error ?? '', /ENOENT/);
  } finally {
    sh('for i in 1 2 3; do ip netns delete each$i; done');
  }
});

test('each: an empty input and three descriptors', () => {
  const [one] = results(['-p', 'self', '-t', 'uts', 'sh', '-c', 'cat; ls /proc/$$/fd']);
  equal(one?.stdout, '0\n1\n2\n');
});

test('each: a signal that ends it is passed on', async () => {
  const [file = '', ...args] = commandLine(['each', '-p', 'self', '-t', 'uts,net', '-j2', 'sleep', '3030']);
  const child = spawn(file, args, { stdio: 'ignore', cwd: '/' });
  const ended = new Promise<NodeJS.Signals | null>((done) => child.once('exit', (_, signal) => done(signal)));
  const sleeping = (): number => Number(run(['pgrep', '-c', '-f', '^sleep 3030$']).stdout);
  try {
    await until(() => sleeping() === 2);
    equal(childrenOf(child.pid ?? 0).length, 2);
    child.kill('SIGTERM');
    equal(await ended, 'SIGTERM');
    equal(sleeping(), 0);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
});

test('each where nobody may make a user namespace', async () => {
  const target = await makeTarget(['-U', '-r', '-n'], PLAIN_UID);
  try {
    await withSetting('/proc/sys/user/max_user_namespaces', '0', () => {
      const words = ['-p', String(target.pid), '-t', 'user,net', 'true'];
      deepEqual(
        results(words).map(({ status }) => status),
        [0, 0],
      );
    });
  } finally {
    await target.end();
  }
});
