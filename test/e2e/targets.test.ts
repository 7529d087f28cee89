// The words that a person has at hand: who is meant, and what came close when nobody is.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { startPin, type Pin } from '../support/pins.ts';
import { commandLine, identities, nstool, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';

function json(...args: readonly string[]): Record<string, unknown> {
  const { status, stdout, stderr } = nstool([...args, '--json']);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as Record<string, unknown>;
}

describe.each(identities)('host, as $name', ({ uid }) => {
  test('its namespaces are those of the kernel threads', () => {
    const { status, stdout, stderr } = nstool(['ls', '-p', 'host', '-n', '-o', 'NS,TYPE'], { uid });
    // Who sees nobody in one of them cannot tell which it is.
    if (status === 4) expect(stderr).toMatch(/^nstool: cannot tell the namespaces of the host/);
    if (status === 4) return;
    const shown = stdout
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/ +/).toReversed().join(':'));
    const links = ['mnt', 'net', 'ipc', 'user', 'pid', 'uts', 'cgroup', 'time'].map((kind) =>
      readlinkSync(`/proc/2/ns/${kind}`).replace(/[[\]]/g, ''),
    );
    expect(shown.toSorted()).toEqual(links.toSorted());
  });

  test('it has every capability and the root cgroups', () => {
    const { stdout } = nstool(['show', 'host', '-o', 'capabilities,cgroup', '--json'], { uid });
    const { process } = JSON.parse(stdout) as { process: { capabilities: { effective: string }; cgroup: unknown[] } };
    const last = Number(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8'));
    expect(BigInt(process.capabilities.effective)).toBe((1n << BigInt(last + 1)) - 1n);
    expect(process.cgroup.length).toBeGreaterThan(0);
    for (const each of process.cgroup) expect(each).toMatchObject({ path: '/' });
  });

  test('its ids are ours', () => {
    const { status, stdout } = nstool(['ids', 'host', 'uid:1000'], { uid });
    expect(status).toBe(0);
    expect(stdout).toMatch(/uid +1000 +inside +1000/);
  });
});

test.each(['holders', 'ls'])('a process has eight namespaces, the host too: %s', (command) => {
  expect(nstool([command, 'host']).stderr).toMatch(
    /'host' is the host, which has eight namespaces\n {2}try: net:host\n/,
  );
  expect(nstool([command, 'self']).stderr).toMatch(
    /'self' is a process, which has eight namespaces\n {2}try: net:self\n/,
  );
});

describe('the namespace of a target', () => {
  test.each([['self'], [String(process.pid)], ['net:self'], ['net:comm:kthreadd']])('%s', (word) => {
    const target = word.includes(':') ? word : `net:${word}`;
    const link = readlinkSync(target.endsWith('kthreadd') ? '/proc/2/ns/net' : '/proc/self/ns/net');
    const inode = link.slice('net:['.length, -1);
    expect(nstool(['show', target, '-o', 'ns']).stdout).toBe(`${inode}\n`);
    expect(nstool(['ls', '-n', '-p', target, '-o', 'NS']).stdout.trim()).toBe(inode);
    expect(nstool(['ls', '-n', target, '-o', 'NS']).stdout).toMatch(new RegExp(`^${inode}\n`));
    expect(json('holders', target)['holders']).toContainEqual(expect.objectContaining({ pid: process.pid }));
    expect(nstool(['enter', target, '--', 'readlink', '/proc/self/ns/net']).stdout).toBe(`${link}\n`);
  });

  test('a number that no process has is an inode, as is one in brackets', () => {
    const none = 4_194_304;
    for (const word of [`net:${none}`, `net:[${none}]`]) {
      const { status, stderr } = nstool(['show', word]);
      expect(status).toBe(3);
      expect(stderr).toMatch(/^nstool: no namespace net:\[4194304\]\n/);
    }
  });

  test.each(['net:net:self', 'net:/proc/self', 'net:netns:blue', 'net:mnt:4026532177', 'net:'])(
    '%s is none',
    (word) => {
      expect(nstool(['show', word])).toMatchObject({ status: 2, stderr: expect.stringContaining('is no target') });
    },
  );
});

