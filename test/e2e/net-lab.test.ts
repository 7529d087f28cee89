// Labs of many nodes: made, made again, changed and mended, taken away; killed and refused by the kernel at each step.

import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it, test, vi } from 'vitest';
import type { Lab, LabLink } from '../../src/network/lab.ts';
import { countCalls, pointsOf, runFaulty, type Fault, type Left } from '../support/fault-rounds.ts';
import { bridge, end, FOUR, host, LabMaker, namespace, star } from '../support/labs.ts';
import { PrivateNetwork } from '../support/private-network.ts';
import type { RunResult } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { faults, passed } from '../support/schemas.ts';

describe.skipIf(lacks('root', 'unshare', 'nsenter', 'ip'))('a lab', () => {
  let net: PrivateNetwork;
  let maker: LabMaker;
  let before: string;

  beforeAll(async () => {
    [net, maker] = await Promise.all([PrivateNetwork.start(), LabMaker.build()]);
    // The journal's directory, and that of the names.
    up(FOUR);
    net.nstool(['net', 'down', FOUR.name]);
    before = net.state();
  });
  afterEach(() => {
    for (const name of ['four', 'star', 'odd']) net.nstool(['net', 'down', name]);
  });
  afterAll(async () => {
    maker.remove();
    await net.end();
  });

  function up(lab: Lab, ...options: readonly string[]): RunResult {
    return net.run(...maker.command(lab, ...options));
  }

  function down(lab: Lab): void {
    expect(net.nstool(['net', 'down', lab.name])).toMatchObject({ status: 0, stderr: '' });
    expect(net.state()).toBe(before);
  }

  function json(...words: readonly string[]): readonly Record<string, unknown>[] {
    return JSON.parse(net.run(...words).stdout) as readonly Record<string, unknown>[];
  }

  interface Shown {
    readonly flags: readonly string[];
    readonly addr_info: readonly { readonly scope: string; readonly local: string; readonly prefixlen: number }[];
  }

  /** All that is set of FOUR, but for what the kernel does by itself, in its own time. */
  function whole(): unknown {
    const script = `for n in b c; do ip netns exec $n cat /proc/sys/net/ipv4/ip_forward; done; cat /etc/netns/d/*
ip route; for n in a b c d; do ip -n $n route; done
for n in '' a b c d; do echo "\f"; ip \${n:+-n $n} -j -d addr; done`;
    const [settings = '', ...places] = net.run('sh', '-c', script).stdout.split('\f');
    const links = places.flatMap((text) => JSON.parse(text) as readonly Record<string, unknown>[]);
    return [
      settings.replaceAll(/ linkdown/g, ''),
      ...links.map((link) => {
        const { flags, addr_info } = link as unknown as Shown;
        const { ifname, mtu, master, ifalias, linkinfo } = link;
        const addresses = addr_info.filter(({ scope }) => scope === 'global');
        const tree = /"stp_state":\d/.exec(JSON.stringify(linkinfo ?? null))?.[0];
        const isUp = flags.includes('UP');
        const nets = addresses.map(({ local, prefixlen }) => `${local}/${prefixlen}`);
        return { ifname, isUp, mtu, master, ifalias, nets: nets.toSorted(), tree };
      }),
    ];
  }

  it.skipIf(lacks('python'))('of four machines carries packets through all of them', () => {
    expect(up(FOUR)).toMatchObject({ status: 0, stdout: '' });
    const serve = `import socket
s = socket.create_server(('10.77.2.2', 4242)); s.settimeout(10); print('ready', flush=True)
c, who = s.accept(); c.sendall(who[0].encode()); c.close()`;
    const ask = `import socket
s = socket.create_connection(('10.77.2.2', 4242), 10); print(s.recv(100).decode())`;
    const script = `import subprocess
p = subprocess.Popen(['ip', 'netns', 'exec', 'd', 'python3', '-c', ${JSON.stringify(serve)}], stdout=subprocess.PIPE)
p.stdout.readline()
print(subprocess.run(['ip', 'netns', 'exec', 'a', 'python3', '-c', ${JSON.stringify(ask)}], capture_output=True, text=True).stdout, end='')
p.wait()`;
    expect(net.run('python3', '-c', script).stdout.trim()).toBe('10.77.0.2');
    expect(net.run('ip', 'netns', 'exec', 'd', 'cat', '/etc/resolv.conf', '/etc/hosts').stdout).toBe(
      '# nstool net up four\nnameserver 10.77.0.1\nsearch lab.test\n' +
        '# nstool net up four\n127.0.0.1 localhost\n::1 localhost\n10.77.0.2 a\n',
    );
    down(FOUR);
  });

  it('is as ip(8) shows it', () => {
    up(FOUR);
    const ports = json('ip', '-j', '-d', 'link', 'show', 'master', 'lab0').map(({ ifname }) => ifname);
    expect(ports).toEqual(['veth-a', 'veth-b']);
    expect(json('ip', '-n', 'c', '-j', 'link', 'show', 'master', 'inner').map(({ ifname }) => ifname)).toEqual([
      'port-d',
    ]);
    expect(json('ip', '-n', 'a', '-j', 'link', 'show', 'eth0')[0]).toMatchObject({ mtu: 1400 });
    expect(net.run('ip', '-n', 'a', '-6', '-br', 'addr', 'show', 'eth0', 'scope', 'global').stdout).toContain(
      'fd77::2/64',
    );
    expect(net.run('ip', '-n', 'b', 'route').stdout).toContain('10.77.2.0/24 via 10.77.1.2 dev eth1');
    const links = ['a', 'b', 'c', 'd'].flatMap((name) => json('ip', '-n', name, '-j', 'link'));
    for (const link of [...json('ip', '-j', 'link'), ...links])
      expect(link['flags'], String(link['ifname'])).toContain('UP');
    down(FOUR);
  });

  it('stands as it should a second time, and what differs is mended, each thing', () => {
    up(FOUR);
    expect(up(FOUR).stderr).toContain('stands as it should');
    const healthy = whole();
    const broken = (...words: readonly string[]): void => {
      expect(net.run(...words), words.join(' ')).toMatchObject({ status: 0 });
      expect(whole(), words.join(' ')).not.toEqual(healthy);
      expect(up(FOUR), words.join(' ')).toMatchObject({ status: 0 });
      expect(whole(), words.join(' ')).toEqual(healthy);
    };
    broken('ip', '-n', 'b', 'addr', 'del', '10.77.1.1/24', 'dev', 'eth1');
    broken('ip', '-n', 'a', 'addr', 'del', 'fd77::2/64', 'dev', 'eth0');
    broken('ip', '-n', 'a', 'link', 'set', 'eth0', 'mtu', '1300');
    broken('ip', '-n', 'c', 'route', 'replace', 'default', 'via', '10.77.2.2');
    broken('ip', '-n', 'c', 'link', 'set', 'port-d', 'nomaster');
    broken('ip', 'link', 'set', 'veth-b', 'nomaster');
    broken('ip', 'link', 'set', 'veth-b', 'alias', 'x');
    broken('ip', 'link', 'set', 'lab0', 'type', 'bridge', 'stp_state', '1');
    broken('ip', 'netns', 'exec', 'b', 'sh', '-c', 'echo 0 > /proc/sys/net/ipv4/ip_forward');
    broken('sh', '-c', 'echo x > /etc/netns/d/hosts');
    // A down link loses its IPv6 addresses, too.
    broken('ip', '-n', 'a', 'link', 'set', 'eth0', 'down');
    const mended = [
      'ip -n b link del eth1',
      'ip -n c link set eth0 name other',
      'ip link del veth-a',
      'ip netns del a',
    ];
    for (const command of mended) {
      net.run('sh', '-c', command);
      expect(up(FOUR), command).toMatchObject({ status: 0 });
      expect(up(FOUR).stderr, command).toContain('stands as it should');
    }
    down(FOUR);
  });

  it('is changed while it stands: what it has no more goes, what is new comes, the rest is not touched', () => {
    up(FOUR);
    const links = (): readonly unknown[] => json('ip', '-j', 'link').map(({ ifname, ifindex }) => [ifname, ifindex]);
    const [, lab0, , vethB] = links();
    const fewer: Lab = {
      ...FOUR,
      nodes: [...FOUR.nodes.filter(({ name }) => !['a', 'd'].includes(name)), namespace('e', { dns: ['10.77.0.1'] })],
      links: [
        ...FOUR.links.slice(1, 3).map((link): LabLink => {
          if (link.kind !== 'veth') return link;
          const [near, far] = link.ends;
          return { ...link, ends: [near, near.link === 'eth1' ? { ...far, addresses: [] } : far] };
        }),
        { kind: 'veth', ends: [end('lab0:veth-e'), end('e:eth0', '10.77.0.4/24')], mtu: null },
      ],
    };
    // The way of c goes with its address.
    const nodes = fewer.nodes.map((node) =>
      node.name === 'c' && node.kind === 'namespace' ? { ...node, routes: [] } : node,
    );
    expect(up({ ...fewer, nodes })).toMatchObject({ status: 0, stderr: '' });
    expect(links()).toEqual([['lo', 1], lab0, vethB, ['veth-e', expect.any(Number)]]);
    expect(net.run('ls', '/run/netns').stdout.split('\n')).toEqual(['b', 'c', 'e', '']);
    expect(net.run('ls', '/etc/netns').stdout).toBe('e\n');
    expect(net.run('ip', '-n', 'c', '-4', '-br', 'addr', 'show', 'eth0').stdout).not.toContain('10.77.1.2');
    expect(json('ip', '-n', 'c', '-j', 'link').map(({ ifname }) => ifname)).toEqual(['lo', 'inner', 'eth0']);
    expect(up(FOUR)).toMatchObject({ status: 0 });
    expect(up(FOUR).stderr).toContain('stands as it should');
    down(FOUR);
  });

  const ODD: Lab = {
    ...FOUR,
    name: 'odd',
    nodes: [host, namespace('x'), namespace('y'), bridge('odd0', 'y')],
    links: [
      { kind: 'physical', end: end('x:wan', '192.0.2.2/24'), from: 'card', mtu: 1300 },
      { kind: 'veth', ends: [end('x:eth0', '10.79.0.1/24'), end('y:eth0', '10.79.0.2/24')], mtu: null },
      {
        kind: 'macvlan',
        end: end('y:mv0', '10.79.0.3/24'),
        parent: { node: 'x', link: 'eth0' },
        mode: 'private',
        mtu: null,
      },
      {
        kind: 'vxlan',
        end: end('odd0:vx0'),
        under: { node: 'y', link: 'eth0' },
        id: 77,
        local: '10.79.0.2',
        remote: '10.79.0.1',
        port: 4789,
        mtu: null,
      },
      {
        kind: 'vxlan',
        end: end('host:vx1'),
        under: { node: 'host', link: null },
        id: 78,
        local: null,
        remote: 'fd79::9',
        port: 4790,
        mtu: null,
      },
      { kind: 'tun', end: end('x:tun0', '10.80.0.1/30'), mtu: 1200 },
      { kind: 'tap', end: end('odd0:tap0'), mtu: null },
      { kind: 'tap', end: end('host:tap1'), mtu: null },
      { kind: 'tun', end: end('host:tun1'), mtu: null },
    ],
  };

  describe.skipIf(lacks('tun'))('of other kinds of links', () => {
    beforeAll(() => {
      net.run('sh', '-c', 'ip link add card type veth peer name plug; ip link set card up; ip link set plug up');
      before = net.state();
    });
    afterAll(() => {
      net.run('ip', 'link', 'del', 'card');
      before = net.state();
    });

    it('is as ip(8) shows it, and gives back what it took', () => {
      expect(up(ODD)).toMatchObject({ status: 0, stderr: '' });
      expect(json('ip', '-j', 'link').map(({ ifname }) => ifname)).not.toContain('card');
      expect(json('ip', '-n', 'x', '-j', '-d', 'link', 'show', 'wan')[0]).toMatchObject({ mtu: 1300 });
      expect(json('ip', '-n', 'y', '-j', '-d', 'link', 'show', 'mv0')[0]).toMatchObject({
        linkinfo: { info_kind: 'macvlan', info_data: { mode: 'private' } },
      });
      expect(json('ip', '-n', 'y', '-j', '-d', 'link', 'show', 'vx0')[0]).toMatchObject({
        master: 'odd0',
        linkinfo: {
          info_kind: 'vxlan',
          info_data: { id: 77, remote: '10.79.0.1', local: '10.79.0.2', port: 4789, link: 'eth0' },
        },
      });
      expect(json('ip', '-j', '-d', 'link', 'show', 'vx1')[0]).toMatchObject({
        linkinfo: { info_data: { id: 78, remote6: 'fd79::9', port: 4790 } },
      });
      expect(json('ip', '-n', 'x', '-j', '-d', 'link', 'show', 'tun0')[0]).toMatchObject({
        mtu: 1200,
        group: '1853060207',
        linkinfo: { info_kind: 'tun', info_data: { type: 'tun', persist: true } },
      });
      expect(json('ip', '-n', 'y', '-j', '-d', 'link', 'show', 'tap0')[0]).toMatchObject({
        master: 'odd0',
        linkinfo: { info_data: { type: 'tap', persist: true } },
      });
      expect(up(ODD).stderr).toContain('stands as it should');
      net.run('ip', 'link', 'del', 'tap1');
      net.run('ip', '-n', 'y', 'link', 'del', 'mv0');
      expect(up(ODD)).toMatchObject({ status: 0 });
      down(ODD);
    });

    it('refuses a link that the host needs, or that is not there', () => {
      const refused = (command: string, words: string): void => {
        net.run('sh', '-c', command);
        const state = net.state();
        const { status, stderr } = up(ODD);
        expect(stderr).toContain(words);
        expect(status).not.toBe(0);
        expect(net.state()).toBe(state);
      };
      refused('ip addr add 192.0.2.1/24 dev card', 'it has the address 192.0.2.1');
      refused('ip addr flush dev card; ip link add br9 type bridge; ip link set card master br9', 'a port of br9');
      refused('ip link del br9; ip link set card name gone', 'no link card');
      net.run('ip', 'link', 'set', 'gone', 'name', 'card');
      expect(net.state()).toBe(before);
    });

    it.skipIf(lacks('strace'))(
      'leaves nothing where the kernel refuses a step',
      () => everyStep(ODD, { fault: 'error=EIO', call: 'sendto' }, 3, 3),
      300_000,
    );
  });

  it('of a process has only a link in it', async () => {
    net.run('ip', 'netns', 'add', 'there');
    net.run('ip', '-n', 'there', 'link', 'add', 'eth0', 'type', 'bridge');
    const state = net.state();
    const words = ['net', 'up', 'odd', '--attach', '/run/netns/there', '--ipv6=fd11::/64'];
    expect(net.nstool(words)).toMatchObject({ status: 0, stdout: '' });
    expect(json('ip', '-n', 'there', '-j', 'addr').map(({ ifname }) => ifname)).toEqual(['lo', 'eth0', 'eth1']);
    expect(net.run('ip', '-n', 'there', 'route').stdout).toContain('default via 192.168.10.1 dev eth1');
    expect(net.run('ip', '-n', 'there', '-6', 'route').stdout).toContain('default via fd11::1 dev eth1');
    expect(net.nstool(words).stderr).toContain('stands as it should');
    expect(net.nstool(['net', 'up', 'odd', '--attach', 'self']).stderr).toContain('our own');
    expect(net.nstool(['net', 'down', 'odd'])).toMatchObject({ status: 0, stderr: '' });
    expect(net.state()).toBe(state);
    expect(json('ip', '-n', 'there', '-j', 'link').map(({ ifname }) => ifname)).toEqual(['lo', 'eth0']);
    net.run('ip', 'netns', 'del', 'there');
    expect(net.state()).toBe(before);
  });

  it('starts commands, once, and ends them with all that they started', async () => {
    const commands = [
      ['sh', '-c', 'sleep 4711 & exec sleep 4712'],
      ['sleep', '4713'],
    ];
    const lab: Lab = {
      ...FOUR,
      name: 'odd',
      nodes: [host, { ...namespace('x'), start: commands }],
      links: [],
    };
    const running = (): readonly string[] => {
      const pids = net.run('ip', 'netns', 'pids', 'x').stdout.trim().split('\n').filter(Boolean);
      return pids.map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim()).toSorted();
    };
    const all = ['sleep 4711', 'sleep 4712', 'sleep 4713'];
    expect(up(lab)).toMatchObject({ status: 0, stderr: '' });
    await vi.waitFor(() => expect(running()).toEqual(all), { timeout: 10_000 });
    expect(up(lab).stderr).toContain('stands as it should');
    expect(running()).toEqual(all);
    net.run('sh', '-c', 'for p in $(ip netns pids x); do grep -q 4713 /proc/$p/cmdline && kill $p; done');
    await vi.waitFor(() => expect(running()).not.toContain('sleep 4713'), { timeout: 10_000 });
    expect(up(lab)).toMatchObject({ status: 0, stderr: '' });
    await vi.waitFor(() => expect(running()).toEqual(all), { timeout: 10_000 });
    const bad: Lab = { ...lab, nodes: [host, { ...namespace('x'), start: [['/nowhere/x']] }] };
    expect(up(bad).stderr).toContain('cannot start x: /nowhere/x');
    expect(running()).toEqual([]);
    expect(net.nstool(['net', 'down', 'odd'])).toMatchObject({ status: 0, stderr: '' });
    expect(net.state()).toBe(before);
  });

  it('leaves files that outlive a reboot, which gc or the next one removes', () => {
    // What is in the kernel and in /run goes, and the number of the boot is another.
    const reboot = `for name in a b c d; do ip netns del $name; done; ip link del lab0; rm /run/nstool/net-four
for file in /var/lib/nstool/*; do sed -i 's/"boot":"[^"]*"/"boot":"another"/' $file; done`;
    up(FOUR);
    expect(net.run('sh', '-ec', reboot)).toMatchObject({ status: 0, stderr: '' });
    expect(net.run('find', '/etc/netns', '-type', 'f').stdout).not.toBe('');
    expect(net.nstool(['gc', '--dry-run']).stdout).toContain('/etc/netns/d/hosts');
    const { status, stdout } = net.nstool(['net', 'gc', '--json']);
    expect([status, faults('net gc', JSON.parse(stdout)), passed('net gc', JSON.parse(stdout))]).toEqual([0, [], []]);
    expect(net.state()).toBe(before);
    up(FOUR);
    net.run('sh', '-ec', reboot);
    expect(up(FOUR)).toMatchObject({ status: 0 });
    expect(up(FOUR).stderr).toContain('stands as it should');
    down(FOUR);
  });

  it('of a hundred machines comes and goes, and others at the same time wait for their turn', async () => {
    const many = star(100);
    const statuses = await Promise.all([
      net.startCommand(maker.command(many)),
      net.startCommand(maker.command(FOUR)),
      net.start(['net', 'up', 'odd']),
      net.startCommand(maker.command(many)),
    ]);
    expect(statuses).toEqual([0, 0, 0, 0]);
    expect(json('ip', '-j', 'link', 'show', 'master', 'star0')).toHaveLength(100);
    expect(net.run('ip', 'netns').stdout.trim().split('\n')).toHaveLength(105);
    for (const name of ['odd', 'four']) expect(net.nstool(['net', 'down', name]).status).toBe(0);
    down(many);
  });

  describe.skipIf(lacks('strace'))('at each step', () => {
    test.each([
      ['signal=KILL', 'sendto', 1, 5],
      ['signal=KILL', 'mount', 1, 2],
      ['signal=KILL', 'rename', 1, 3],
      ['signal=KILL', 'mkdir', 1, 3],
      ['error=EIO', 'sendto', 3, 3],
      ['error=EIO', 'mount', 1, 2],
    ] as const)(
      '%s, %s: nothing is left after gc, or at once',
      (fault, call, first, most) => everyStep(FOUR, { fault, call }, first, most),
      900_000,
    );
  });

  /** With the fault at so many of these system calls. */
  function everyStep(lab: Lab, fault: Fault, first: number, most: number): void {
    const command = maker.command(lab);
    const count = countCalls(net, fault.call, command);
    down(lab);
    expect(count).toBeGreaterThan(0);
    const seen = new Set<Left>();
    for (const at of pointsOf(first, count, most)) {
      const left = runFaulty(net, lab.name, command, fault, at);
      seen.add(left);
      const where = `${fault.fault}, ${fault.call} ${at}: ${left}`;
      // What fails is undone at once, what is killed by gc alone; one that came too late did its work.
      if (left === 'lab') net.nstool(['net', 'down', lab.name]);
      else if (fault.fault === 'signal=KILL') {
        const cleaned = net.nstool(['gc']);
        expect(cleaned.status, `${where}: ${cleaned.stdout}${cleaned.stderr}`).toBe(0);
      }
      expect(net.state(), where).toBe(before);
    }
    expect([...seen]).toContain(fault.fault === 'signal=KILL' ? 'garbage' : 'nothing');
  }
});
