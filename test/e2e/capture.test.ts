// A captured host answers every reading command as the host did: on a stage, where nobody else makes and ends processes.

import {
  existsSync,
  mkdtempSync,
  chmodSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lsColumns } from '../../src/cli/commands/ls-columns.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { startPin, type Pin, type PinWay } from '../support/pins.ts';
import { asUser, commandLine, identities, nstool, PLAIN_UID, run, type RunResult } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { descendants, makeStage, type Stage } from '../support/stage.ts';
import { childrenOf } from '../support/targets.ts';

const PINS: readonly PinWay[] = ['thread', 'socket', 'fd', 'table', 'mount', 'tun', 'flight', 'sysfs'];
/** What nstool itself, which is listed too, has another value of each time: its processor time, memory, start and cgroup's. */
const OWN = new Set(['cpu', 'rss', 'created', 'cgroup_mem', 'cgroup_tasks', 'throttled_usec']);
const columns = lsColumns.map(({ key }) => key).filter((key) => !OWN.has(key));
const SECRET = 'NSTOOL_TEST_SECRET_VALUE';

/** Far from what the stage's processes have. */
const OWN_PID = 5000;

describe.skipIf(lacks('root', 'namespaces', 'nsenter', 'ip', 'cc')).sequential('a capture', () => {
  let stage: Stage;
  let folder: string;
  const pins: Pin[] = [];
  const started: Started[] = [];
  /** The words of the command lines below that stand for what the stage has. */
  const words = new Map<string, string>();

  /** The pid in the stage of what runs there behind this process of ours. */
  function pidInside(pid: number): string {
    const inner = childrenOf(pid)[0] ?? '';
    return /^NSpid:.*?([0-9]+)$/m.exec(readFileSync(`/proc/${inner}/status`, 'utf8'))?.[1] ?? '';
  }

  /** A shell that says that it is ready is still to become another program. */
  function isWaiting(pid: number): boolean {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !stat.includes(' (sh) ') && stat.includes(') S ');
  }

  async function start(name: string, command: readonly string[]): Promise<void> {
    const one = await startReady([...stage.within, ...command]);
    started.push(one);
    while (!descendants(one.pid).every(isWaiting)) await new Promise((done) => setTimeout(done, 20));
    words.set(name, pidInside(one.pid));
  }

  const waiting = (script = ''): readonly string[] => ['sh', '-c', `${script} echo ready; exec sleep 1000`];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nstool-capture-'));
    chmodSync(folder, 0o777);
    stage = await makeStage();
    stage.sh('ip netns add blue; ip netns exec blue ip link set lo up; mkdir /run/netns-of-others');
    stage.sh('ip link add veth-a type veth peer name veth-b netns blue; ip addr add 10.9.8.7/24 dev veth-a');
    for (const way of PINS) {
      const pin = await startPin(way, stage.within);
      pins.push(pin);
      words.set(`NET-${way}`, `net:${pin.inode}`);
      words.set(`PID-${way}`, pidInside(pin.pid));
    }
    await start('PLAIN', ['env', `SECRET=${SECRET}`, ...waiting()]);
    await start('APART', ['unshare', '-mniuCT', ...waiting('mount -t tmpfs tmpfs /mnt; hostname apart;')]);
    await start('NESTED', ['unshare', '-p', '--fork', 'unshare', '-p', '--fork', ...waiting()]);
    await start('USER', asUser(['unshare', '-Unu', '-r', ...waiting()], PLAIN_UID));
    const listen = 'require("net").createServer().listen(8123, "127.0.0.1", () => console.log("ready"))';
    await start('LISTENER', [process.execPath, '-e', listen]);
    for (const name of ['APART', 'USER', 'NESTED']) {
      for (const kind of ['net', 'mnt', 'user', 'pid', 'uts', 'ipc', 'cgroup', 'time']) {
        const link = stage.sh(`readlink /proc/${words.get(name)}/ns/${kind}`).trim();
        words.set(`${name}-${kind}`, link.replace(/[[\]]/g, ''));
      }
    }
  });

  afterAll(async () => {
    for (const pin of pins) {
      for (const child of childrenOf(pin.pid)) process.kill(Number(child), 'SIGKILL');
      await pin.end();
    }
    for (const one of started) await one.end();
    await stage.end();
    rmSync(folder, { recursive: true });
  });

  /** nstool in the stage, always with the same pid there, and with files instead of pipes, which have a number. */
  function inStage(args: readonly string[], uid: number): RunResult {
    stage.sh(`echo ${OWN_PID - 1} > /proc/sys/kernel/ns_last_pid`);
    const out = join(folder, `out-${uid}`);
    const err = join(folder, `err-${uid}`);
    const redirect = ['sh', '-c', `exec "$@" </dev/null >${out} 2>${err}`, 'sh'];
    const result = run([...redirect, ...stage.within, ...commandLine(args, uid)]);
    return { ...result, stdout: plain(readFileSync(out, 'utf8')), stderr: plain(readFileSync(err, 'utf8')) };
  }

  /** The arguments of nstool itself are what differs, and the width of their column. */
  function plain(text: string): string {
    return text.replaceAll(/nstool\.cjs[^"\n]*/g, 'nstool.cjs').replaceAll(/ +/g, ' ');
  }

  function capture(uid: number, ...more: readonly string[]): string {
    const file = join(folder, `host-${uid}.ndjson`);
    rmSync(file, { force: true });
    expect(inStage(['capture', '-o', file, ...more], uid)).toMatchObject({ status: 0, stdout: '', stderr: '' });
    return file;
  }

  const filled = (line: string): readonly string[] => line.split(' ').map((word) => words.get(word) ?? word);

  const lines = [
    'ls',
    `ls --json -o ${columns.filter((column) => column !== 'holders').join(',')}`,
    'ls -t net',
    'ls -t user,pid -o +PNS,ONS',
    'ls -t mnt -T',
    'ls -T=owner',
    'ls -T=parent -t pid',
    'ls -T=process -o +NAME',
    'ls APART-uts -o NS,PID,CREATED,CPU,RSS',
    'ls --matrix',
    'ls --matrix -t net,uts --json',
    'ls -P',
    'ls -p PLAIN --json',
    'ls -p container:none',
    'ls -Q NPROCS<2',
    'ls APART-uts --json',
    `ls USER-user --json -o ${columns.join(',')}`,
    'show PLAIN --json',
    'show APART --json',
    'show APART',
    'show NESTED --json',
    'show USER --json',
    'show LISTENER --json',
    'show self --json',
    'show host --json',
    'caps show PLAIN APART USER --json',
    'caps show host',
    'cgroup show PLAIN',
    'cgroup show APART --json',
    'cgroup show host',
    'cgroup why PLAIN --for 0',
    'cgroup why APART --for 0',
    'caps diff PLAIN USER --json',
    'show 999999',
    'show comm:pins',
    'show port:8123 -o pid,listeners',
    'show port:9',
    'show netns:blue --json',
    'show netns:blu',
    'show netns:blue -o links,addresses,routes',
    'show /proc/1/ns/net --json',
    ...['net', 'mnt', 'user', 'pid', 'uts', 'ipc', 'cgroup', 'time'].map((kind) => `show APART-${kind} --json`),
    'show USER-user --json',
    'show USER-net --json',
    'show NESTED-pid --json',
    'net show',
    'net show --json',
    'net show netns:blue --json',
    'net show APART',
    'net show veth-a',
    'net show link:veth-b --json',
    'net show link:veth',
    'net graph',
    'net graph --json',
    'net graph --dot',
    'ids PLAIN',
    'ids USER --json',
    'ids NESTED --json',
    'ids NESTED pid:1',
    'ids USER-user uid:0',
    'ids NESTED-pid',
    'caps can USER bind:80',
    'caps can APART mount --json',
    'caps can self kill:USER --json',
    'caps can self ptrace:APART --json',
    'caps can self map:USER --json',
    'caps can USER setuid:0',
    'caps can PLAIN module',
    'diff PLAIN PLAIN',
    'diff USER-user APART-user',
    'diff APART-net netns:blue --json',
    'audit --json',
    'audit --all --json',
    'audit PLAIN APART',
    'audit USER --json',
    'audit NESTED --json',
    'audit self host --json',
    'version -v',
    'version --json',
    'caps decode 000001ffffffffff ffffffffffffffff',
    'enter APART --dry-run id',
    'enter APART --net --dry-run --json id',
    'enter USER --user --net -S follow -G follow --keep-caps --dry-run id',
    'enter PLAIN -a -c -r -w --dry-run id',
    'enter NESTED --pid --dry-run id',
    'enter APART-uts --dry-run id',
    'enter --net=APART --mount=PLAIN --dry-run id',
    'enter -t APART -a --pid=host --dry-run id',
    'enter USER --dry-run',
    'enter /run/netns/blue --dry-run id',
    'enter PLAIN --net=/proc/1/ns/net --dry-run id',
  ];

  /** These look at the mount namespaces of the whole system, where others make and end some. */
  const deepLines = [
    `ls --deep --json -o ${columns.join(',')}`,
    'ls --deep -t net -o +HOLDERS',
    'ls --deep -P',
    'ls --deep -T',
    ...PINS.map((way) => `holders NET-${way}`),
    'holders NET-thread --json',
    'holders netns:blue',
    'holders pid:self --json',
    'holders NESTED-pid',
    'holders APART-user --json',
    'holders net:1',
    'show NET-fd --json',
    'show NET-socket --json',
    'show NET-table',
    'net show --deep',
    'net show NET-fd --json',
    'net graph --deep --mermaid',
  ];
  /** Environments are compared on the host, and not recorded. */
  const withEnvironments = [
    'diff self host --json',
    'enter PLAIN -e --dry-run --json id',
    'diff PLAIN NESTED --json',
    'diff PLAIN APART --json',
    'diff PLAIN USER',
    'diff PLAIN APART --env',
  ];

  describe.each(identities)('by $name', ({ uid }) => {
    let file: string;
    beforeAll(() => {
      file = capture(uid);
    });

    const live = (line: string): RunResult => inStage(filled(line), uid);
    const recorded = (line: string, from = file): RunResult => {
      // At the end it would be the entered program's.
      const [name = '', ...rest] = filled(line);
      const isEnter = name === 'enter';
      return inStage(isEnter ? [name, '--from', from, ...rest] : [name, ...rest, '--from', from], uid);
    };

    /** What a cgroup uses is another number at each look. */
    const still = (result: RunResult, line: string): RunResult =>
      line.startsWith('cgroup ')
        ? { ...result, stdout: result.stdout.replaceAll(/[0-9]+(?:\.[0-9]+)?(?:[KMG]i)?/g, 'N') }
        : result;

    test.each(lines)('%s', (line) => {
      const answer = live(line);
      expect(answer.stderr).not.toMatch(/internal error|unknown option/);
      expect(still(recorded(line), line)).toEqual(still(answer, line));
    });

    test('a deep look', () => {
      let left: readonly string[] = deepLines;
      for (let attempt = 0; attempt < 5 && left.length > 0; attempt += 1) {
        const from = capture(uid);
        const isOff = (line: string): boolean => JSON.stringify(live(line)) !== JSON.stringify(recorded(line, from));
        left = left.filter(isOff);
      }
      const from = capture(uid);
      for (const line of left) expect(recorded(line, from), line).toEqual(live(line));
    });

    test.each(withEnvironments)('%s, with --env', (line) => {
      const from = capture(uid, '--env');
      const answer = live(line);
      expect(recorded(line, from)).toEqual(answer);
      if (uid === 0) expect(readFileSync(from, 'utf8')).toContain(SECRET);
    });

    test('has no environment, and diff says so', () => {
      const text = readFileSync(capture(uid), 'utf8');
      expect(text).not.toContain(SECRET);
      expect(text).not.toContain('/environ');
      const { status, stderr } = recorded('diff PLAIN APART', file);
      expect(status).toBe(1);
      expect(stderr).toMatch(/^nstool: unknown of A: .*environment.*: not in this recording/m);
    });

    test('is asked by FILE::TARGET as well', () => {
      const pid = words.get('USER') ?? '';
      for (const [name = '', ...rest] of [['show'], ['ids'], ['ls', '-p'], ['enter', '--dry-run']]) {
        const asked = inStage([name, ...rest, `${file}::${pid}`], uid);
        expect(asked).toEqual(inStage([name, '--from', file, ...rest, pid], uid));
        expect(asked.status).toBe(0);
      }
    });

    test('two are compared', () => {
      const other = join(folder, `other-${uid}.ndjson`);
      stage.sh('ip link add nstool-new type bridge');
      try {
        expect(inStage(['capture', '-o', other], uid).status).toBe(0);
      } finally {
        stage.sh('ip link delete nstool-new');
      }
      const { stdout } = inStage(['diff', `${file}::self`, `${other}::self`], uid);
      expect(stdout).toMatch(/^link nstool-new +\(none\) +bridge/m);
      const same = inStage(['diff', `${file}::self`, `${file}::self`], uid);
      expect(same).toMatchObject({ status: 0, stdout: '' });
      rmSync(other);
    });
  });
});

