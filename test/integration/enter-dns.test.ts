// How names are resolved in a network that was entered: by the resolv.conf, hosts and nsswitch.conf of the target,
// against a name server in its namespace, while the files of this host stay as they are. The oracle is the C library's
// own resolver (getent), and a stage that has other files.

import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADDRESS, NAME, startNameServer } from '../support/name-server.ts';
import { startReady, type Started } from '../support/odd-process.ts';
import { asUser, commandLine, nstool, PLAIN_UID, run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { childrenOf } from '../support/targets.ts';

const SERVER = '127.0.0.53';

/** A process with its own network and mounts, and an /etc that `script` makes, in an empty tmpfs. */
function makeTarget(script: string, uid?: number): Promise<Started> {
  const whole = `ip link set lo up; mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /etc; ${script}; echo ready; exec sleep 1000`;
  const own = uid === undefined ? ['-m', '-n'] : ['-U', '-r', '-m', '-n'];
  return startReady(asUser(['unshare', ...own, 'sh', '-ec', whole], uid), {
    PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
  });
}

const plainFiles = `
  echo 'nameserver ${SERVER}' > /etc/resolv.conf
  echo '192.0.2.1 only-there.test' > /etc/hosts
  echo 'hosts: files mymachines [NOTFOUND=return] resolve [!UNAVAIL=return] dns' > /etc/nsswitch.conf`;

/** A copy of this host's /etc in which a script may do what it likes, around a command. */
function withEtc(script: string, command: readonly string[]): readonly string[] {
  const whole = `mount -t tmpfs tmpfs /mnt; cp -a /etc/. /mnt; mount --bind /mnt /etc; ${script}; exec "$@"`;
  return ['unshare', '-m', 'sh', '-ec', whole, 'sh', ...command];
}

const lookUp = ['getent', 'hosts', NAME];

describe.skipIf(lacks('root', 'namespaces', 'unshare', 'ip', 'nsenter'))('as root', () => {
  let target: Started;
  let server: Started;
  let before: string;
  const pid = (): string => String(target.pid);

  beforeAll(async () => {
    before = readFileSync('/etc/resolv.conf', 'utf8');
    target = await makeTarget(plainFiles);
    server = await startNameServer(target.pid, SERVER);
  });
  afterAll(async () => {
    await server.end();
    await target.end();
    expect(readFileSync('/etc/resolv.conf', 'utf8')).toBe(before);
  });

  test('--net: the target is asked, by its own resolv.conf', () => {
    const { status, stdout, stderr } = nstool(['enter', pid(), '--net', ...lookUp]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(ADDRESS);
    expect(nstool(['enter', `/proc/${pid()}/ns/net`, ...lookUp]).stdout).toContain(ADDRESS);
    expect(nstool(['enter', `--net=${pid()}`, ...lookUp]).stdout).toContain(ADDRESS);
  });

  test('without it the name is unknown: --no-dns, and nsenter(1)', () => {
    expect(nstool(['enter', pid(), '--net', '--no-dns', ...lookUp]).status).toBe(2);
    expect(run(['nsenter', '-t', pid(), '-n', ...lookUp]).status).toBe(2);
  });

  test("the target's hosts instead of ours; users are still ours", () => {
    const known = (name: string): number | null => nstool(['enter', pid(), '--net', 'getent', 'hosts', name]).status;
    expect(known('only-there.test')).toBe(0);
    const ours = /^[0-9.]+\s+(?!localhost)(\S+)/m.exec(readFileSync('/etc/hosts', 'utf8'))?.[1];
    if (ours !== undefined) expect(known(ours)).toBe(2);
    expect(nstool(['enter', pid(), '--net', 'getent', 'passwd', 'root']).stdout).toMatch(/^root:/);
  });

  test('the line for hosts is that of the target, without what asks a daemon of this host', () => {
    const { stdout } = nstool(['enter', pid(), '--net', 'cat', '/etc/nsswitch.conf']);
    const ours = readFileSync('/etc/nsswitch.conf', 'utf8');
    const lines = (text: string): readonly string[] =>
      text.split('\n').filter((line) => !line.startsWith('hosts:') && line !== '');
    expect(lines(stdout)).toEqual(lines(ours));
    expect(stdout.match(/^hosts:.*$/gm)?.map((line) => line.replaceAll(/\s+/g, ' '))).toEqual(['hosts: files dns']);
  });

  test('nothing else is mounted otherwise, and nothing is left of it', () => {
    const mounts = (text: string): readonly string[] =>
      text
        .split('\n')
        .map((line) => line.split(' ').slice(2, 5).join(' '))
        .filter((line) => !/ \/etc\/(resolv|hosts|nsswitch)[^/]*$/.test(line))
        .toSorted();
    const own = readFileSync('/proc/self/mountinfo', 'utf8');
    const { stdout } = nstool(['enter', pid(), '--net', 'cat', '/proc/self/mountinfo']);
    expect(mounts(stdout)).toEqual(mounts(own));
    expect(stdout).toContain(' /etc/resolv.conf ');
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).toBe(own);
  });

  test('the same resolv.conf: no mount namespace is made', async () => {
    const same = await startReady(['unshare', '-n', 'sh', '-c', 'echo ready; exec sleep 1000']);
    const link = nstool(['enter', String(same.pid), '--net', 'readlink', '/proc/self/ns/mnt']).stdout;
    await same.end();
    expect(link).toBe(run(['readlink', '/proc/self/ns/mnt']).stdout);
  });

  test('working directories, and a directory of ours, have a path', () => {
    const pwd = ['sh', '-c', 'pwd; ls -di . >/dev/null && readlink /proc/self/cwd'];
    expect(run(commandLine(['enter', pid(), '--net', ...pwd]), { cwd: '/usr' }).stdout).toBe('/usr\n/usr\n');
    expect(nstool(['enter', pid(), '--net', '--wd=/usr/bin', ...pwd]).stdout).toBe('/usr/bin\n/usr/bin\n');
  });

  test('--dns with what has its own file system, or none is known', () => {
    for (const option of ['--mount', '--root', '--all']) {
      const refused = nstool(['enter', pid(), '--net', option, '--dns', 'true']);
      expect(refused).toMatchObject({ status: 125, stdout: '' });
      expect(refused.stderr).toContain('--dns does not go with --mount or --root');
    }
    expect(nstool(['enter', pid(), '--net', '--dns', '--no-dns', 'true']).status).toBe(125);
  });

  test.each([
    ['an absolute link', `echo 'nameserver ${SERVER}' > /run/r; ln -s /run/r /etc/resolv.conf`],
    ['a relative link that climbs', `echo 'nameserver ${SERVER}' > /run/r; ln -s ../../../../run/r /etc/resolv.conf`],
    ['a read-only /etc', `echo 'nameserver ${SERVER}' > /etc/resolv.conf; mount -o remount,ro /etc`],
    ['a closed /etc', `echo 'nameserver ${SERVER}' > /etc/resolv.conf; chmod 0 /etc/resolv.conf /etc`],
  ])('the target has %s', async (_name, script) => {
    const odd = await makeTarget(script);
    const asked = await startNameServer(odd.pid, SERVER);
    const { status, stdout, stderr } = nstool(['enter', String(odd.pid), '--net', ...lookUp]);
    await asked.end();
    await odd.end();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(ADDRESS);
  });

  test.each([
    ['a FIFO', 'mkfifo /etc/resolv.conf', true],
    ['a device', 'mknod /etc/resolv.conf c 1 5', true],
    ['a directory', 'mkdir /etc/resolv.conf', true],
    ['a link through /proc', 'ln -s /proc/self/root/etc/hostname /etc/resolv.conf', true],
    ['too much', 'head -c 3000000 /dev/zero > /etc/resolv.conf', true],
    ['no resolv.conf', 'true', false],
  ])('%s in place of it: ours is used, and that is said where it could not be read', async (_name, script, isSaid) => {
    const odd = await makeTarget(script);
    const { status, stdout, stderr } = nstool(['enter', String(odd.pid), '--net', 'cat', '/etc/resolv.conf']);
    const asked = nstool(['enter', String(odd.pid), '--net', '--dns', 'cat', '/etc/resolv.conf']);
    await odd.end();
    expect({ status, stdout }).toEqual({ status: 0, stdout: before });
    if (isSaid) expect(stderr).toContain("file of the target's resolver");
    else expect(stderr).toBe('');
    // Asked for: one that is not there is an empty one, to the C library too.
    expect(asked).toMatchObject(isSaid ? { status: 125, stdout: '' } : { status: 0, stdout: '' });
  });

  test('a target that swaps it all the time gains nothing, and holds nothing up', async () => {
    const script = `echo 'nameserver ${SERVER}' > /run/r
      (while :; do
        ln -sfn /run/r /etc/resolv.conf; ln -sfn ../../../../../../etc/passwd /etc/resolv.conf
        ln -sfn /proc/1/root/etc/passwd /etc/resolv.conf; rm /etc/resolv.conf; mkfifo /etc/resolv.conf
        rm /etc/resolv.conf; mkdir /etc/resolv.conf; rmdir /etc/resolv.conf; mknod /etc/resolv.conf c 1 5
      done) >/dev/null 2>&1 & true`;
    const odd = await makeTarget(script);
    const allowed = [before, `nameserver ${SERVER}\n`];
    for (let round = 0; round < 12; round += 1) {
      const { status, stdout } = nstool(['enter', String(odd.pid), '--net', 'cat', '/etc/resolv.conf']);
      expect(status).toBe(0);
      expect(allowed).toContain(stdout);
    }
    await odd.end();
  });

  test.each([
    ['a link', 'mv /etc/resolv.conf /etc/other; ln -s other /etc/resolv.conf'],
    [
      'a link that climbs out of /etc, as systemd-resolved makes it',
      'mount -t tmpfs tmpfs /run; mv /etc/resolv.conf /run/r; ln -s ../run/r /etc/resolv.conf',
    ],
    ['a link to what is not there', 'rm /etc/resolv.conf; ln -s /run/not/there /etc/resolv.conf'],
    ['nothing', 'rm /etc/resolv.conf /etc/hosts'],
    ['nothing, in a read-only /etc', 'rm /etc/resolv.conf; mount -o remount,ro,bind /etc'],
    ['a read-only /etc', 'mount -o remount,ro,bind /etc'],
  ])('this host has %s', (_name, script) => {
    const told = 'getent hosts $1; getent passwd root; test -d /etc/ssl && echo kept';
    const command = commandLine(['enter', pid(), '--net', 'sh', '-c', told, 'sh', NAME]);
    const { status, stdout, stderr } = run(withEtc(script, command));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain(ADDRESS);
    expect(stdout).toContain('root:');
    expect(stdout).toContain('kept');
  });

  test('this host has no /etc: it is said, and the rest is done', () => {
    const script = `mount -t tmpfs tmpfs /mnt
      for each in /*; do
        case $each in /etc | /mnt) ;;
          *) if test -L $each; then cp -a $each /mnt; elif test -d $each; then mkdir /mnt$each; mount --rbind $each /mnt$each; fi ;;
        esac
      done
      cd /; exec chroot /mnt "$@"`;
    const command = commandLine([
      'enter',
      pid(),
      '--net',
      'sh',
      '-c',
      'echo done; readlink /proc/self/ns/net; test -e /etc',
    ]);
    const { status, stdout, stderr } = run(['unshare', '-m', 'sh', '-ec', script, 'sh', ...command]);
    expect({ status, stdout }).toEqual({
      status: 1,
      stdout: `done\n${run(['readlink', `/proc/${pid()}/ns/net`]).stdout}`,
    });
    expect(stderr).toContain("1 file of the target's resolver: not supported here (this host has no /etc for it)\n");
  });

  test('a directory in place of resolv.conf: said to be that', () => {
    const command = commandLine(['enter', pid(), '--net', 'true']);
    expect(run(withEtc('rm -f /etc/resolv.conf; mkdir /etc/resolv.conf', command))).toMatchObject({
      status: 125,
      stderr:
        "nstool: cannot show the target's way of resolving names: EINVAL\n" +
        '  why: /etc/resolv.conf is a directory here\n  try: nstool enter … --no-dns\n',
    });
  });

  test('a cache of names of this host is not asked', () => {
    const script = 'mount -t tmpfs tmpfs /run; mkdir /run/nscd; mkfifo /run/nscd/socket';
    const command = commandLine(['enter', pid(), '--net', 'stat', '-c', '%F', '/run/nscd/socket']);
    expect(run(withEtc(script, command)).stdout).toBe('regular empty file\n');
  });

  test('a named namespace: the files in /etc/netns, as ip-netns(8) shows them', () => {
    const made = `
      PATH=$PATH:/usr/sbin:/sbin
      mount -t tmpfs tmpfs /run; mkdir /run/netns
      mkdir -p /etc/netns/blue; echo 'nameserver 192.0.2.9' > /etc/netns/blue/resolv.conf; echo blue > /etc/netns/blue/issue
      ip netns add blue`;
    const shown = ['cat', '/etc/resolv.conf', '/etc/issue'];
    const oracle = run(withEtc(made, ['ip', 'netns', 'exec', 'blue', ...shown]));
    expect(oracle.stdout).toBe('nameserver 192.0.2.9\nblue\n');
    for (const word of ['/run/netns/blue', 'netns:blue', '--net=/run/netns/blue']) {
      const ours = run(withEtc(made, commandLine(['enter', word, ...shown])));
      expect(ours).toMatchObject({ status: 0, stderr: '', stdout: oracle.stdout });
    }
    const without = run(withEtc(made, commandLine(['enter', '/run/netns/blue', '--no-dns', 'cat', '/etc/issue'])));
    expect(without.stdout).not.toBe('blue\n');
  });

  test('a dry run tells every step, with its reason', () => {
    const { status, stdout } = nstool(['enter', pid(), '--net', '--dry-run', 'true']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/unshare the mounts +what follows is mounted for the command alone/);
    expect(stdout).toMatch(/mount it over \/etc\/resolv.conf +a copy of the target's/);
  });

  test('where no mount namespace may be made it is said, and the rest is done', async () => {
    // The limit of a user namespace of its own, which has a network below it.
    const script = `ip link set lo up
      unshare -n -m sh -ec 'mount -t tmpfs tmpfs /etc; echo "nameserver ${SERVER}" > /etc/resolv.conf; exec sleep 1000' &
      until grep -q ${SERVER} /proc/$!/root/etc/resolv.conf; do sleep 0.05; done
      echo 0 > /proc/sys/user/max_mnt_namespaces
      echo $!
      exec sleep 1000`;
    const outer = await startReady(['unshare', '-U', '-r', '-n', '-m', 'sh', '-ec', script], {
      PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
    });
    const inner = childrenOf(outer.pid)[0] ?? '';
    const command = commandLine(['enter', inner, '--net', 'cat', '/etc/resolv.conf']);
    const { status, stdout, stderr } = run(['nsenter', '-t', String(outer.pid), '-U', ...command]);
    await outer.end();
    expect({ status, stdout }).toEqual({ status: 0, stdout: before });
    expect(stderr).toBe("nstool: cannot use the target's way of resolving names: ENOSPC: names are resolved as here\n");
  });
});

describe.skipIf(lacks('root', 'userns', 'unshare', 'ip', 'nsenter'))(
  'as a plain user, in a user namespace of its own',
  () => {
    test('its name server is asked', async () => {
      const target = await makeTarget(plainFiles, PLAIN_UID);
      const server = await startNameServer(target.pid, SERVER);
      const words = ['enter', String(target.pid), '--net', '--user', ...lookUp];
      const results = [nstool(words, { uid: PLAIN_UID }), nstool(words)];
      await server.end();
      await target.end();
      for (const { status, stdout, stderr } of results) {
        expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
        expect(stdout).toContain(ADDRESS);
      }
    });
  },
);
