// The JSON of the built program, against the JSON Schemas that it is shipped with: as root and as a plain user.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPin, type Pin } from '../support/pins.ts';
import { identities, nstool, PLAIN_UID, type Identity } from '../support/program.ts';
import { fixturePath } from '../support/recorded.ts';
import { lacks } from '../support/requires.ts';
import { faults, jsonCommands, passed } from '../support/schemas.ts';
import { makeStage, type Stage } from '../support/stage.ts';
import { makeTarget, type TargetProcess } from '../support/targets.ts';
import { startWatching } from '../support/watching.ts';

const KINDS = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'];

interface Answer {
  readonly complete: boolean;
  readonly gaps: readonly unknown[];
  readonly [key: string]: unknown;
}

const asked = new Set<string>();

/** The answer to a command line; fails where its schema does not take it. */
function ask(command: string, words: readonly string[], uid?: number): Answer {
  asked.add(command);
  const { status, stdout, stderr } = nstool(
    // First: what follows a program is the program's.
    [...command.split(' '), '--json', ...words],
    uid === undefined ? {} : { uid },
  );
  const line = [command, ...words].join(' ');
  expect([0, 1], `${line}: ${stderr}`).toContain(status);
  const answer = JSON.parse(stdout) as Answer;
  expect({ line, faults: faults(command, answer) }).toEqual({ line, faults: [] });
  return answer;
}

const missing = lacks('userns', 'unshare');

