// `net leaks`: each thing left behind on purpose is found, with a command that removes it, and nothing that is in use is.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandLine } from '../support/program.ts';
import { PrivateNetwork } from '../support/private-network.ts';
import { lacks } from '../support/requires.ts';
import { faults, passed } from '../support/schemas.ts';

interface Leak {
  readonly kind: string;
  readonly what: string;
  readonly certain: boolean;
  readonly evidence: readonly string[];
  readonly remove: string;
}

const UUID = '0123abcd-89ab-4cde-8f01-23456789abcd';
const CONTAINER = '5e'.repeat(32);
const STALE = "it's gone";

describe.skipIf(lacks('root', 'namespaces', 'nsenter', 'ip', 'python'))('net leaks', () => {
  let network: PrivateNetwork;

  beforeAll(async () => {
    network = await PrivateNetwork.start();
    sh('mkdir -p /var/lib/cni && mount -t tmpfs -o mode=755 cni /var/lib/cni');
  });
  afterAll(() => network.end());

  function sh(script: string, ...words: readonly string[]): string {
    const result = network.run('sh', '-ec', script, 'sh', ...words);
    expect(result).toMatchObject({ status: 0, stderr: '' });
    return result.stdout.trim();
  }

  /** What other tests and people on this machine leave is theirs: of networks only those that this one names. */
  function leaks(own: readonly string[] = []): readonly Leak[] {
    const { status, stdout } = network.nstool(['net', 'leaks', '--json']);
    const answer = JSON.parse(stdout) as { leaks: readonly Leak[] };
    expect(faults('net leaks', answer)).toEqual([]);
    expect(passed('net leaks', answer)).toEqual([]);
    expect(status).toBe(answer.leaks.length > 0 ? 1 : 0);
    return answer.leaks.filter(({ kind, what }) => kind !== 'network' || own.includes(what));
  }

  /** As a person pastes it. */
  function paste({ remove }: Leak): void {
    const [node = '', bin = ''] = commandLine([]);
    sh(
      `nstool() { "$0" "$1" "$@"; }; unset -f nstool; ${remove.replace(/^nstool /, '"$1" "$2" ')} 2>/dev/null`,
      node,
      bin,
    );
  }

  const inodeOf = (path: string): string => `net:[${sh('stat -Lc %i "$1"', path)}]`;

  it('nothing of what is in use: a name that a person gave, what only a descriptor that is under way keeps', () => {
    sh('ip netns add blue; ip link add v0 type veth peer name eth0 netns blue; ip netns add under-way');
    sh('ip link add v1 type veth peer name eth0 netns under-way');
    const inodes = ['blue', 'under-way'].map((name) => inodeOf(`/run/netns/${name}`));
    const flying = `import os, socket, time
fd = os.open("/run/netns/under-way", os.O_RDONLY)
near, far = socket.socketpair()
socket.send_fds(near, [b"x"], [fd])
os.close(fd)
open("/run/sent", "w").close()
time.sleep(1000)`;
    const pid = sh('python3 -c "$1" >/dev/null 2>&1 & echo $!; until [ -e /run/sent ]; do sleep 0.01; done', flying);
    sh('ip netns del under-way');
    expect(network.nstool(['net', 'show', 'link:v1']).stdout).toContain('hidden namespace');
    expect(leaks(inodes)).toEqual([]);
    sh('ip link del v1; kill $1; ip netns del blue', pid);
  });

  it('stale names, with a command that takes each away', () => {
    sh('mkdir -p /run/docker/netns && touch "/run/netns/$1" /run/docker/netns/0123456789ab', STALE);
    const found = leaks();
    expect(found.map(({ kind, what, certain }) => [kind, what, certain])).toEqual([
      ['name', `/run/netns/${STALE}`, true],
      ['name', '/run/docker/netns/0123456789ab', true],
    ]);
    for (const leak of found) paste(leak);
    expect(leaks()).toEqual([]);
  });

  it('a namespace of an engine that nobody lives in, with the veth that leads only there', () => {
    sh(`ip netns add cni-${UUID}; ip link add br0 type bridge
      ip link add veth1 master br0 type veth peer name eth0 netns cni-${UUID}`);
    const inode = inodeOf(`/run/netns/cni-${UUID}`);
    const [leak, ...others] = leaks([inode]);
    expect(others).toEqual([]);
    expect(leak).toMatchObject({ kind: 'network', what: inode, certain: false, remove: `nstool net rm cni-${UUID}` });
    expect(leak?.evidence).toEqual(
      expect.arrayContaining([
        'no process is in it',
        `kept by the name /run/netns/cni-${UUID}`,
        expect.stringMatching(/^veth1 in net:\[[0-9]+\], a port of br0, leads only to its eth0$/) as string,
      ]),
    );
    // With a process in it, it is somebody's.
    const script = `ip netns exec cni-${UUID} sleep 1000 >/dev/null 2>&1 & echo $!`;
    const pid = sh(script);
    sh('until [ "$(readlink /proc/$1/ns/net)" = "$2" ]; do sleep 0.01; done', pid, inode);
    expect(leaks([inode])).toEqual([]);
    sh('kill $1; while [ -e /proc/$1 ]; do sleep 0.01; done', pid);
    for (const one of leaks([inode])) paste(one);
    expect(network.run('ip', 'netns', 'list').stdout).not.toContain(UUID);
    // The kernel removes the other end a moment later.
    sh('while ip link show veth1 >/dev/null 2>&1; do sleep 0.02; done; ip link del br0');
    expect(leaks([inode])).toEqual([]);
  });

  it('a mount that another mount namespace took along', () => {
    sh('ip netns add green');
    const inode = inodeOf('/run/netns/green');
    const pid = sh('unshare -m --propagation private sleep 1000 >/dev/null 2>&1 & echo $!');
    sh('until [ "$(readlink /proc/$1/ns/mnt)" != "$(readlink /proc/$$/ns/mnt)" ]; do sleep 0.01; done', pid);
    expect(leaks([inode])).toEqual([]);
    sh('umount -l /run/netns/green');
    // To us it is stale; there it still is one.
    const [leak, ...others] = leaks([inode]);
    expect(others).toEqual([]);
    expect(leak).toMatchObject({ kind: 'name', what: '/run/netns/green', certain: false });
    expect(leak?.evidence).toContain(`in another mount namespace one is: /proc/${pid}/root/run/netns/green`);
    // With the file the kernel takes the mount away there, too.
    if (leak !== undefined) paste(leak);
    expect(leaks([inode])).toEqual([]);
    expect(network.run('grep', '-c', 'netns/green', `/proc/${pid}/mountinfo`).stdout.trim()).toBe('0');
    sh('kill $1', pid);
  });

  describe.skipIf(lacks('cni'))('what a CNI plugin has left', () => {
    const conf = JSON.stringify({
      cniVersion: '0.4.0',
      name: 'lan',
      type: 'bridge',
      bridge: 'cni0',
      ipam: { type: 'host-local', subnet: '198.51.100.0/24' },
    });
    const plugin = (command: string): void => {
      sh(
        `printf %s "$1" | CNI_COMMAND=${command} CNI_CONTAINERID=${CONTAINER} CNI_NETNS=/run/netns/cni-${UUID} CNI_IFNAME=eth0 \
          CNI_PATH=/usr/lib/cni /usr/lib/cni/bridge >/dev/null`,
        conf,
      );
    };

    it('is an address as soon as no namespace has it, and a result', () => {
      sh(`ip netns add cni-${UUID}`);
      plugin('ADD');
      const inode = inodeOf(`/run/netns/cni-${UUID}`);
      // The namespace has the address, whoever the container is.
      expect(leaks([inode]).map(({ kind }) => kind)).toEqual(['network']);
      sh('mkdir /var/lib/cni/results && echo {} >/var/lib/cni/results/lan-$1-eth0', CONTAINER);
      sh(`ip netns del cni-${UUID}`);
      const found = leaks([inode]);
      expect(found).toMatchObject([
        { kind: 'address', what: '198.51.100.2', remove: 'rm /var/lib/cni/networks/lan/198.51.100.2' },
        { kind: 'result', what: `/var/lib/cni/results/lan-${CONTAINER}-eth0` },
      ]);
      expect(found[0]?.evidence[0]).toBe(`reserved in the network lan for eth0 of container ${CONTAINER}`);
      for (const leak of found) paste(leak);
      expect(leaks([inode])).toEqual([]);
      sh('ip link del cni0');
    });
  });

  it.skipIf(lacks('iptables', 'nft'))('a rule whose comment names a container that is no more', () => {
    const comment = (id: string): string => `name: "lan" id: "${id}"`;
    for (const [id, address] of [
      [CONTAINER, '198.51.100.2'],
      ['cnitool-1', '198.51.100.3'],
    ] as const)
      sh('iptables -t nat -A POSTROUTING -s "$1" -m comment --comment "$2" -j ACCEPT', address, comment(id));
    sh('iptables -t nat -A POSTROUTING -s 198.51.100.4 -m comment --comment "of nobody" -j ACCEPT');
    const found = leaks();
    expect(found.map(({ kind, what, evidence }) => [kind, what.replace(/[0-9]+$/, ''), evidence[0]])).toEqual([
      [
        'rule',
        'ip nat POSTROUTING handle ',
        `its comment says that it is of container ${CONTAINER} in the network lan`,
      ],
      ['rule', 'ip nat POSTROUTING handle ', 'its comment says that it is of container cnitool-1 in the network lan'],
    ]);
    expect(found[1]?.certain).toBe(false);
    for (const leak of found) paste(leak);
    expect(leaks()).toEqual([]);
    expect(sh('iptables -t nat -S POSTROUTING')).toMatch(
      /-P POSTROUTING ACCEPT\n-A POSTROUTING -s 198\.51\.100\.4\/32 .*$/,
    );
  });

  it('what a net up that was killed left', () => {
    const entry = {
      version: 1,
      boot: sh('cat /proc/sys/kernel/random/boot_id'),
      maker: {
        pid: 4_000_000,
        start: '1',
        pid_namespace: String(/[0-9]+/.exec(sh('readlink /proc/self/ns/pid'))?.[0]),
      },
      made: 1_700_000_000_000,
      what: 'net up ns9',
      kept: false,
      undo: [{ op: 'folder', path: '/etc/netns/ns9' }],
    };
    sh(
      'mkdir -p -m 700 /run/nstool; mkdir -p /etc/netns/ns9; printf "%s\\n" "$1" >/run/nstool/abcdefgh',
      JSON.stringify(entry),
    );
    const [leak, ...others] = leaks();
    expect(others).toEqual([]);
    expect(leak).toMatchObject({ kind: 'lab', what: 'net up ns9', certain: true, remove: 'nstool gc abcdefgh' });
    if (leak !== undefined) paste(leak);
    expect(leaks()).toEqual([]);
    expect(network.run('ls', '/etc/netns/ns9').status).not.toBe(0);
  });

  it('as text: evidence and command, escaped', () => {
    sh('touch "$1"', '/run/netns/\u001b[31mred');
    const { stdout } = network.nstool(['net', 'leaks']);
    expect(stdout).toContain('name     /run/netns/\\x1b[31mred\n  no network namespace is mounted on it');
    expect(stdout).toContain("  remove: nstool net rm $'\\033[31mred'\n");
    sh('rm "$1"', '/run/netns/\u001b[31mred');
  });

  it('as text: those of a network stand together, with one command a container, and stale names', () => {
    const [one, two] = ['1a'.repeat(32), '2b'.repeat(32)];
    sh(
      `mkdir -p /var/lib/cni/networks/lan /var/lib/cni/results; cd /var/lib/cni; touch /run/netns/-a /run/netns/b
      printf '%s\\r\\neth0' "$1" >networks/lan/198.51.100.2; printf '%s\\r\\neth0' "$1" >networks/lan/2001:db8::2
      printf '%s\\r\\neth0' "$2" >networks/lan/198.51.100.3; echo {} >results/lan-$1-eth0`,
      one,
      two,
    );
    // Not all processes of this machine can be seen.
    const stdout = network.nstool(['net', 'leaks']).stdout.replaceAll(' (possible)', '');
    expect(stdout).toContain('2 names in /run/netns\n  no network namespace is mounted on it: an empty file is left\n');
    expect(stdout).toContain('  remove: nstool net rm -- -a b\n');
    const group = /^cni .*\n(?: .*\n)*/m.exec(stdout)?.[0];
    expect(group).toBe(
      `cni      2 containers that are no more, in the network lan
  no process of such a container was found
  no network namespace that was found has the address
  ${one}: 198.51.100.2 on eth0, 2001:db8::2 on eth0, a result
    remove: rm /var/lib/cni/networks/lan/198.51.100.2 /var/lib/cni/networks/lan/2001:db8::2 /var/lib/cni/results/lan-${one}-eth0
  ${two}: 198.51.100.3 on eth0
    remove: rm /var/lib/cni/networks/lan/198.51.100.3
`,
    );
    for (const [, command = ''] of (group ?? '').matchAll(/ remove: (.*)/g)) sh(command);
    expect(network.nstool(['net', 'rm', '--', '-a', 'b']).status).toBe(0);
    expect(leaks()).toEqual([]);
  });

  it('what is no name of a network is said to be what it is, and net rm leaves it', () => {
    sh('mkdir /run/netns/dir; mkfifo /run/netns/fifo; ln -s /etc/passwd /run/netns/link; echo x >/run/netns/note');
    const found = new Map(leaks().map((leak) => [leak.what, leak]));
    expect(found.get('/run/netns/dir')).toMatchObject({ certain: false, remove: 'rm -d /run/netns/dir' });
    expect(found.get('/run/netns/fifo')?.evidence[0]).toMatch(/^it is a fifo, which is no name/);
    expect(found.get('/run/netns/link')?.evidence[0]).toMatch(/^it is a link, and no network namespace/);
    for (const name of ['dir', 'fifo', 'note']) {
      const { status, stderr } = network.nstool(['net', 'rm', name]);
      expect({ status, stderr }).toMatchObject({ status: 2 });
      expect(stderr).toContain(`/run/netns/${name} is no empty file`);
    }
    for (const what of ['dir', 'fifo', 'link']) {
      const leak = found.get(`/run/netns/${what}`);
      if (leak !== undefined) paste(leak);
    }
    sh('rm /run/netns/note; test -e /etc/passwd');
    expect(leaks()).toEqual([]);
  });

  it('net add tells of stale names, but not of a thousand', () => {
    sh('cd /run/netns; for i in 1 2 3 4 5 6 7; do : >s$i; done');
    expect(network.nstool(['net', 'add', 'fresh']).stderr).toContain(
      'without a namespace: s1 s2 s3 s4 s5 and 2 more; what removes them tells: nstool net leaks\n',
    );
    sh('cd /run/netns; rm s*; ip netns del fresh');
  });
});
