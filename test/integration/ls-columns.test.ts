// The columns that lsns has not, beside ps, ip, stat and the kernel's own files.

import { mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linkOf } from '../support/entered.ts';
import { eventually } from '../support/lsns.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { startPin, type Pin } from '../support/pins.ts';
import { identities, nstool, PLAIN_UID, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { descendants } from '../support/stage.ts';

interface Row {
  readonly ns: number;
  readonly type: string;
  readonly pids: readonly number[];
  readonly threads: number;
  readonly cpu: number;
  readonly rss: number;
  readonly owner: string | null;
  readonly created: string | null;
  readonly hostname: string | null;
  readonly interfaces: readonly string[] | null;
  readonly sockets: number | null;
  readonly maps: readonly string[] | null;
  readonly pns: number | null;
  readonly ons: number | null;
  readonly id: number | null;
  readonly uid: number | null;
  readonly netnsid: string | null;
}

const COLUMNS = 'NS,TYPE,PIDS,THREADS,CPU,RSS,OWNER,CREATED,HOSTNAME,INTERFACES,SOCKETS,MAPS,PNS,ONS,ID,UID,NETNSID';

function rows(words: readonly string[] = [], uid?: number): readonly Row[] {
  const options = uid === undefined ? {} : { uid };
  const { status, stdout, stderr } = nstool(['ls', '--json', '-o', COLUMNS, ...words], options);
  if (status !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { namespaces: Row[] }).namespaces;
}

function rowOf(link: string, words: readonly string[] = [], uid?: number): Row {
  const row = rows(words, uid).find(({ ns, type }) => `${type}:[${ns}]` === link);
  if (row === undefined) throw new Error(`no ${link}`);
  return row;
}

function seconds(created: string | null): number {
  return Date.parse(created?.replace('~', '') ?? '') / 1000;
}

function startOf(pid: number): number {
  return (
    Date.parse(
      run(['ps', '-o', 'lstart=', '-p', String(pid)], { env: { LC_ALL: 'C', TZ: 'UTC' } }).stdout.trim() + ' UTC',
    ) / 1000
  );
}

const ALL = ['--mount', '--uts', '--ipc', '--net', '--pid', '--user', '--map-root-user', '--cgroup', '--time'];
const SCRIPT = `
  hostname inside.example
  ip link set lo up
  ip link add left type veth peer name right
  i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done
  echo ready
  exec sleep 1000`;

describe.skipIf(lacks('root', 'ip', 'namespaces', 'unshare', 'cc', 'nsenter'))('ls, its own columns', () => {
  let fresh: Started;
  let pid: number;
  const ended: { end(): Promise<void> }[] = [];

  beforeAll(async () => {
    fresh = await startReady(['unshare', ...ALL, '--fork', '--kill-child', 'sh', '-ec', SCRIPT]);
    ended.push(fresh);
    pid = descendants(fresh.pid).at(-1) ?? 0;
  });

  afterAll(async () => void (await Promise.all(ended.map((one) => one.end()))));

  it('PIDS, THREADS, CPU and RSS are those of ps', () => {
    eventually(() => {
      for (const kind of ['net', 'pid', 'user']) {
        const row = rowOf(linkOf(pid, kind));
        const list = row.pids.join(',');
        const columns = run(['ps', '-o', 'pid=,nlwp=,rss=,cputimes=', '-p', list]).stdout.trim().split('\n');
        const numbers = columns.map((line) => line.trim().split(/ +/).map(Number));
        const sum = (at: number): number => numbers.reduce((total, line) => total + (line[at] ?? 0), 0);
        expect(row.pids).toContain(pid);
        expect(row.pids).toEqual(numbers.map(([first]) => first));
        expect(row.threads).toBe(sum(1));
        expect(row.rss).toBe(sum(2) * 1024);
        expect(Math.abs(row.cpu - sum(3))).toBeLessThanOrEqual(row.pids.length);
      }
    });
  });

  it('THREADS counts a thread that is elsewhere than its process where it is, in a deep look', async () => {
    const pin = await startPin('thread', ['unshare', '--net']);
    ended.push(pin);
    const leader = linkOf(pin.pid, 'net');
    const stray = `net:[${pin.inode}]`;
    expect([threadsIn(leader), threadsIn(stray)]).toEqual([1, 1]);
    expect(rowOf(leader).threads).toBe(2);
    const deep = rows(['--deep', '-t', 'net']);
    const of = (link: string): Row | undefined => deep.find(({ ns }) => `net:[${ns}]` === link);
    expect(of(leader)).toMatchObject({ pids: [pin.pid], threads: 1 });
    expect(of(stray)).toMatchObject({ pids: [], threads: 1, cpu: 0, rss: 0 });
  });

  it('RSS is for eyes in powers of 1024, raw and in JSON in bytes', () => {
    const link = linkOf(pid, 'net');
    const text = (...words: string[]): string =>
      nstool(['ls', '-n', '-o', 'RSS', '-Q', `NS == ${/[0-9]+/.exec(link)?.[0]}`, ...words]).stdout.trim();
    expect(text()).toMatch(/^[0-9]+\.[0-9][KM]$/);
    expect(Number(text('-r'))).toBeGreaterThan(100_000);
  });

  it('in a list of processes THREADS, CPU and RSS are those of each', () => {
    const { ns } = rowOf(linkOf('self', 'user'));
    const listed = nstool(['ls', `user:${ns}`, '--json', '-o', 'PID,THREADS,RSS']).stdout;
    const own = (JSON.parse(listed) as { namespaces: { pid: number; threads: number; rss: number }[] }).namespaces.find(
      (row) => row.pid === process.pid,
    );
    const tasks = readdirSync('/proc/self/task').length;
    expect(Math.abs((own?.threads ?? 0) - tasks)).toBeLessThanOrEqual(4);
    expect(own?.rss).toBeGreaterThan(10_000_000);
  });

  it('OWNER is who made the user namespace that owns it', async () => {
    const theirs = await startReady(
      [
        'setpriv',
        `--reuid=${PLAIN_UID}`,
        `--regid=${PLAIN_UID}`,
        '--clear-groups',
        'unshare',
        '--user',
        '--map-root-user',
        '--net',
      ].concat(['sh', '-c', 'echo ready; exec sleep 1000']),
    );
    ended.push(theirs);
    const name = run(['id', '-nu', String(PLAIN_UID)]).stdout.trim();
    expect(rowOf(linkOf(theirs.pid, 'net')).owner).toBe(name);
    expect(rowOf(linkOf(theirs.pid, 'user')).owner).toBe(name);
    expect(rowOf(linkOf(pid, 'net')).owner).toBe('root');
    expect(rowOf(linkOf('self', 'net')).owner).toBe('root');
  });

  it('CREATED is the start of the host, of an init, or about that of the first process or mount', () => {
    const boot = Number(/^btime ([0-9]+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]);
    const initial = rows(['-t', 'user']).find(({ ns }) => ns === 0xeffffffd);
    if (initial !== undefined) expect(seconds(initial.created)).toBe(boot);
    const ofPid = rowOf(linkOf(pid, 'pid')).created;
    expect(ofPid).toMatch(/Z$/);
    expect(Math.abs(seconds(ofPid) - startOf(pid))).toBeLessThanOrEqual(1);
    const ofNet = rowOf(linkOf(pid, 'net')).created;
    expect(ofNet).toMatch(/Z~$/);
    expect(Math.abs(seconds(ofNet) - startOf(fresh.pid))).toBeLessThanOrEqual(2);

    const folder = mkdtempSync(join(tmpdir(), 'created-'));
    const file = join(folder, 'net');
    writeFileSync(file, '');
    try {
      const before = Math.floor(Date.now() / 1000);
      expect(run(['unshare', `--net=${file}`, 'true']).status).toBe(0);
      const mounted = rowOf(`net:[${statSync(file).ino}]`).created;
      expect(mounted).toMatch(/Z~$/);
      expect(seconds(mounted)).toBeGreaterThanOrEqual(before);
      expect(seconds(mounted)).toBeLessThanOrEqual(Date.now() / 1000);
      expect(mounted).toBe(
        new Date(Math.floor(statSync(file).ctimeMs / 1000) * 1000).toISOString().replace('.000Z', 'Z~'),
      );
    } finally {
      run(['umount', file]);
      rmSync(folder, { recursive: true });
    }
  });

  it('INTERFACES are those of ip, also where nobody is inside', async () => {
    const names = run(['nsenter', `--net=/proc/${pid}/ns/net`, 'ip', '-j', 'link']).stdout;
    const expected = (JSON.parse(names) as { ifname: string }[]).map(({ ifname }) => ifname);
    expect(expected).toHaveLength(3);
    expect(rowOf(linkOf(pid, 'net')).interfaces).toEqual(expected);
    const pin = await startPin('fd');
    ended.push(pin);
    expect(rowOf(`net:[${pin.inode}]`, ['--deep']).interfaces).toEqual(['lo']);
  });

  it.skipIf(lacks('python'))('SOCKETS counts what programs have open, here and elsewhere', async () => {
    const link = linkOf(pid, 'net');
    expect(rowOf(link).sockets).toBe(0);
    const script = `
      import socket, time
      kept = [socket.socket(family, kind) for family, kind in (
        (socket.AF_INET, socket.SOCK_STREAM), (socket.AF_INET6, socket.SOCK_DGRAM), (socket.AF_UNIX, socket.SOCK_STREAM),
        (socket.AF_NETLINK, socket.SOCK_RAW), (socket.AF_PACKET, socket.SOCK_RAW))]
      print('ready', flush=True)
      time.sleep(1000)`.replaceAll(/^ {6}/gm, '');
    const opener = await startReady([
      'nsenter',
      `--net=/proc/${pid}/ns/net`,
      '--user',
      `--target=${pid}`,
      'python3',
      '-c',
      script,
    ]);
    ended.push(opener);
    expect(rowOf(link).sockets).toBe(5);
    await opener.end();
    eventually(() => expect(rowOf(link).sockets).toBe(0));
  });

  it('MAPS has the ranges of both maps', async () => {
    expect(rowOf(linkOf(pid, 'user')).maps).toEqual(['uid:0:0:1', 'gid:0:0:1']);
    const own = ['uid', 'gid'].flatMap((sort) =>
      readFileSync(`/proc/self/${sort}_map`, 'utf8')
        .trim()
        .split('\n')
        .map((line) => `${sort}:${line.trim().split(/ +/).join(':')}`),
    );
    expect(rowOf(linkOf('self', 'user')).maps).toEqual(own);
    const unmapped = await startReady(['unshare', '--user', 'sh', '-c', 'echo ready; exec sleep 1000']);
    ended.push(unmapped);
    expect(rowOf(linkOf(unmapped.pid, 'user')).maps).toEqual([]);
  });

  it('HOSTNAME is that of hostname, here and there', () => {
    expect(rowOf(linkOf('self', 'uts')).hostname).toBe(run(['hostname']).stdout.trim());
    expect(rowOf(linkOf(pid, 'uts')).hostname).toBe('inside.example');
  });

  it.each(identities)('filters compare numbers as numbers, as $name', ({ uid }) => {
    const count = (filter: string): number =>
      nstool(['ls', '-n', '-o', 'NS', '-t', 'user', '-Q', filter], { uid }).stdout.split('\n').length - 1;
    const link = linkOf('self', 'user');
    const ns = /[0-9]+/.exec(link)?.[0] ?? '';
    expect(count(`NS == ${ns} && RSS > 1M && THREADS >= 1 && CPU >= 0 && CPU < 99999999`)).toBe(1);
    expect(count(`NS == ${ns} && (RSS < 1K || THREADS == 0)`)).toBe(0);
    expect(count(`NS == ${ns} && CREATED > "2000" && CREATED < "9"`)).toBe(1);
    expect(count('MAPS =~ "^uid:"')).toBeGreaterThan(0);
    expect(count('SOCKETS >= 0 || INTERFACES =~ "."')).toBe(0);
  });

  it('sorts by a column that is not shown, and reads none that is not asked for', () => {
    const sorted = nstool(['ls', '-t', 'pid', '--json', '-o', 'NS', '--sort', 'RSS']).stdout;
    expect((JSON.parse(sorted) as { namespaces: object[] }).namespaces[0]).not.toHaveProperty('rss');
  });
});

describe.skipIf(lacks('root', 'cc', 'namespaces'))('a namespace that no path leads to', () => {
  const pins: Pin[] = [];
  afterAll(async () => void (await Promise.all(pins.map((pin) => pin.end()))));

  it.each(['thread', 'socket', 'fd', 'table'] as const)('kept by a %s has owner, id, uid and netnsid', async (way) => {
    const pin = await startPin(way);
    pins.push(pin);
    const row = rowOf(`net:[${pin.inode}]`, ['--deep', '-t', 'net']);
    const user = Number(/[0-9]+/.exec(linkOf('self', 'user'))?.[0]);
    expect(row).toMatchObject({ ons: user, uid: 0, owner: 'root', netnsid: 'unassigned', interfaces: ['lo'] });
    expect(BigInt(row.id ?? 0)).toBe(pin.id);
    // The one that holds it.
    expect(row.sockets).toBe(way === 'socket' ? 1 : 0);
  });

  it('hidden above others has parent and owner', async () => {
    // unshare made the outer user namespace and left it for the inner one: nobody is in it.
    const nest = await startReady([
      'unshare',
      '--user',
      '--map-root-user',
      'unshare',
      '--user',
      '--map-root-user',
      'sh',
      '-c',
      'echo ready; exec sleep 1000',
    ]);
    try {
      const inner = rowOf(linkOf(nest.pid, 'user'), ['--deep', '-t', 'user']);
      const hidden = rowOf(`user:[${inner.pns}]`, ['--deep', '-t', 'user']);
      const own = Number(/[0-9]+/.exec(linkOf('self', 'user'))?.[0]);
      expect(hidden).toMatchObject({ pids: [], pns: own, ons: own, owner: 'root', uid: 0, maps: null });
    } finally {
      await nest.end();
    }
  });
});

/** Counted in /proc. */
function threadsIn(link: string): number {
  const [kind = ''] = link.split(':');
  let count = 0;
  for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
    for (const tid of tasksOf(pid)) if (linkAt(`/proc/${pid}/task/${tid}/ns/${kind}`) === link) count += 1;
  }
  return count;
}

function tasksOf(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