describe.skipIf(missing).each(identities)('by $name', ({ uid }: Identity) => {
  let target: TargetProcess;
  let named: readonly string[];

  beforeAll(async () => {
    const all = ['-U', '-r', '-n', '-m', '-p', '--fork', '-u', '-i', '-C'];
    target = await makeTarget([...all, '-T', '--monotonic', '-1', '--boottime', '7'], uid);
    const { process: shown } = ask('show', [String(target.pid), '-o', 'namespaces'], uid) as unknown as {
      process: { namespaces: readonly { type: string; ns: number }[] };
    };
    named = shown.namespaces.map(({ type, ns }) => `${type}:${ns}`);
  });
  afterAll(() => target.end());

  it('the target has a namespace of each kind', () => {
    expect(new Set(named.map((name) => name.split(':')[0]))).toEqual(new Set(KINDS));
  });

  it.each([
    { words: [] },
    { words: ['--output-all'] },
    { words: ['--deep'] },
    { words: ['--deep', '-P'] },
    { words: ['-t', 'net,mnt'] },
    { words: ['-o', 'NS'] },
    { words: ['-Q', 'NPROCS > 1'] },
    { words: ['-p', 'self'] },
    { words: ['--tree'] },
    { words: ['--matrix'] },
    { words: ['--list-columns'] },
  ])('ls $words', ({ words }) => {
    const answer = ask('ls', words, uid);
    expect(passed('ls', answer)).toEqual([]);
  });

  it.each([{ words: [] }, { words: ['--all'] }, { words: ['self', 'host'] }])('audit $words', ({ words }) => {
    expect(passed('audit', ask('audit', words, uid))).toEqual([]);
  });

  it.each(KINDS)('ls, holders and show of a namespace: %s', (kind) => {
    const name = named.find((one) => one.startsWith(`${kind}:`)) ?? '';
    ask('ls', [name], uid);
    expect(passed('holders', ask('holders', [name], uid))).toEqual([]);
    expect(passed('show', ask('show', [name], uid))).toEqual([]);
  });

  it('show of a process in them, of ours, of the host, of process 1, and single fields', () => {
    for (const words of [
      [String(target.pid)],
      ['self'],
      [String(target.pid), '-o', 'pid'],
      ['self', '-o', 'engine'],
      ['host'],
    ]) {
      const answer = ask('show', words, uid);
      expect({ words, passed: passed('show', answer) }).toEqual({ words, passed: [] });
    }
    ask('show', ['1'], uid);
  });

  it('ids', () => {
    const pid = String(target.pid);
    const [users = '', pids = ''] = ['user:', 'pid:'].map((kind) => named.find((name) => name.startsWith(kind)) ?? '');
    for (const words of [['self'], [pid], [users], [pids], [pid, 'uid:0', 'gid:4242', 'pid:1'], [users, 'pid:1']]) {
      const answer = ask('ids', words, uid);
      expect({ words, passed: passed('ids', answer) }).toEqual({ words, passed: [] });
    }
  });

  it('diff', () => {
    const pid = String(target.pid);
    const net = named.find((name) => name.startsWith('net:')) ?? '';
    for (const words of [
      [pid, 'self'],
      [pid, pid],
      [pid, 'host'],
      [pid, 'self', '--env'],
      [net, '/proc/self/ns/net'],
    ]) {
      const answer = ask('diff', words, uid);
      expect({ words, passed: passed('diff', answer) }).toEqual({ words, passed: [] });
    }
  });

  it('enter, which would do it', () => {
    const pid = String(target.pid);
    for (const words of [[], ['--as-target'], ['-U', '-n', '-S', '0', '-G', 'follow']]) {
      const answer = ask('enter', [pid, '--dry-run', ...words], uid);
      expect(answer['program']).not.toBeNull();
      expect(answer['not_copied']).toEqual([]);
      expect({ words, passed: passed('enter', answer) }).toEqual({ words, passed: [] });
    }
  });

  it('caps decode and version', () => {
    expect(passed('caps decode', ask('caps decode', ['a80425fb', 'ffffffffffffffff'], uid))).toEqual([]);
    expect(passed('version', ask('version', [], uid))).toEqual([]);
  });

  it.each([[], ['--deep'], ['PID'], ['link:lo']])('net show %j', (...words) => {
    const filled = words.map((word) => (word === 'PID' ? String(target.pid) : word));
    expect(passed('net show', ask('net show', filled, uid))).toEqual([]);
  });

  it('net ls', () => {
    for (const words of [[], ['--output-all', '--deep'], ['--list-columns']]) ask('net ls', words, uid);
  });

  it('net doctor', () => {
    for (const to of [[], ['--to', '192.0.2.1:80'], ['--to', 'PID']])
      ask(
        'net doctor',
        ['PID', ...to].map((word) => (word === 'PID' ? String(target.pid) : word)),
        uid,
      );
  });

  it('net graph', () => {
    expect(passed('net graph', ask('net graph', [], uid))).toEqual([]);
  });

  it('the other commands on capabilities', () => {
    expect(passed('caps encode', ask('caps encode', ['13', '=ep', '^cap_kill'], uid))).toEqual([]);
    expect(passed('caps list', ask('caps list', ['net'], uid))).toEqual([]);
    expect(passed('caps show', ask('caps show', ['self', 'host', String(target.pid)], uid))).toEqual([]);
    for (const words of [[], ['--threads', '--files', '-o', '+TEXT,IAB,NAME'], ['--net'], ['--has', 'kill']])
      ask('caps ls', words, uid);
    expect(passed('cgroup show', ask('cgroup show', [String(target.pid)], uid))).toEqual([]);
    expect(passed('cgroup why', ask('cgroup why', [String(target.pid), '--for', '0'], uid))).toEqual([]);
    for (const words of [[], ['--output-all', '--for', '0.1'], ['--by', 'net'], ['--by', 'container', '--output-all']])
      ask('cgroup ls', words, uid);
    expect(passed('cgroup tree', ask('cgroup tree', ['-p', String(target.pid)], uid))).toEqual([]);
    expect(passed('caps diff', ask('caps diff', ['self', 'baseline:docker,-kill'], uid))).toEqual([]);
  });

  it('net identify, pids and id', () => {
    for (const [command, ...words] of [['net identify', 'self'], ['net pids', String(target.pid)], ['net id']] as const)
      expect(passed(command, ask(command, words, uid))).toEqual([]);
  });

  it('caps file get and verify', () => {
    for (const words of [
      ['/usr/bin/env'],
      ['-r', '/usr/bin'],
      ['/proc/self/status', '/usr'],
      ['-r', '/dev/pts'],
      ['/nothing'],
    ]) {
      // Status 3 is of what is not there.
      const { status, stdout } = nstool(['caps', 'file', 'get', '--json', ...words], { uid });
      const answer: unknown = JSON.parse(stdout);
      expect({ words, status, faults: faults('caps file get', answer) }).toEqual({
        words,
        status: words.includes('/nothing') ? 3 : 0,
        faults: [],
      });
      expect({ words, passed: passed('caps file get', answer) }).toEqual({ words, passed: [] });
    }
    asked.add('caps file get');
    const answer = ask('caps file verify', ['=p', '/usr/bin/env', '=', '/usr/bin/env'], uid);
    expect(passed('caps file verify', answer)).toEqual([]);
  });

  it('caps can and caps predict', () => {
    const pid = String(target.pid);
    for (const act of ['bind:80', `ptrace:${pid}`, `map:${pid}`, 'setuid:0', 'cap_sys_admin']) {
      const answer = ask('caps can', [pid, act], uid);
      expect({ act, passed: passed('caps can', answer) }).toEqual({ act, passed: [] });
    }
    for (const words of [
      ['self', 'true'],
      ['self', 'sh', '-c', 'exec no-such-command'],
      ['--sets', '= [^cap_net_raw]', '--uid', '5', '--', 'sh', '-c', 'true; true'],
    ]) {
      const answer = ask('caps predict', words, uid);
      expect({ words, passed: passed('caps predict', answer) }).toEqual({ words, passed: [] });
    }
  });

  it('enter, and each', () => {
    const pid = String(target.pid);
    expect(passed('enter', ask('enter', ['--dry-run', pid, 'true'], uid))).toEqual([]);
    for (const words of [
      ['-p', pid, '-t', 'user', 'sh', '-c', 'echo out; echo err >&2'],
      ['-p', pid, '-t', 'user', 'sh', '-c', 'kill -9 $$'],
      ['-p', pid, 'no-such-command'],
      ['-Q', 'NS == 1', 'true'],
    ]) {
      const answer = ask('each', words, uid);
      expect({ words, passed: passed('each', answer) }).toEqual({ words, passed: [] });
    }
  });

  it('watch', async () => {
    asked.add('watch');
    const watching = await startWatching(['--interval', '0.1'], { uid });
    const brief = await makeTarget(['-U', '-n'], uid);
    await watching.until((said) => said.some((one) => one['pid'] === brief.pid));
    await brief.end();
    await watching.until((said) => said.some((one) => one.event === 'gone' && one['pid'] === brief.pid));
    const said = await watching.end();
    for (const line of said) {
      expect({ line, faults: faults('watch', line) }).toEqual({ line, faults: [] });
      expect(passed('watch', line)).toEqual([]);
    }
    expect(new Set(said.map(({ event }) => event))).toEqual(
      expect.objectContaining(new Set(['start', 'appeared', 'gone', 'end'])),
    );
  });
});