describe('capture writes', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nstool-capture-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('a file that only its owner reads, in the place of an older one', () => {
    const file = join(folder, 'host.ndjson');
    writeFileSync(file, 'old', { mode: 0o644 });
    expect(nstool(['capture', '-o', file])).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['host.ndjson']);
    const [first = ''] = readFileSync(file, 'utf8').split('\n');
    expect(JSON.parse(first)).toMatchObject({ nstool_recording: 1, made_by: expect.stringMatching(/capture$/) });
    expect(nstool(['version', '-v', '--from', file]).status).toBe(0);
  });

  test('to standard output', () => {
    const { status, stdout } = nstool(['capture', '-o', '-']);
    expect(status).toBe(0);
    expect(stdout.startsWith('{"nstool_recording":1,')).toBe(true);
  });

  test('nothing where it may not, and says why', () => {
    symlinkSync('/dev/null', join(folder, 'link'));
    const refused = [
      [join(folder, 'link'), 2, /is no regular file/],
      ['/dev/null', 2, /is no regular file/],
      [folder, 2, /is no regular file/],
      [join(folder, 'none/host.ndjson'), 3, /cannot write/],
    ] as const;
    for (const [file, status, text] of refused) {
      const result = nstool(['capture', '-o', file]);
      expect([result.status, result.stdout]).toEqual([status, '']);
      expect(result.stderr).toMatch(text);
    }
    expect(existsSync('/dev/null') && statSync('/dev/null').isCharacterDevice()).toBe(true);
    expect(nstool(['capture', '--from', '/dev/null']).status).toBe(2);
  });

  test.skipIf(lacks('root'))('nothing at all on a full disk', () => {
    const script = `mount -t tmpfs -o size=64k tmpfs ${folder} && "$@"; echo "status $?"; ls -A ${folder}`;
    const command = commandLine(['capture', '-o', join(folder, 'full.ndjson')]);
    const { stdout, stderr } = run(['unshare', '-m', 'sh', '-c', script, 'sh', ...command]);
    expect(stdout).toBe('status 74\n');
    expect(stderr).toMatch(/cannot write .*full.ndjson\n +why: ENOSPC/);
  });
});
