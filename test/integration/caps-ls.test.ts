// `caps ls`, compared with pscap(8), getpcaps(8), ss(8) and the kernel's own files.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseCapabilities } from '../../src/capabilities/expression.ts';
import { decodeMask } from '../../src/capabilities/mask.ts';
import { capsLs } from '../../src/cli/commands/caps-ls.ts';
import { ls } from '../../src/cli/commands/ls.ts';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { identities, nstool, run } from '../support/program.ts';
import { runCommand } from '../support/recorded.ts';
import { lacks } from '../support/requires.ts';
import { faults } from '../support/schemas.ts';

const COUNT = 60;
const SEED = 20_261_122;

interface Row {
  readonly pid: number;
  readonly tid: number;
  readonly ppid: number;
  readonly user: string;
  readonly comm: string;
  readonly verdict: string;
  readonly owner: string | null;
  readonly level: number | null;
  readonly caps: string;
  readonly effective: string;
  readonly permitted: string;
  readonly text: string;
  readonly iab: string;
  readonly has: string | null;
  readonly file: string | null;
  readonly protocol: string;
  readonly address: string | null;
  readonly port: number | null;
  readonly interface: string | null;
  readonly netns: number;
}

async function listed(...words: readonly string[]): Promise<readonly Row[]> {
  const { stdout } = await runCommand(capsLs, [...words, '--json'], { host: linuxHost() });
  const answer = JSON.parse(stdout) as { readonly processes: readonly Row[] };
  expect(faults('caps ls', answer)).toEqual([]);
  return answer.processes;
}

const SETS = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'];

function status(file: string): ReadonlyMap<string, string> {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf('\t') + 1)]));
}

function mask(lines: ReadonlyMap<string, string>, set: string): bigint {
  return BigInt(`0x${lines.get(set)}`);
}

function holds(lines: ReadonlyMap<string, string>): boolean {
  return SETS.some((set) => set !== 'CapBnd' && mask(lines, set) !== 0n);
}

function children(pid: number): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

