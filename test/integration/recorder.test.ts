// What a recording of this machine answers is what the machine answered.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatArchive, type ArchiveHeader } from '../../src/host/recorded/archive.ts';
import { recordedHost } from '../../src/host/recorded/recorded-host.ts';
import { recording, type Recorder } from '../../src/host/recorded/recorder.ts';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { CapsRows } from '../../src/inspect/caps/caps-rows.ts';
import { kernelReport } from '../../src/inspect/kernel-report.ts';
import { namespaceKinds } from '../../src/kernel/abi/namespace-kinds.ts';
import { NETLINK_ROUTE } from '../../src/kernel/abi/netlink.ts';
import { GapTally } from '../../src/kernel/gap-tally.ts';
import { valueOf, type Host } from '../../src/kernel/host.ts';
import { encodeNsidRequest } from '../../src/kernel/netlink/nsid.ts';
import { discoverNamespaces } from '../../src/namespaces/discover/discover.ts';
import { namespaceRows, processRows, type Fact } from '../../src/namespaces/rows.ts';
import { anonymise } from '../../scripts/anonymise.ts';

const FACTS: ReadonlySet<Fact> = new Set(['ppid', 'command', 'uid', 'user', 'netnsid', 'pns', 'ons']);
const header: ArchiveHeader = {
  nstool_recording: 1,
  date: '2026-01-01',
  kernel: '6.1.0',
  distribution: 'test',
  made_by: 'test',
  anonymised: false,
  self: linuxHost().self,
};

function replayed(recorder: Recorder): Host {
  const host = recordedHost(formatArchive(header, recorder.entries()), 'test');
  if (!host.ok) throw new Error(JSON.stringify(host.gap));
  return host.value;
}

const KINDS = new Set(namespaceKinds.map(({ kind }) => kind));

/** What the reading commands say of it. Each asks each question once: the machine may change its answer. */
const commands = {
  ls: (host: Host) => {
    const scan = discoverNamespaces(host, KINDS);
    return { namespaces: namespaceRows(scan, FACTS), gaps: scan.gaps.list() };
  },
  'ls NAMESPACE': (host: Host) => {
    const scan = discoverNamespaces(host, KINDS);
    const own = scan.namespaces.get(valueOf(host.readLink('/proc/self/ns/uts')) ?? '');
    return { processes: own === undefined ? undefined : processRows(scan, own, FACTS), gaps: scan.gaps.list() };
  },
  'caps ls --files': (host: Host) => {
    const gaps = new GapTally();
    const facts = new Set(['user', 'place', 'command', 'texts', 'file', 'name'] as const);
    const query = { within: undefined, has: undefined, threads: true, files: true, sockets: false, facts };
    return { processes: new CapsRows(host, query, gaps).list(), gaps: gaps.list() };
  },
  'version -v': (host: Host) => kernelReport(host),
};