describe('recorded hosts', () => {
  const crowded = fixturePath('thirty-namespaces');

  it('diff with one that lives', () => {
    const answer = ask('diff', [`${crowded}::29940`, 'self']);
    expect(answer).toMatchObject({ same_host: false, complete: false });
    expect(passed('diff', answer)).toEqual([]);
  });

  it('version of one that was not asked for it', () => {
    const { complete, gaps } = ask('version', ['--from', fixturePath('hostile')]);
    expect(complete).toBe(false);
    expect(gaps).toContainEqual(expect.objectContaining({ subject: 'sysctl', reason: 'unrecorded' }));
  });
});

describe.skipIf(missing || lacks('root'))('what is closed', () => {
  let closed: TargetProcess;
  beforeAll(async () => {
    closed = await makeTarget(['-n', '-m', '-u']);
  });
  afterAll(() => closed.end());

  it('has gaps', () => {
    for (const [command, ...words] of [
      ['ls', '--deep', '--output-all'],
      ['show', String(closed.pid)],
      ['ids', String(closed.pid)],
      ['diff', String(closed.pid), 'self'],
    ] as const) {
      const { complete, gaps } = ask(command, words, PLAIN_UID);
      expect({ command, complete }).toEqual({ command, complete: false });
      expect(gaps).not.toEqual([]);
    }
  });
});

describe.skipIf(lacks('root', 'cc'))('pins', () => {
  it.each(['thread', 'socket', 'fd', 'table', 'mount', 'tun', 'tree', 'watch'] as const)(
    'holders of a %s',
    async (way) => {
      const pin: Pin = await startPin(way);
      try {
        const answer = ask('holders', [`net:${pin.inode}`]);
        expect(answer['holders']).not.toEqual([]);
        expect(passed('holders', answer)).toEqual([]);
      } finally {
        await pin.end();
      }
    },
  );
});

describe.skipIf(lacks('root', 'unshare', 'nsenter', 'ip'))('a stage', () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await makeStage();
    stage.sh(`ip netns add blue
      ip link add br0 type bridge
      ip link add veth0 type veth peer name eth0 netns blue
      ip link set veth0 alias 'to blue' master br0 up
      ip link set br0 up
      ip addr add 10.9.8.1/24 dev br0
      ip addr add 10.9.7.1 peer 10.9.7.2 dev br0
      ip route add 10.1.0.0/16 via 10.9.8.7 metric 5
      ip route add blackhole 10.2.0.0/16
      ip route add 10.3.0.0/16 nexthop via 10.9.8.7 weight 1 nexthop via 10.9.8.8 weight 2`);
  });
  afterAll(() => stage.end());

  it('links, addresses and routes, from outside and of a name', () => {
    const { stdout } = nstool(['show', `/proc/${stage.first}/ns/net`, '--json']);
    const answer = JSON.parse(stdout) as { namespace: { links: readonly Record<string, unknown>[] } };
    expect(faults('show', answer)).toEqual([]);
    expect(passed('show', answer)).toEqual([]);
    expect(answer.namespace.links.find(({ ifname }) => ifname === 'veth0')).toMatchObject({
      master: 'br0',
      ifalias: 'to blue',
      link_index: expect.any(Number),
      link_netnsid: expect.any(Number),
    });
    ask('diff', [`/proc/${stage.first}/ns/net`, '/proc/self/ns/net']);
  });
});

it.skipIf(missing)('each command that answers in JSON was asked', () => {
  // They trace, which not every host lets us, change the host, or are asked elsewhere: their own tests hold their answers
  // against the schema.
  const elsewhere = ['caps why', 'cgroup diff', 'cgroup run', 'cgroup set', 'cgroup top', 'cgroup undo', 'gc'];
  for (const command of [
    ...elsewhere,
    'net up',
    'net down',
    'net gc',
    'net monitor',
    'net leaks',
    'net replay',
    'net test',
  ])
    asked.add(command);
  expect([...asked].toSorted()).toEqual([...jsonCommands].toSorted());
});