describe.skipIf(lacks('root', 'cc', 'capsh', 'pscap'))('processes of random sets', () => {
  const folder = mkdtempSync(join(tmpdir(), 'caps-ls-'));
  let started: Started | undefined;
  let pids: readonly number[] = [];

  beforeAll(async () => {
    const file = join(folder, 'random-caps');
    const source = fileURLToPath(new URL('../support/random-caps.c', import.meta.url));
    const compiler = spawnSync('cc', ['-pthread', '-o', file, source], { encoding: 'utf8' });
    if (compiler.status !== 0) throw new Error(`cc: ${compiler.stderr}`);
    started = await startReady([file, String(COUNT), String(SEED)]);
    pids = children(started.pid);
  });

  afterAll(async () => {
    await started?.end();
    rmSync(folder, { recursive: true });
  });

  const ours = (rows: readonly Row[]): readonly Row[] => rows.filter(({ pid }) => pids.includes(pid));

  test('are listed if any set but the bounding one has something', async () => {
    const rows = ours(await listed());
    const expected = pids.filter((pid) => holds(status(`/proc/${pid}/status`)));
    expect(rows.map(({ pid }) => pid)).toEqual(expected.toSorted((a, b) => a - b));
    expect(pids).toHaveLength(COUNT);
    expect(expected.length).toBeLessThan(COUNT);
  });

  test('pscap has those of them whose effective set has something, and no others', async () => {
    const { stdout } = run(['pscap', '-a']);
    const theirs = [...stdout.matchAll(/^[0-9]+ +([0-9]+) /gm)].map(([, pid]) => Number(pid));
    const rows = ours(await listed('-o', '+EFFECTIVE'));
    const effective = rows.filter((row) => row.effective !== 'none');
    expect(effective.map(({ pid }) => pid)).toEqual(
      theirs.filter((pid) => pids.includes(pid)).toSorted((a, b) => a - b),
    );
    // What it hides: permitted, inheritable or ambient only.
    expect(rows.length).toBeGreaterThan(effective.length);
  });

  test('where it says full or a list, so do we', async () => {
    const all = BigInt(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
    const theirs = new Map(
      [...run(['pscap', '-a']).stdout.matchAll(/^[0-9]+ +([0-9]+) +\S+ +random-caps +(.*?)(?: @)?(?: \+)?$/gm)].map(
        ([, pid, text]) => [Number(pid), text],
      ),
    );
    const rows = ours(await listed('-o', 'pid,effective,permitted')).filter(({ effective }) => effective !== 'none');
    expect(rows.length).toBeGreaterThan(COUNT / 4);
    for (const { pid, effective, permitted } of rows) {
      const lists = parseCapabilities(permitted, (2n << all) - 1n, 'capability');
      const names = lists.ok ? decodeMask(lists.mask).names.map((name) => name.slice('cap_'.length)) : [];
      expect([pid, theirs.get(pid)]).toEqual([pid, effective === 'full' ? 'full' : names.join(', ')]);
    }
  });

  test('with their threads they have the texts that getpcaps prints', async () => {
    const rows = ours(await listed('--threads', '-o', 'pid,tid,text,iab'));
    const tids = rows.map(({ tid }) => String(tid));
    expect(rows.map(({ tid, text }) => `${tid}: ${text}\n`).join('')).toBe(run(['getpcaps', ...tids]).stdout);
    expect(rows.some(({ pid, tid }) => pid !== tid)).toBe(true);
  });

  test('those threads have a row that differ from their leader and have something, or their leader has', async () => {
    const rows = ours(await listed('--threads'));
    const identity = (lines: ReadonlyMap<string, string>): string =>
      [...SETS.map((set) => lines.get(set)), lines.get('Uid')?.split('\t')[1]].join();
    const expected = pids.flatMap((pid) => {
      const leader = status(`/proc/${pid}/status`);
      const threads = readdirSync(`/proc/${pid}/task`).map(Number);
      return threads.filter((tid) => {
        const own = status(`/proc/${pid}/task/${tid}/status`);
        if (tid === pid) return holds(own);
        return identity(own) !== identity(leader) && (holds(own) || holds(leader));
      });
    });
    expect(rows.map(({ tid }) => tid).toSorted((a, b) => a - b)).toEqual(expected.toSorted((a, b) => a - b));
  });

  test.each(['kill', 'net_raw,sys_admin', '13', 'docker'])('--has %s says in which set', async (word) => {
    const wanted = BigInt(nstool(['caps', 'encode', word]).stdout.trim());
    const rows = ours(await listed('--has', word));
    const expected = pids.flatMap((pid) => {
      const lines = status(`/proc/${pid}/status`);
      if ((wanted & ~mask(lines, 'CapEff')) === 0n) return [[pid, 'effective']];
      return (wanted & ~mask(lines, 'CapPrm')) === 0n ? [[pid, 'permitted']] : [];
    });
    expect(rows.map(({ pid, has }) => [pid, has])).toEqual(expected.toSorted((a, b) => Number(a[0]) - Number(b[0])));
  });

  test('the tree hangs each below its parent, and threads below their process', async () => {
    const { stdout } = await runCommand(capsLs, ['--tree', '-o', 'comm,pid,tid,ppid', '-n'], { host: linuxHost() });
    const above: number[] = [];
    let seen = 0;
    for (const line of stdout.trimEnd().split('\n')) {
      const branch = /^(?:[│├└─ ]{2})*(?=[^│├└─ ])/.exec(line)?.[0] ?? '';
      const depth = branch.length / 2;
      const [pid = 0, tid = 0, ppid = 0] = (/([0-9]+) +([0-9]+) +([0-9]+)$/.exec(line) ?? []).slice(1).map(Number);
      above.length = depth;
      above.push(tid);
      if (pid !== tid) expect(above[depth - 1]).toBe(pid);
      else if (depth > 0) expect(above[depth - 1]).toBe(ppid);
      if (pids.includes(pid)) {
        seen += 1;
        expect(depth).toBeGreaterThan(0);
        if (pid === tid) expect(ppid).toBe(started?.pid);
      }
    }
    expect(seen).toBe(ours(await listed('--threads')).length + leaderless(ours(await listed('--threads'))));
  });

  test('-p takes one, and a thread', async () => {
    const row = ours(await listed('--threads')).find(({ pid, tid, caps }) => pid !== tid && caps !== 'none');
    expect(await listed('-p', String(row?.tid), '-o', '+TID')).toMatchObject([{ pid: row?.pid, tid: row?.tid }]);
    const [first] = ours(await listed());
    expect(await listed('-p', String(first?.pid))).toMatchObject([{ pid: first?.pid, caps: first?.caps }]);
  });

  test('the column CAPS of ls has the same', async () => {
    const rows = await listed();
    const { stdout } = await runCommand(ls, ['-o', 'PID,CAPS', '--json', `pid:${process.pid}`], { host: linuxHost() });
    const { namespaces } = JSON.parse(stdout) as { readonly namespaces: readonly Pick<Row, 'pid' | 'caps'>[] };
    const theirs = new Map(namespaces.map(({ pid, caps }) => [pid, caps]));
    for (const { pid, caps } of ours(rows)) expect([pid, theirs.get(pid)]).toEqual([pid, caps]);
    for (const pid of pids.filter((one) => !rows.some((row) => row.pid === one))) expect(theirs.get(pid)).toBe('none');
  });
});

/** Leaders that are in a tree only because of their threads. */
function leaderless(rows: readonly Row[]): number {
  const leaders = new Set(rows.filter(({ pid, tid }) => pid === tid).map(({ pid }) => pid));
  return new Set(rows.filter(({ pid }) => !leaders.has(pid)).map(({ pid }) => pid)).size;
}

describe.skipIf(lacks('root', 'userns'))('what it is worth', () => {
  test('in a user namespace, by owner and level', async () => {
    const plain = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    const nested = ['unshare', '-Ur', 'unshare', '-Ur'];
    const inside = await startReady([...plain, ...nested, 'sh', '-c', 'echo ready; exec sleep 1000']);
    try {
      const rows = await listed('--in', `user:${inside.pid}`);
      expect(rows).toMatchObject([{ pid: inside.pid, verdict: 'namespace_root', owner: 'nobody', level: 2 }]);
      expect(await listed('-p', String(inside.pid), '-Q', 'VERDICT =~ "^host"')).toEqual([]);
    } finally {
      await inside.end();
    }
  });

  test('of which the capabilities count on the host', async () => {
    const part = await startReady(['setpriv', '--bounding-set=-all,+kill', 'sh', '-c', 'echo ready; exec sleep 1000']);
    try {
      const words = ['-p', String(part.pid)];
      expect(await listed(...words)).toMatchObject([{ verdict: 'host_part', owner: 'root', level: 0, caps: 'kill' }]);
    } finally {
      await part.end();
    }
  });
});

/** Changes its own sets, and keeps them: a shell's execve(2) would change them. */
const CAPSET = `
import ctypes, json, struct, sys, time
sets = json.loads(sys.argv[1])
libc = ctypes.CDLL(None, use_errno=True)
low = [sum(1 << n for n in sets[k]) for k in ("effective", "permitted", "inheritable")]
if libc.capset(struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", *low, 0, 0, 0)) != 0: sys.exit("capset")
for n in sets["ambient"]:
    if libc.prctl(47, 2, n, 0, 0) != 0: sys.exit("prctl")
print("ready", flush=True)
time.sleep(1000)`;

describe.skipIf(lacks('root', 'python', 'pscap'))('what pscap hides', () => {
  const none = { effective: [], permitted: [], inheritable: [], ambient: [] };
  test.each([
    [
      { ...none, permitted: [5], inheritable: [5], ambient: [5] },
      'none; permitted kill; inheritable kill; ambient kill',
    ],
    [{ ...none, permitted: [8, 13] }, 'none; permitted setpcap,net_raw'],
    [{ ...none, inheritable: [13] }, 'none; inheritable net_raw'],
  ])('%j', async (sets, caps) => {
    const started = await startReady(['python3', '-c', CAPSET, JSON.stringify(sets)]);
    try {
      expect(run(['pscap', '-a']).stdout).not.toMatch(new RegExp(`^[0-9]+ +${started.pid} `, 'm'));
      expect(await listed('-p', String(started.pid))).toMatchObject([{ caps }]);
    } finally {
      await started.end();
    }
  });
});

/** Waits on sockets of all sorts: with the namespace left again after some were made, if it is told one. */
const LISTEN = `
import socket, sys, time
kept = []
def listen(family, kind, address):
    one = socket.socket(family, kind)
    if family == socket.AF_INET6: one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    one.bind(address)
    if kind == socket.SOCK_STREAM: one.listen()
    kept.append(one)
port = int(sys.argv[1])
listen(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port))
listen(socket.AF_INET6, socket.SOCK_STREAM, ("::", port + 1))
listen(socket.AF_INET, socket.SOCK_DGRAM, ("0.0.0.0", port + 2))
kept.append(socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
kept.append(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)))
kept[-1].bind(("lo", 3))
if len(sys.argv) > 2:
    import ctypes
    door = open(sys.argv[2])
    if ctypes.CDLL(None).setns(door.fileno(), 0x40000000) != 0: sys.exit("setns")
print("ready", flush=True)
time.sleep(1000)`;

describe.skipIf(lacks('root', 'namespaces', 'python', 'ip', 'ss', 'nsenter'))('--net', () => {
  const started: Started[] = [];

  beforeAll(async () => {
    const script = (port: number, ...more: readonly string[]): readonly string[] => [
      'unshare',
      '--net',
      'sh',
      '-ec',
      'ip link set lo up; exec "$@"',
      'sh',
      'python3',
      '-c',
      LISTEN,
      String(port),
      ...more,
    ];
    started.push(await startReady(script(4000)), await startReady(script(5000)));
    // Its network namespace has no process: only the sockets keep it.
    started.push(await startReady(script(6000, `/proc/${started[0]?.pid}/ns/net`)));
  });

  afterAll(async () => {
    for (const one of started) await one.end();
  });

  const shape = ({ protocol, address, port, interface: name }: Row): string => `${protocol} ${address} ${port} ${name}`;

  test('has the sockets of two network namespaces, as ss has them, and of one without a process', async () => {
    const rows = await listed('--net', '-o', '+PPID');
    for (const [index, { pid }] of started.entries()) {
      const port = 4000 + 1000 * index;
      expect(
        rows
          .filter((row) => row.pid === pid)
          .map(shape)
          .toSorted(),
      ).toEqual([
        'packet null null lo',
        'raw 0.0.0.0 null null',
        `tcp 127.0.0.1 ${port} null`,
        `tcp :: ${port + 1} null`,
        `udp 0.0.0.0 ${port + 2} null`,
      ]);
    }
    const namespaces = started.map(({ pid }) => new Set(rows.filter((row) => row.pid === pid).map((row) => row.netns)));
    expect(namespaces.map(({ size }) => size)).toEqual([1, 1, 1]);
    expect(new Set(namespaces.flatMap((one) => [...one])).size).toBe(3);
    for (const { pid } of started.slice(0, 2)) {
      const { stdout } = run(['nsenter', '-t', String(pid), '-n', 'ss', '-Hnlptu']);
      const theirs = [...stdout.matchAll(/^(tcp|udp) .* (\S+):([0-9]+) .*pid=([0-9]+),/gm)].map(
        ([, protocol, address, port, holder]) =>
          `${protocol} ${address?.replaceAll(/[[\]]/g, '')} ${port} of ${holder}`,
      );
      const ours = rows.filter((row) => row.pid === pid && /^(?:tcp|udp)$/.test(row.protocol));
      expect(ours.map((row) => `${row.protocol} ${row.address} ${row.port} of ${pid}`).toSorted()).toEqual(
        theirs.toSorted(),
      );
    }
  });

  test('a process without capabilities is none of it', async () => {
    const plain = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
    const lines = ['import socket, time', 's = socket.socket()', 's.bind(("127.0.0.1", 0))', 's.listen()'];
    const program = [...lines, 'print("ready", flush=True)', 'time.sleep(1000)'].join('\n');
    const one = await startReady([...plain, 'python3', '-c', program]);
    try {
      expect((await listed('--net')).filter(({ pid }) => pid === one.pid)).toEqual([]);
    } finally {
      await one.end();
    }
  });
});

describe.skipIf(lacks('root', 'setcap'))('--files', () => {
  const folder = mkdtempSync('/var/tmp/caps-ls-');
  const file = join(folder, 'sleep');
  const started: Started[] = [];

  beforeAll(async () => {
    chmodSync(folder, 0o755);
    copyFileSync('/bin/sleep', file);
    expect(run(['setcap', 'cap_net_raw=ei', file]).status).toBe(0);
    const plain = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
    started.push(await startReady([...plain, 'sh', '-c', `echo ready; exec ${file} 1000`]));
  });

  afterAll(async () => {
    for (const one of started) await one.end();
    rmSync(folder, { recursive: true });
  });

  test('lists who executes a file with capabilities, also without having any', async () => {
    const pid = started[0]?.pid;
    await expect.poll(() => readlinkSync(`/proc/${pid}/exe`)).toBe(file);
    // Whatever stands there by now.
    renameSync(file, `${file}.moved`);
    copyFileSync('/bin/sleep', file);
    expect((await listed()).filter((row) => row.pid === pid)).toEqual([]);
    const rows = (await listed('--files')).filter((row) => row.pid === pid);
    expect(rows).toMatchObject([{ verdict: 'none', caps: 'none', file: 'cap_net_raw=ei' }]);
  });
});

describe.each(identities)('by $name', ({ uid }) => {
  test('names are escaped, and what is closed is counted', async () => {
    const name = 'x\u001b[31m\nCapEff:\t0';
    const setName = `import ctypes, sys, time
ctypes.CDLL(None).prctl(15, ${JSON.stringify(name.slice(0, 15))}.encode(), 0, 0, 0)
print("ready", flush=True)
time.sleep(1000)`;
    const one = lacks('python', 'root') ? undefined : await startReady(['python3', '-c', setName]);
    try {
      const { status: ended, stdout, stderr } = nstool(['caps', 'ls'], { uid });
      expect(ended).toBe(0);
      expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
      if (one !== undefined) expect(stdout).toMatch(new RegExp(`^ *${one.pid} .*x\\\\x1b\\[31m`, 'm'));
      if (uid !== 0) expect(stderr).toMatch(/user namespaces?: permission denied/);
    } finally {
      await one?.end();
    }
  });
});