describe('a recording', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nstool-recorder-'));
    writeFileSync(
      join(folder, 'binary'),
      Uint8Array.from({ length: 256 }, (_, byte) => byte),
    );
    writeFileSync(join(folder, 'bom and words'), '\ufeffgrüße\n\0\u2028');
    writeFileSync(join(folder, 'empty'), '');
    writeFileSync(join(folder, 'new\nline'), '');
    symlinkSync('no\nsuch place', join(folder, 'dangling'));
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(Object.entries(commands))('says to %s what the host said', (_, command) => {
    const recorder = recording(linuxHost());
    const live = command(recorder.host);
    expect(command(replayed(recorder))).toEqual(live);
  });

  it('answers each question as the host did, refusals included', () => {
    const ask = (host: Host): unknown => {
      const paths = ['binary', 'bom and words', 'empty', 'new\nline', 'dangling', 'missing', '', 'empty/x'];
      return {
        files: paths
          .map((name) => host.readFile(join(folder, name)))
          .map((reading) => (reading.ok ? Buffer.from(reading.value).toString('hex') : reading)),
        links: paths.map((name) => host.readLink(join(folder, name))),
        stats: paths.map((name) => host.stat(join(folder, name))),
        directory: host.readDirectory(folder),
        refused: [host.readDirectory(join(folder, 'empty')), host.readFile('/proc/self/mem')],
        namespaces: [
          host.askNamespace('/proc/self/ns/net', []),
          host.askNamespace('/proc/self/ns/net', ['NS_GET_NSTYPE']),
          host.askNamespace('/proc/self/ns/net', ['NS_GET_USERNS', 'NS_GET_OWNER_UID']),
          host.askNamespace('/proc/self/ns/net', ['NS_GET_PARENT']),
          host.askNamespace('/proc/self/stat', ['NS_GET_NSTYPE']),
          host.askNamespace('/no/such/file', ['NS_GET_NSTYPE']),
        ],
        netlink: [
          host.netlink(encodeNsidRequest('/no/such/file')),
          host.netlink(encodeNsidRequest('/proc/self/ns/uts')),
          host.netlink({
            protocol: NETLINK_ROUTE,
            message: Uint8Array.of(16, 0, 0, 0, 255, 255, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0),
          }),
        ],
      };
    };
    const recorder = recording(linuxHost());
    const live = ask(recorder.host);
    expect(live).toMatchObject({
      files: expect.arrayContaining([Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)).toString('hex')]),
    });
    expect(ask(replayed(recorder))).toEqual(live);
  });

  it('keeps 64-bit numbers', () => {
    const ino = 18446744073709551615n;
    const host: Host = {
      ...linuxHost(),
      stat: () => ({ ok: true, value: { dev: ino, ino, mode: 0o100644, uid: 4294967295, gid: 0 } }),
      askNamespace: () => ({ ok: true, value: ino }),
    };
    const recorder = recording(host);
    const asked = [recorder.host.stat('/x'), recorder.host.askNamespace('/x', ['NS_GET_PARENT'])];
    const answers = replayed(recorder);
    expect([answers.stat('/x'), answers.askNamespace('/x', ['NS_GET_PARENT'])]).toEqual(asked);
  });

  it('writes a long answer once', () => {
    const recorder = recording(linuxHost());
    const text = (path: string): string => {
      const bytes = recorder.host.readFile(path);
      return bytes.ok ? Buffer.from(bytes.value).toString() : '';
    };
    const limits = [text('/proc/self/limits'), text(`/proc/${process.pid}/limits`)];
    expect(limits[0]).toContain('Max open files');
    expect(formatArchive(header, recorder.entries()).match(/Max open files/g)).toHaveLength(1);
    const answers = replayed(recorder);
    const again = ['self', process.pid].map((pid) => answers.readFile(`/proc/${pid}/limits`));
    expect(again.map((reading) => (reading.ok ? Buffer.from(reading.value).toString() : ''))).toEqual(limits);
  });
});

describe('scripts/capture-host.ts', () => {
  const capture = (...options: readonly string[]): string => {
    const script = fileURLToPath(new URL('../../scripts/capture-host.ts', import.meta.url));
    const secret = 'NSTOOL_TEST_SECRET_VALUE';
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', script, ...options], {
      encoding: 'utf8',
      maxBuffer: 1 << 30,
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      env: { ...process.env, SECRET: secret },
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).not.toContain(secret);
    return stdout;
  };

  it('writes an archive that has an answer for every question of ls', () => {
    const host = recordedHost(capture('--note', 'a test'), 'test');
    expect(host.ok).toBe(true);
    if (!host.ok) return;
    const { gaps, namespaces } = commands.ls(host.value);
    expect(namespaces.length).toBeGreaterThanOrEqual(8);
    expect(gaps.filter(({ reason }) => reason === 'unrecorded' || reason === 'malformed')).toEqual([]);
  });

  it('anonymised, has the same namespaces and processes, and none of the names', () => {
    const text = capture('--anonymise', '--below', 'self', '--kernel-threads', '3', '--note', 'a test');
    const [first = '', ...rest] = text.split('\n');
    expect(JSON.parse(first)).toMatchObject({ anonymised: true, made_by: expect.stringContaining('--anonymise') });
    const answers = rest.join('\n');
    for (const word of ['--kernel-threads', 'capture-host', process.cwd()]) expect(answers).not.toContain(word);
    const host = recordedHost(text, 'test');
    expect(host.ok && commands.ls(host.value).namespaces.length).toBeGreaterThanOrEqual(8);
  });
});