describe.skipIf(lacks('root')).sequential('ports', () => {
  let server: ChildProcess;
  let port = '';

  beforeAll(async () => {
    const listen =
      'const s = require("net").createServer().listen(0, "127.0.0.1", () => console.log(s.address().port))';
    server = spawn(process.execPath, ['-e', listen], { stdio: ['ignore', 'pipe', 'inherit'] });
    port = await new Promise<string>((done) => server.stdout?.once('data', (data) => done(String(data).trim())));
  });

  afterAll(async () => {
    const ended = new Promise((done) => server.once('exit', done));
    server.kill();
    await ended;
  });

  test('who may look finds who listens', () => {
    expect(nstool(['show', `port:${port}`, '-o', 'pid']).stdout).toBe(`${server.pid}\n`);
  });

  test('who may not is told whose it is, and how many were closed to him', () => {
    const { status, stderr } = nstool(['show', `port:${port}`], { uid: 65_534 });
    expect(stderr).toMatch(
      /^nstool: port [0-9]+ is listened to by uid 0; whose it is is closed to us\nnstool: [0-9]+ processes: permission denied\n$/,
    );
    expect(status).toBe(4);
  });

  test('another network namespace is not asked, and that is said', () => {
    const args = ['show', `port:${port}`];
    const { status, stdout } = run(['unshare', '--net', 'sh', '-c', '"$@" 2>&1', 'sh', ...commandLine(args)]);
    expect(stdout).toContain(`nothing listens on port ${port} in our own network namespace\n`);
    expect(status).toBe(3);
  });
});

test.skipIf(lacks('root'))('who finds nothing is told how much was closed to him', () => {
  for (const args of [
    ['show', 'container:nstool-none'],
    ['holders', 'net:4026999999'],
    ['ls', 'net:4026999999'],
  ]) {
    const { status, stderr } = nstool(args, { uid: 65_534 });
    expect({ args, status }).toEqual({ args, status: 3 });
    expect(stderr).toMatch(/\nnstool: [0-9]+ processes: permission denied\n/);
  }
});

describe.skipIf(lacks('root', 'namespaces', 'ip', 'cc')).sequential('names', () => {
  let pins: readonly Pin[];

  beforeAll(async () => {
    pins = [await startPin('fd'), await startPin('socket')];
    spawnSync('ip', ['netns', 'add', 'nstool-blue']);
  });

  afterAll(async () => {
    spawnSync('ip', ['netns', 'del', 'nstool-blue']);
    for (const pin of pins) await pin.end();
  });

  test('a namespace that only a descriptor or a socket holds is found by its number', () => {
    for (const { inode } of pins) {
      const { namespace } = json('show', `net:${inode}`, '-o', 'ns,links') as { namespace: { links: unknown[] } };
      expect(namespace.links).toHaveLength(1);
      expect(json('show', String(inode), '-o', 'ns')).toHaveProperty('namespace.ns', Number(inode));
    }
  });

  test('what a plain look does not find, ls --deep does', () => {
    const inode = pins[0]?.inode;
    const { status, stderr } = nstool(['ls', `net:${inode}`]);
    expect(status).toBe(3);
    const [, proposal = ''] = /\n {2}try: nstool (.*)\n/.exec(stderr) ?? [];
    expect(proposal).toBe(`ls --deep net:${inode}`);
    expect(nstool(proposal.split(' ')).status).toBe(0);
  });

  test.each([
    [['show', 'netns:nstool-blu'], 'netns:nstool-blue'],
    [['show', 'nstool-blue'], 'netns:nstool-blue'],
    [['ids', 'comm:kthreaddd'], 'comm:kthreadd'],
    [['ls', '-p', 'netns:nstoolblue'], 'netns:nstool-blue'],
  ])('%j came close to %s', (args, meant) => {
    const { status, stdout, stderr } = nstool(args);
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
    expect(stderr).toContain(`\n  why: did you mean ${meant}?\n`);
  });

  test('what is like nothing gets no proposal', () => {
    const { status, stderr } = nstool(['show', 'unit:xyzzyqwertyuiop']);
    expect(status).toBe(3);
    expect(stderr).not.toContain('did you mean');
  });
});
