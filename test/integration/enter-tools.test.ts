// `--tools`: this host's programs, or those of a directory, beside the file system of a target that has none; and the
// /proc of a pid namespace that is entered without its mounts.

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDocker, type Docker } from '../support/dockers.ts';
import { Yard } from '../support/engines.ts';
import { linkOf, look, type Entered } from '../support/entered.ts';
import { ADDRESS, NAME, startNameServer } from '../support/name-server.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { asUser, commandLine, nstool, PLAIN_UID, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { childrenOf } from '../support/targets.ts';

const SOURCE = `
#include <unistd.h>
int main(void) { write(1, "ready\\n", 6); for (;;) pause(); }
`;

const kinds = ['net', 'ipc', 'uts', 'pid', 'cgroup'] as const;

/** The root of a system that has one static program and nothing else. */
function makeRoot(): string {
  const root = mkdtempSync(join(tmpdir(), 'nstool-scratch-'));
  chmodSync(root, 0o755);
  const { status, stderr } = spawnSync('cc', ['-static', '-x', 'c', '-', '-o', join(root, 'pause')], {
    input: SOURCE,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  mkdirSync(join(root, 'data'));
  writeFileSync(join(root, 'data/file'), 'of the target\n');
  symlinkSync('/data/file', join(root, 'link'));
  return root;
}

/** The first process of a pid namespace, with a root of its own, by `way`. */
async function makeScratch(
  root: string,
  own: readonly string[],
  script: string,
  uid?: number,
): Promise<{ pid: number; end: () => Promise<void> }> {
  const started: Started = await startReady(
    asUser(
      [
        'unshare',
        ...own,
        '-m',
        '-n',
        '-i',
        '-u',
        '-C',
        '-p',
        '--fork',
        '--kill-child',
        'sh',
        '-ec',
        script,
        'sh',
        root,
      ],
      uid,
    ),
    {
      PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
    },
  );
  return { pid: Number(childrenOf(started.pid)[0]), end: () => started.end() };
}

const chrooted = 'ip link set lo up; exec chroot "$1" /pause';
const pivoted = `
  ip link set lo up
  mount --bind "$1" "$1"
  cd "$1"
  mount -t tmpfs tmpfs data
  echo mounted > data/mounted
  mkdir data/old
  pivot_root . data/old
  exec /pause`;

describe.skipIf(lacks('root', 'namespaces', 'unshare', 'ip', 'cc'))('a target without a shell', () => {
  let root: string;
  let chroot: { pid: number; end: () => Promise<void> };
  let pivot: { pid: number; end: () => Promise<void> };

  beforeAll(async () => {
    root = makeRoot();
    chroot = await makeScratch(root, [], chrooted);
    pivot = await makeScratch(root, [], pivoted);
  });
  afterAll(async () => {
    await chroot.end();
    await pivot.end();
    rmSync(root, { recursive: true });
  });

  function enter(pid: number, report: string, ...more: readonly string[]): Promise<Entered> {
    return look(commandLine(['enter', String(pid), '--tools', ...more]), report);
  }

  test('it has no shell', () => {
    const text = (words: readonly string[]): string => {
      const { status, stderr } = nstool(['enter', String(pivot.pid), ...words], { env: { SHELL: '/bin/bash' } });
      expect(status).toBe(127);
      return stderr;
    };
    expect(text(['sh'])).toMatch(
      new RegExp(`in the file system that was entered;.*\n  try: nstool enter ${pivot.pid} --tools COMMAND\n$`),
    );
    // $SHELL is not in there, nor anything else.
    expect(text([])).toMatch(
      new RegExp(`^nstool: cannot run '/bin/sh': not found .*\n.*\n  try: nstool enter ${pivot.pid} --tools\n$`),
    );
    expect(nstool(['enter', String(pivot.pid), '--net', '--no-dns', '/no/such']).stderr).toBe(
      "nstool: cannot run '/no/such': not found (ENOENT)\n" +
        '  why: it is not there; or it is, and the interpreter or loader that it names is not\n',
    );
  });

  test.each(['chroot', 'pivot_root'])(
    'whose root was made by %s: its other namespaces, its files at /target',
    async (way) => {
      const { pid } = way === 'chroot' ? chroot : pivot;
      const { links, report } = await enter(
        pid,
        'pwd; cat /target/data/*; readlink /target/link; ls /target; ls -d /etc /usr',
      );
      for (const kind of kinds) expect(links[kind]).toBe(linkOf(pid, kind));
      expect(links['mnt']).not.toBe(linkOf(pid, 'mnt'));
      expect(links['mnt']).not.toBe(linkOf('self', 'mnt'));
      const content = way === 'chroot' ? 'of the target\n' : 'mounted\n';
      expect(report.replace(/^cat: .*\n/m, '')).toBe(`/target\n${content}/data/file\ndata\nlink\npause\n/etc\n/usr\n`);
    },
  );

  test('ps shows the processes of the target, and --no-proc those of this host', async () => {
    const { report } = await enter(pivot.pid, 'cat /proc/1/comm');
    expect(report).toBe('pause\n');
    const without = await enter(pivot.pid, 'cat /proc/1/comm', '--no-proc');
    expect(without.report).toBe(run(['cat', '/proc/1/comm']).stdout);
  });

  test('nothing is written into it, nor into ours, and what is mounted in there does not come out', () => {
    const listed = (folder: string): readonly string[] => readdirSync(folder).toSorted();
    const mountsOf = (pid: number | 'self'): string => readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
    const before = [listed(root), listed('/'), mountsOf(pivot.pid), mountsOf('self')];
    const script =
      'mount -t tmpfs tmpfs /target/data && mount -t tmpfs tmpfs /mnt && echo inside > /target/data/x && cat /target/data/x';
    expect(nstool(['enter', String(pivot.pid), '--tools', 'sh', '-c', script]).stdout).toBe('inside\n');
    expect([listed(root), listed('/'), mountsOf(pivot.pid), mountsOf('self')]).toEqual(before);
    expect(existsSync(join(root, 'etc'))).toBe(false);
  });

  test('a missing /etc of the target: ours is used, or with --dns the way without any', async () => {
    const ours = readFileSync('/etc/resolv.conf', 'utf8');
    expect((await enter(pivot.pid, 'cat /etc/resolv.conf')).report).toBe(ours);
    // Without a resolv.conf the C library asks 127.0.0.1.
    const server = await startNameServer(pivot.pid, '127.0.0.1');
    const tools = nstool(['enter', String(pivot.pid), '--tools', '--dns', 'getent', 'hosts', NAME]);
    const net = nstool(['enter', String(pivot.pid), '--net', '--dns', 'getent', 'hosts', NAME]);
    await server.end();
    expect(tools.stdout).toContain(ADDRESS);
    expect(net.stdout).toContain(ADDRESS);
  });

  test('only some namespaces, and no file system or process that does not go with it', async () => {
    const { links } = await enter(pivot.pid, 'true', '-n', '-u');
    expect(links['net']).toBe(linkOf(pivot.pid, 'net'));
    expect(links['uts']).toBe(linkOf(pivot.pid, 'uts'));
    expect(links['pid']).toBe(linkOf('self', 'pid'));
    for (const words of [
      [String(pivot.pid), '--tools', '--mount', 'true'],
      [String(pivot.pid), '--tools', '--root', 'true'],
      [String(pivot.pid), '--tools', '--as-target', 'true'],
      [`/proc/${pivot.pid}/ns/net`, '--tools', 'true'],
      [String(pivot.pid), '--tools=/nonexistent', 'true'],
    ]) {
      expect(nstool(['enter', ...words])).toMatchObject({ status: 125, stdout: '' });
    }
  });

  test.skipIf(lacks('busybox'))('--tools=DIR: the programs of a directory, with the devices of this host', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nstool-toolbox-'));
    mkdirSync(join(folder, 'bin'));
    const busybox = run(['sh', '-c', 'command -v busybox']).stdout.trim();
    cpSync(busybox, join(folder, 'bin/busybox'));
    for (const name of ['sh', 'ls', 'cat', 'sleep', 'pwd']) symlinkSync('busybox', join(folder, 'bin', name));
    const listed = readdirSync(folder);
    try {
      const { report, links } = await enter(
        pivot.pid,
        'ls /; ls /dev/null; cat /proc/1/comm; cat /target/data/mounted',
        `--tools=${folder}`,
      );
      expect(report).toBe('bin\ndev\netc\nproc\nsys\ntarget\n/dev/null\npause\nmounted\n');
      expect(links['net']).toBe(linkOf(pivot.pid, 'net'));
      expect(readdirSync(folder)).toEqual(listed);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('a target in our own mount namespace', async () => {
    const near = await startReady(['unshare', '-n', 'sh', '-c', 'echo ready; exec sleep 1000']);
    const { report } = await enter(near.pid, 'pwd; ls -d /target/etc /etc');
    await near.end();
    expect(report).toBe('/target\n/etc\n/target/etc\n');
  });

  test('a dry run tells every step', () => {
    const { status, stdout } = nstool(['enter', String(pivot.pid), '--tools', '--dry-run', 'true']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/copy the target's mounts +all of them, from its root on/);
    expect(stdout).toMatch(/setns back/);
  });
});

describe.skipIf(lacks('root', 'userns', 'unshare', 'ip', 'cc'))(
  'a target of a plain user, in a user namespace of its own',
  () => {
    test('is entered with the tools of this host, by its owner and by root', async () => {
      const root = makeRoot();
      const target = await makeScratch(root, ['-U', '-r'], pivoted, PLAIN_UID);
      const words = ['enter', String(target.pid), '--tools'];
      const owner = await look(commandLine(words, PLAIN_UID), 'cat /target/data/mounted /proc/1/comm; id -u');
      const admin = await look(commandLine(words), 'cat /target/data/mounted /proc/1/comm; id -u');
      for (const { links, report } of [owner, admin]) {
        for (const kind of [...kinds, 'user'] as const) expect(links[kind]).toBe(linkOf(target.pid, kind));
        expect(report).toBe('mounted\npause\n0\n');
      }
      await target.end();
      rmSync(root, { recursive: true });
    });
  },
);

describe.skipIf(lacks('root', 'namespaces', 'unshare'))('-p without -m', () => {
  let target: Started;
  let pid: number;

  beforeAll(async () => {
    target = await startReady([
      'unshare',
      '-p',
      '-n',
      '--fork',
      '--kill-child',
      'sh',
      '-c',
      'echo ready; exec sleep 1000',
    ]);
    pid = Number(childrenOf(target.pid)[0]);
  });
  afterAll(() => target.end());

  test('a /proc of the pid namespace, for the command alone', async () => {
    const before = readFileSync('/proc/self/mountinfo', 'utf8');
    const { report } = await look(
      commandLine(['enter', String(pid), '-p']),
      'cat /proc/1/comm; readlink /proc/self/ns/pid',
    );
    expect(report).toBe(`sleep\n${linkOf(pid, 'pid')}\n`);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(before);
  });

  test('--no-proc, --no-fork, and with the mounts: as nsenter(1)', async () => {
    for (const words of [['-p', '--no-proc'], ['-n'], ['-p', '-m']]) {
      const { report } = await look(commandLine(['enter', String(pid), ...words]), 'cat /proc/1/comm');
      expect(report).toBe(run(['cat', '/proc/1/comm']).stdout);
    }
    const { stdout } = nstool(['enter', String(pid), '-p', '--no-fork', 'readlink', '/proc/self/ns/mnt']);
    expect(stdout).toBe(`${linkOf('self', 'mnt')}\n`);
  });

  test('working directories have a path', async () => {
    const { stdout } = nstool(['enter', String(pid), '-p', '--wd', 'readlink', '/proc/self/cwd']);
    expect(stdout).toBe('/\n');
  });

  test('a first process that has ended: nothing starts, and nothing is mounted', async () => {
    const gone = await startReady(['unshare', '-p', '--fork', 'sh', '-c', 'echo ready; exec sleep 1000']);
    const first = Number(childrenOf(gone.pid)[0]);
    const held = spawnSync(
      'sh',
      [
        '-c',
        `exec 9</proc/${first}/ns/pid; kill -9 ${first}; shift; exec "$@" --pid=/dev/fd/9 true`,
        'sh',
        '',
        ...commandLine(['enter']),
      ],
      { encoding: 'utf8', cwd: '/' },
    );
    await gone.end();
    expect(held.status).toBe(125);
    expect(held.stderr).toContain('its first process has ended');
  });
});

describe.skipIf(lacks('root', 'docker', 'busybox', 'cc'))(
  'a container of docker from an image of one static program',
  () => {
    let root: string;
    let yard: Yard;
    let docker: Docker;
    let pid: number;

    beforeAll(async () => {
      yard = new Yard();
      docker = await startDocker(yard);
      root = makeRoot();
      const image = join(yard.folder, 'scratch.tar');
      yard.run('tar', '-C', root, '-cf', image, 'pause');
      docker.run('import', image, 'scratch:1');
      docker.run('run', '-d', '--network=none', '--name=scratch', 'scratch:1', '/pause');
      pid = Number(docker.run('inspect', '-f', '{{.State.Pid}}', 'scratch'));
    }, 120_000);
    afterAll(async () => {
      await yard.close();
      rmSync(root, { recursive: true });
    });

    /** Every file with all that a write would change, in its root and in the directory that takes what is written. */
    function everything(): readonly string[] {
      const upper = docker.run('inspect', '-f', '{{with .GraphDriver.Data}}{{.UpperDir}}{{end}}', 'scratch');
      const folders = [`/proc/${pid}/root/`, ...(upper.startsWith('/') ? [upper] : [])];
      const format = '%p %y %i %s %m %U %G %T@ %C@ %l\\n';
      return [
        docker.run('diff', 'scratch'),
        ...folders.map((folder) => run(['find', folder, '-xdev', '-printf', format]).stdout),
      ];
    }

    test('has no shell; with the tools of this host there is one, and nothing is written', async () => {
      const before = everything();
      expect(before.slice(1).join('')).toContain('/pause f ');
      expect(run(docker.command('exec', 'scratch', 'sh')).status).not.toBe(0);
      expect(nstool(['enter', 'container:scratch', 'sh']).status).not.toBe(0);
      expect(nstool(['enter', String(pid), 'sh'])).toMatchObject({ status: 127, stdout: '' });
      const script =
        'pwd; ls /target/pause; cat /proc/1/comm; test -e /etc/passwd && ls /usr/bin >/dev/null; cat /etc/resolv.conf';
      const { report, links, status } = await look(commandLine(['enter', String(pid), '--tools']), script);
      expect(report).toMatch(/^\/target\n\/target\/pause\npause\n/);
      for (const kind of kinds) expect(links[kind]).toBe(linkOf(pid, kind));
      expect(links['mnt']).not.toBe(linkOf(pid, 'mnt'));
      expect(status('NoNewPrivs')).toBe('0');
      // Nor by mounts of the command, or a folder in the root that it has for itself.
      const mounting = 'mount -t tmpfs tmpfs /target/proc; mkdir /made; exit 9';
      for (const more of [[], ['--dns'], ['-n'], ['--pty'], ['-p', '--no-proc']]) {
        expect(nstool(['enter', String(pid), '--tools', ...more, 'sh', '-c', mounting]).status).toBe(9);
      }
      expect(everything()).toEqual(before);
    });

    test('its network and processes with the programs of this host', () => {
      const listed = nstool([
        'enter',
        String(pid),
        '--net',
        '--pid',
        'sh',
        '-c',
        'cat /proc/1/comm; cat /proc/net/dev',
      ]);
      expect(listed).toMatchObject({ status: 0, stderr: '' });
      expect(listed.stdout).toMatch(/^pause\n/);
      expect(listed.stdout.trim().split('\n')).toHaveLength(4);
    });
  },
);