describe('anonymise', () => {
  const file = (path: string, text: string): string => {
    const [entry] = anonymise([{ question: `file ${path}`, answer: { text } }]);
    return entry !== undefined && 'text' in entry.answer ? entry.answer.text : '';
  };

  it('replaces all arguments, each by one word, and programs that are not the distribution’s', () => {
    expect(file('/proc/5/cmdline', '/usr/bin/sh\0-c\0secret\0secret\0\0')).toBe(
      '/usr/bin/sh\0word-1\0word-2\0word-2\0\0',
    );
    expect(file('/proc/5/cmdline', '/home/alice/acme-server\0--token=x\0')).toBe('/home/name-1/program-1\0word-1\0');
    expect(file('/proc/5/cmdline', 'acme: worker for alice\0')).toBe('program-1 word-1 word-2 word-3\0');
    expect(file('/proc/5/stat', '5 (acme) x) S 1 5')).toBe('5 (program-1) S 1 5');
    expect(file('/proc/5/stat', '5 (kworker/0:1) S 2 0')).toBe('5 (kworker/0:1) S 2 0');
    expect(file('/proc/5/status', 'Name:\tacme\nPid:\t5\nVmSize:\t1 kB\n')).toBe(
      'Name:\tprogram-1\nPid:\t5\nVmSize:\t1 kB\n',
    );
  });

  it('replaces folders, sources and cgroups, and keeps what every Linux has', () => {
    expect(file('/proc/5/mountinfo', '1 0 0:4 net:[40] /run/netns/acme rw - nsfs nsfs rw\n')).toBe(
      '1 0 0:4 net:[40] /run/netns/name-1 rw - nsfs nsfs rw\n',
    );
    expect(
      file('/proc/5/mountinfo', '1 0 0:4 /alice /home/alice rw shared:1 - nfs nas.acme.com:/alice rw,addr=10.0.0.1\n'),
    ).toBe('1 0 0:4 /name-1 /home/name-1 rw shared:1 - nfs name-2/name-1 rw,addr=10.0.0.1\n');
    expect(file('/proc/5/mountinfo', '1 0 8:1 / / rw - overlay overlay rw,lowerdir=/srv/acme:/b,index=off\n')).toBe(
      '1 0 8:1 / / rw - overlay overlay rw,lowerdir=/srv/name-1/name-2,index=off\n',
    );
    const id = 'ab'.repeat(32);
    expect(file('/proc/5/cgroup', `0::/system.slice/acme.service\n1:cpu:/docker/${id}\n`)).toBe(
      `0::/system.slice/name-1.service\n1:cpu:/name-2/${id}\n`,
    );
  });

  it('replaces users but those of every system, their real names and their homes', () => {
    expect(
      file('/etc/passwd', 'root:x:0:0:Alice:/root:/bin/zsh\nalice:x:1000:1000:Alice A.:/home/alice:/bin/sh\n'),
    ).toBe('root:x:0:0:::\nuser-1:x:1000:1000:::\n');
  });

  it('replaces the same name in questions', () => {
    const entries = anonymise([
      {
        question: 'file /proc/self/mountinfo',
        answer: { text: '1 0 0:4 net:[40] /run/netns/acme rw - nsfs nsfs rw\n' },
      },
      { question: 'namespace /run/netns/acme NS_GET_USERNS', answer: { number: '1' } },
      { question: 'namespace /proc/5/root/run/netns/acme ', answer: { number: '1' } },
      { question: 'namespace /proc/5/ns/net NS_GET_USERNS NS_GET_OWNER_UID', answer: { number: '1' } },
      { question: 'netlink 0 1c00 /run/netns/acme', answer: { datagrams: [] } },
    ]);
    expect(entries.map(({ question }) => question).slice(1)).toEqual([
      'namespace /run/netns/name-1 NS_GET_USERNS',
      'namespace /proc/5/root/run/netns/name-1 ',
      'namespace /proc/5/ns/net NS_GET_USERNS NS_GET_OWNER_UID',
      'netlink 0 1c00 /run/netns/name-1',
    ]);
  });
});
