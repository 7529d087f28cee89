// `nstool net up` and `net down` on a network of the test's own: against ip(8), twice, at once, killed and refused by the
// kernel at each step.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, test } from 'vitest';
import { PrivateNetwork } from '../support/private-network.ts';
import { commandLine, PLAIN_UID } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { faults, passed } from '../support/schemas.ts';

interface Address {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly group?: string;
  readonly ifalias?: string;
  readonly master?: string;
  readonly addr_info: readonly { readonly family: string; readonly local: string; readonly prefixlen: number }[];
}

/** More would only be the same again. */
const MOST_STEPS = 60;

/** At random moments. 200 of them by `npm run test:long`. */
const KILLS = process.env['NSTOOL_TEST_LONG'] === '1' ? 200 : 30;

describe.skipIf(lacks('root', 'unshare', 'nsenter', 'ip'))('net up', () => {
  let net: PrivateNetwork;
  let before: string;

  beforeAll(async () => {
    net = await PrivateNetwork.start();
    // The journal's directory, and that of the names.
    net.nstool(['net', 'up']);
    net.nstool(['net', 'down']);
    net.run('rmdir', '/etc/netns');
    before = net.state();
  });
  afterEach(() => {
    for (const name of ['ns1', 'two']) net.nstool(['net', 'down', name]);
    net.run('ip', 'link', 'del', 'nstool0');
    net.run('ip', 'netns', 'del', 'ns1');
    net.run('rm', '-rf', '/etc/netns');
  });
  afterAll(() => net.end());

  function addresses(...where: readonly string[]): readonly Address[] {
    const links = JSON.parse(net.run('ip', ...where, '-j', '-d', 'addr').stdout) as readonly Address[];
    // A namespace gives itself others, as its own defaults are.
    return links.map((link) => ({ ...link, addr_info: link.addr_info.filter(({ family }) => family === 'inet') }));
  }

  it('makes what ip(8) shows, and down leaves all as it was', () => {
    expect(net.nstool(['net', 'up'])).toMatchObject({ status: 0, stdout: '' });
    const outside = addresses();
    const inside = addresses('-n', 'ns1');
    expect(outside.map(({ ifname }) => ifname)).toEqual(['lo', 'nstool0', 'veth-ns1']);
    expect(outside[1]).toMatchObject({ group: '1853060207', ifalias: 'nstool:lab=ns1' });
    expect(outside[1]?.addr_info).toMatchObject([{ local: '192.168.10.1', prefixlen: 24 }]);
    expect(outside[2]).toMatchObject({ group: '1853060207', ifalias: 'nstool:lab=ns1', master: 'nstool0' });
    expect(inside.map(({ ifname }) => ifname)).toEqual(['lo', 'eth0']);
    expect(inside[1]?.addr_info).toMatchObject([{ local: '192.168.10.11', prefixlen: 24 }]);
    for (const link of [...outside, ...inside]) expect(link.flags, link.ifname).toContain('UP');
    expect(JSON.parse(net.run('ip', '-n', 'ns1', '-j', 'route').stdout)).toMatchObject([
      { dst: 'default', gateway: '192.168.10.1', dev: 'eth0' },
      { dst: '192.168.10.0/24', dev: 'eth0', prefsrc: '192.168.10.11' },
    ]);
    const resolver = net.run('ip', 'netns', 'exec', 'ns1', 'cat', '/etc/resolv.conf');
    expect(resolver.stdout).toBe('# nstool net up ns1\nnameserver 8.8.8.8\n');
    expect(net.nstool(['net', 'down'])).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(net.state()).toBe(before);
  });

  it.skipIf(lacks('python'))('carries packets both ways', () => {
    net.nstool(['net', 'up']);
    const inside = ['ip', 'netns', 'exec', 'ns1'];
    const talk = (server: readonly string[], client: readonly string[], address: string): string => {
      const serve = `import socket
s = socket.create_server(('${address}', 4242)); s.settimeout(10); print('ready', flush=True)
c, who = s.accept(); c.sendall(who[0].encode()); c.close()`;
      const ask = `import socket
s = socket.create_connection(('${address}', 4242), 10); print(s.recv(100).decode())`;
      const script = `import subprocess, sys
p = subprocess.Popen(${JSON.stringify([...server, 'python3', '-c', serve])}, stdout=subprocess.PIPE)
p.stdout.readline()
print(subprocess.run(${JSON.stringify([...client, 'python3', '-c', ask])}, capture_output=True, text=True).stdout, end='')
p.wait()`;
      return net.run('python3', '-c', script).stdout.trim();
    };
    expect(talk(inside, [], '192.168.10.11')).toBe('192.168.10.1');
    expect(talk([], inside, '192.168.10.1')).toBe('192.168.10.11');
  });

  it('takes names, addresses and sizes from options', () => {
    const options = [
      '--tutorial',
      '--address',
      '10.9.8.7/16',
      '--gateway',
      '10.9.0.9',
      '--dns',
      '10.9.0.1',
      '--mtu',
      '1400',
    ];
    expect(net.nstool(['net', 'up', 'two', ...options]).status).toBe(0);
    const [, bridge, port] = addresses();
    expect([bridge?.ifname, port?.ifname, bridge?.mtu, port?.mtu]).toEqual(['lxcbr0', 'lxcbr0.1', 1400, 1400]);
    expect(addresses('-n', 'two')[1]).toMatchObject({ mtu: 1400, addr_info: [{ local: '10.9.8.7', prefixlen: 16 }] });
    expect(net.nstool(['net', 'down', 'two']).status).toBe(0);
    expect(net.state()).toBe(before);
  });

  it('a second one changes nothing, as the monitor of rtnetlink says, and mends what is missing', () => {
    net.nstool(['net', 'up']);
    const monitor = (command: string): string =>
      net.run(
        'sh',
        '-c',
        `ip monitor link address route > /run/seen & sleep 0.5; ${command}; sleep 0.3; kill $!; cat /run/seen`,
      ).stdout;
    const own = commandLine(['net', 'up']).join(' ');
    expect(monitor('ip link set nstool0 alias x; ip link set nstool0 alias nstool:lab=ns1')).not.toBe('');
    expect(monitor(own)).toBe('');
    const whole = net.state();
    net.run('ip', '-n', 'ns1', 'route', 'del', 'default');
    net.run('ip', 'addr', 'del', '192.168.10.1/24', 'dev', 'nstool0');
    net.run('ip', 'link', 'set', 'veth-ns1', 'nomaster', 'down');
    expect(net.nstool(['net', 'up', '--json'])).toMatchObject({ status: 0 });
    expect(net.state()).toBe(whole);
    net.run('ip', 'link', 'del', 'veth-ns1');
    const { stdout } = net.nstool(['net', 'up', '--json']);
    expect(faults('net up', JSON.parse(stdout))).toEqual([]);
    expect(net.run('ip', '-n', 'ns1', 'route').stdout).toContain('default via 192.168.10.1');
    expect(net.nstool(['net', 'down']).status).toBe(0);
    expect(net.state()).toBe(before);
  });

  it('goes to another bridge, and the one before is gone unless others are at it', () => {
    net.nstool(['net', 'up']);
    expect(net.nstool(['net', 'up', '--bridge', 'other'])).toMatchObject({ status: 0 });
    expect(addresses().map(({ ifname, master }) => [ifname, master])).toEqual([
      ['lo', undefined],
      ['other', undefined],
      ['veth-ns1', 'other'],
    ]);
    expect(net.run('ip', '-n', 'ns1', 'route').stdout).toContain('default via 192.168.10.1');
    expect(net.nstool(['net', 'up', '--bridge', 'other']).stderr).toContain('stands as it should');
    net.run('sh', '-c', 'ip link add mine type veth peer name mine2; ip link set mine master other');
    const whole = net.state();
    const refused = net.nstool(['net', 'up']);
    expect(refused.stderr).toContain('it has ports of others: mine');
    expect(refused.status).toBe(2);
    expect(net.state()).toBe(whole);
    net.run('ip', 'link', 'del', 'mine');
    expect(net.nstool(['net', 'up'])).toMatchObject({ status: 0 });
    expect(net.nstool(['net', 'down']).status).toBe(0);
    expect(net.state()).toBe(before);
  });

  it('routes of the host by links of others go with the lab, and those that were there stay', () => {
    const lab = (routes: string): string =>
      `printf 'name: two\\nnodes: { a: {}, host: { routes: [${routes}] } }\\nlinks: [a-host]\\n' > /run/lab.yaml`;
    const up = (routes: string): void => {
      net.run('sh', '-c', lab(routes));
      expect(net.nstool(['net', 'up', '-f', '/run/lab.yaml'])).toMatchObject({ status: 0 });
    };
    const routes = (): string => net.run('ip', 'route').stdout.replaceAll(/.* veth-a .*\n/g, '');
    net.run('sh', '-c', 'ip link add o0 type veth peer name o1; ip link set o0 up; ip link set o1 up');
    net.run('ip', 'addr', 'add', '10.98.0.2/24', 'dev', 'o0');
    net.run('ip', 'route', 'add', '10.97.0.0/16', 'via', '10.98.0.1');
    const own = routes();
    const there = '10.97.0.0/16 via 10.98.0.1';
    up(`${there}, 10.99.0.0/16 via 10.98.0.1`);
    expect(routes()).toContain('10.99.0.0/16 via 10.98.0.1 dev o0');
    up(`${there}, 10.99.0.0/16 via 10.98.0.7`);
    expect(routes()).toContain('10.99.0.0/16 via 10.98.0.7 dev o0');
    expect(routes()).not.toContain('10.99.0.0/16 via 10.98.0.1');
    expect(net.nstool(['net', 'up', '-f', '/run/lab.yaml']).stderr).toContain('stands as it should');
    up('10.99.0.0/16 via 10.98.0.7');
    expect(routes()).toContain('10.97.0.0/16 via 10.98.0.1 dev o0');
    expect(net.nstool(['net', 'down', 'two', '--dry-run']).stdout).toContain('route to 10.99.0.0/16');
    expect(net.nstool(['net', 'down', 'two'])).toMatchObject({ status: 0, stderr: '' });
    expect(routes()).toBe(own);
    net.run('ip', 'link', 'del', 'o0');
    expect(net.state()).toBe(before);
  });

  it('--dry-run changes nothing', () => {
    const up = net.nstool(['net', 'up', '--dry-run', '--json']);
    expect(faults('net up', JSON.parse(up.stdout))).toEqual([]);
    expect(net.state()).toBe(before);
    net.nstool(['net', 'up']);
    const whole = net.state();
    const down = net.nstool(['net', 'down', '--dry-run', '--json']);
    expect(passed('net up', JSON.parse(up.stdout))).toEqual([]);
    expect(passed('net down', JSON.parse(down.stdout))).toEqual([]);
    expect(faults('net down', JSON.parse(down.stdout))).toEqual([]);
    expect(net.state()).toBe(whole);
  });

  it('killed at any moment it leaves nothing that gc, or down where it stands, does not take away', async () => {
    const lines = [
      ['net', 'up'],
      ['net', 'up', '--nat', '--publish', '8080:80', '--ipv6'],
      ['net', 'down'],
    ];
    const whole = (): string =>
      net.state() + net.run('sh', '-c', 'nft list ruleset; cat /proc/sys/net/ipv4/ip_forward').stdout;
    const clean = whole();
    for (let turn = 0; turn < KILLS; turn += 1) {
      const words = lines[turn % lines.length] ?? [];
      if (words.includes('down')) net.nstool(['net', 'up']);
      // Most of it in the second half of what it takes on a machine at rest: the first is the start of Node.
      const delay = 30 + Math.random() * 90;
      // eslint-disable-next-line no-await-in-loop -- one after the other
      await net.startAndKill(words, delay);
      const what = `${words.join(' ')}, killed after ${delay} ms`;
      const cleaned = net.nstool(['gc']);
      expect(cleaned.status, `${what}: ${cleaned.stdout}${cleaned.stderr}`).toBe(0);
      const after = whole();
      const isStanding = after.includes('net-ns1');
      if (isStanding) expect(net.nstool(['net', 'down']), what).toMatchObject({ status: 0 });
      expect(isStanding ? whole() : after, what).toBe(clean);
    }
  }, 300_000);

  it('two at once: one makes it, the other waits its turn or says so', async () => {
    const statuses = await Promise.all([1, 2, 3].map(() => net.start(['net', 'up'])));
    expect(statuses).toContain(0);
    expect(statuses.every((status) => status === 0 || status === 4 || status === 2)).toBe(true);
    expect(net.nstool(['net', 'up']).stderr).toContain('stands as it should');
    expect(net.nstool(['net', 'down']).status).toBe(0);
    expect(net.state()).toBe(before);
  });

  it('refuses what is in its way before it makes anything, and leaves it alone', () => {
    const refused = (command: string, options: readonly string[], words: string): void => {
      net.run('sh', '-c', command);
      const state = net.state();
      const { status, stderr } = net.nstool(['net', 'up', ...options]);
      expect(stderr, command).toContain(words);
      expect(status, command).toBe(2);
      expect(net.state(), command).toBe(state);
    };
    refused('ip link add nstool0 type bridge', [], "the bridge nstool0 is somebody else's");
    refused('true', ['--bridge', 'lo', '--use-bridge'], 'lo is no bridge');
    refused('ip addr add 192.168.10.99/25 dev nstool0; ip link set nstool0 up', ['--bridge', 'b2'], 'by nstool0');
    refused('ip link del nstool0; ip link add veth-ns1 type bridge', [], 'there is a link veth-ns1 already');
    refused(
      'ip link del veth-ns1; echo nameserver 192.168.10.53 > /etc/resolv.conf',
      [],
      'the nameserver 192.168.10.53',
    );
    refused(': > /etc/resolv.conf; ip netns add ns1', [], "there is a network 'ns1' already");
    refused('ip netns del ns1; mkdir -p /etc/netns/ns1; echo x > /etc/netns/ns1/resolv.conf', [], 'there is a file');
    net.run('rm', '-r', '/etc/netns');
    expect(net.state()).toBe(before);
  });

  it('on a bridge of others only a port comes and goes', () => {
    net.run('ip', 'link', 'add', 'nstool0', 'type', 'bridge');
    net.run('ip', 'addr', 'add', '192.168.10.1/24', 'dev', 'nstool0');
    const [, bridge] = addresses();
    expect(net.nstool(['net', 'up', '--use-bridge']).status).toBe(0);
    expect(addresses().find(({ ifname }) => ifname === 'veth-ns1')?.master).toBe('nstool0');
    expect(net.nstool(['net', 'down']).status).toBe(0);
    expect(addresses().map(({ ifname }) => ifname)).toEqual(['lo', 'nstool0']);
    expect(addresses()[1]?.addr_info).toEqual(bridge?.addr_info);
  });

  it('a bridge with ports of others stays, and so does a file that somebody changed', () => {
    net.nstool(['net', 'up']);
    expect(net.nstool(['net', 'up', 'two', '--use-bridge', '--address', '192.168.10.12/24']).status).toBe(0);
    net.run('sh', '-c', 'echo mine > /etc/netns/ns1/resolv.conf');
    const first = net.nstool(['net', 'down']);
    expect(first.status).toBe(1);
    expect(first.stderr).toContain('bridge nstool0 is left: it has ports of others: veth-two');
    expect(first.stderr).toContain('/etc/netns/ns1/resolv.conf is left: it says what we did not write');
    expect(net.nstool(['net', 'down', 'two']).status).toBe(0);
    net.run('rm', '/etc/netns/ns1/resolv.conf');
    expect(net.nstool(['net', 'down'])).toMatchObject({ status: 0 });
    net.run('rm', '-rf', '/etc/netns');
    expect(net.state()).toBe(before);
  });

  it('gc leaves a network that stands, and another of the same name too', () => {
    net.nstool(['net', 'up']);
    const whole = net.state();
    expect(net.nstool(['gc'])).toMatchObject({ status: 0, stdout: '' });
    expect(net.state()).toBe(whole);
    net.run('ip', 'netns', 'del', 'ns1');
    net.run('ip', 'link', 'del', 'nstool0');
    net.run('ip', 'link', 'add', 'nstool0', 'type', 'bridge');
    net.run('ip', 'netns', 'add', 'ns1');
    expect(net.nstool(['net', 'down']).status).toBe(0);
    expect(addresses().map(({ ifname }) => ifname)).toEqual(['lo', 'nstool0']);
    expect(net.run('ip', 'netns').stdout).toContain('ns1');
  });

  it('a plain user is told what it takes', () => {
    const { status, stderr } = net.nstool(['net', 'up'], [], PLAIN_UID);
    expect(status).toBe(4);
    expect(stderr).toContain('CAP_SYS_ADMIN and CAP_NET_ADMIN');
    expect(net.state()).toBe(before);
    net.run('rm', '-rf', `/tmp/nstool-${PLAIN_UID}`);
  });

  test.each(['../x', 'a/b', '', '.', '..', '-x', 'a\nb', 'x'.repeat(64), 'ns 1'])('the name %j is refused', (name) => {
    expect(net.nstool(['net', 'up', '--dry-run', '--', name]).status).toBe(2);
    expect(net.nstool(['net', 'up', '--dry-run', `--bridge=${name}`]).status).toBe(2);
  });

  describe.skipIf(lacks('strace'))('at each step', () => {
    let folder: string;
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), 'nstool-net-up-'));
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    /** strace(1) does it to the n-th of these system calls. How many it saw of the thread that made most of them. */
    function traced(call: string, more: readonly string[], words: readonly string[]): number {
      const log = join(folder, 'log');
      net.nstool(words, ['strace', '-f', '-qq', '-o', log, '-e', `trace=${call}`, ...more]);
      const counts = new Map<string, number>();
      for (const line of readFileSync(log, 'utf8').split('\n')) {
        const pid = line.split(' ')[0] ?? '';
        if (line.includes(` ${call}(`)) counts.set(pid, (counts.get(pid) ?? 0) + 1);
      }
      return Math.max(0, ...counts.values());
    }

    describe.each(['signal=KILL', 'error=EIO'])('%s', (fault) => {
      // An error of mkdir(2) would only take the journal to another directory.
      const calls = ['unshare', 'mount', 'link', 'rename', 'sendto'];
      test.each(fault === 'error=EIO' ? calls : [...calls, 'mkdir'])(
        '%s: gc leaves nothing',
        (call) => {
          const count = Math.min(traced(call, [], ['net', 'up']), MOST_STEPS);
          net.nstool(['net', 'down']);
          expect(count).toBeGreaterThan(0);
          for (let at = 1; at <= count; at += 1) {
            traced(call, ['-e', `inject=${call}:${fault}:when=${at}`], ['net', 'up']);
            const cleaned = net.nstool(['gc']);
            expect(cleaned.status, `${call} ${at}: ${cleaned.stdout}${cleaned.stderr}`).toBe(0);
            // One that came too late, or was passed over.
            if (net.state().includes('net-ns1')) expect(net.nstool(['net', 'down']).status).toBe(0);
            expect(net.state(), `${call} ${at}`).toBe(before);
          }
        },
        300_000,
      );

      test.each(['umount2', 'sendto', 'rename', 'rmdir', 'unlink'])(
        'down, %s: nothing is left by it, or gc, or the next one',
        (call) => {
          net.nstool(['net', 'up']);
          const count = Math.min(traced(call, [], ['net', 'down']), MOST_STEPS);
          expect(count).toBeGreaterThan(0);
          for (let at = 1; at <= count; at += 1) {
            net.nstool(['net', 'up']);
            traced(call, ['-e', `inject=${call}:${fault}:when=${at}`], ['net', 'down']);
            net.nstool(['gc']);
            net.nstool(['net', 'down']);
            expect(net.state(), `${call} ${at}`).toBe(before);
          }
        },
        300_000,
      );
    });
  });
});
