// `nstool net up -f` and `net test` on a network of the test's own: what the file says stands, against ip(8), and what it
// expects is so, or is not.

import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { PrivateNetwork } from '../support/private-network.ts';
import type { RunResult } from '../support/program.ts';
import { wrongFiles } from '../support/lab-files.ts';
import { lacks } from '../support/requires.ts';
import { faults, passed } from '../support/schemas.ts';

interface Answer {
  readonly expectations: readonly { readonly state: string; readonly expect: string; readonly told: string }[];
}

const SHOP = `
name: shop
pool: [10.99.0.0/16, fd99::/48]
nodes:
  br0: bridge
  web: { routes: [default via r], dns: db, hosts: { db.shop.test: db } }
  r: { sysctls: { net.ipv4.ip_forward: 1, net.ipv6.conf.all.forwarding: 1 } }
  db: { routes: [default via r] }
links: [web-br0, r-br0, { ends: [r, db], mtu: 1400 }]
expect:
`;

describe.skipIf(lacks('root', 'unshare', 'nsenter', 'ip'))('net up -f', () => {
  let net: PrivateNetwork;
  let before: string;

  beforeAll(async () => {
    net = await PrivateNetwork.start();
    net.nstool(['net', 'up']);
    net.nstool(['net', 'down']);
    net.run('rm', '-rf', '/etc/netns');
    before = net.state();
  });
  afterEach(() => {
    for (const name of ['shop', 'pair', 'x', 'other']) net.nstool(['net', 'down', name]);
  });
  afterAll(() => net.end());

  /** With a lab file on standard input. */
  function withFile(text: string, ...args: readonly string[]): RunResult {
    net.run('sh', '-c', `cat > /run/lab.yaml <<'END OF LAB'\n${text}\nEND OF LAB`);
    return net.nstool(['net', ...args, '-f', '/run/lab.yaml']);
  }

  function state(): string {
    net.run('rm', '-f', '/run/lab.yaml');
    return net.state();
  }

  function tested(...args: readonly string[]): ReadonlyMap<string, string> {
    const { stdout } = net.nstool(['net', 'test', '--json', ...args]);
    const answer = JSON.parse(stdout) as Answer;
    expect(faults('net test', answer)).toEqual([]);
    return new Map(answer.expectations.map(({ expect: text, state: is }) => [text, is]));
  }

  it('makes what the file says, changes it when the file does, and leaves nothing', () => {
    const file = `${SHOP}  - web reach db\n`;
    expect(withFile(file, 'up')).toMatchObject({ status: 0, stdout: '' });
    const addresses = (node: string): unknown =>
      (
        JSON.parse(net.run('ip', '-n', node, '-j', 'addr').stdout) as {
          ifname: string;
          mtu: number;
          addr_info: { local: string; prefixlen: number; scope: string }[];
        }[]
      )
        .filter(({ ifname }) => ifname !== 'lo')
        .map(({ ifname, mtu, addr_info: all }) => [
          ifname,
          mtu,
          ...all.filter(({ scope }) => scope === 'global').map(({ local, prefixlen }) => `${local}/${prefixlen}`),
        ]);
    expect(addresses('web')).toEqual([['eth0', 1500, '10.99.0.2/24', 'fd99::2/64']]);
    expect(addresses('r')).toEqual([
      ['eth0', 1500, '10.99.0.3/24', 'fd99::3/64'],
      ['eth1', 1400, '10.99.1.1/30', 'fd99:0:0:1::1/64'],
    ]);
    expect(addresses('db')).toEqual([['eth0', 1400, '10.99.1.2/30', 'fd99:0:0:1::2/64']]);
    const routes = net.run('ip', '-n', 'web', 'route').stdout + net.run('ip', '-n', 'web', '-6', 'route').stdout;
    expect(routes).toContain('default via 10.99.0.3');
    expect(routes).toContain('default via fd99::3');
    expect(net.run('ip', 'netns', 'exec', 'web', 'cat', '/etc/resolv.conf').stdout).toContain('nameserver 10.99.1.2');
    expect(net.run('ip', 'netns', 'exec', 'web', 'cat', '/etc/hosts').stdout).toContain('10.99.1.2 db.shop.test');
    expect(net.run('ip', 'netns', 'exec', 'r', 'cat', '/proc/sys/net/ipv4/ip_forward').stdout).toBe('1\n');
    // The same file again.
    const whole = net.state();
    expect(withFile(file, 'up').stderr).toContain('nothing was changed');
    expect(net.state()).toBe(whole);
    // What was there stays as it is.
    const inode = net.run('stat', '-Lc', '%i', '/run/netns/web').stdout;
    const more = file.replace('  db: {', '  more:\n  db: {').replace('r-br0,', 'r-br0, more-br0,');
    expect(withFile(more, 'up')).toMatchObject({ status: 0 });
    expect(addresses('more')).toEqual([['eth0', 1500, '10.99.0.4/24', 'fd99::4/64']]);
    expect(net.run('stat', '-Lc', '%i', '/run/netns/web').stdout).toBe(inode);
    expect(withFile(file, 'up')).toMatchObject({ status: 0 });
    expect(net.run('ls', '/run/netns').stdout).toBe('db\nr\nweb\n');
    expect(net.nstool(['net', 'down', 'shop'])).toMatchObject({ status: 0 });
    expect(state()).toBe(before);
  });

  it('gives the same addresses a second time, from a pool of its own', () => {
    const file = 'name: pair\nnodes: [a, b]\nlinks: [a-b, host-a]\n';
    const addresses = (): string =>
      net.run('sh', '-c', 'for n in a b; do ip -n $n -4 -o addr | cut -d" " -f2-7; done').stdout;
    expect(withFile(file, 'up').status).toBe(0);
    const first = addresses();
    expect(first).toMatch(/10\.\d+\.0\.1\/30/);
    expect(withFile(file, 'up').stderr).toContain('nothing was changed');
    net.nstool(['net', 'down', 'pair']);
    expect(withFile(file, 'up').status).toBe(0);
    expect(addresses()).toBe(first);
  });

  it('net test says what is as expected, and what is not', () => {
    const right = [
      'web reach db',
      'web mtu 1400 to db',
      'web not mtu 1401 to db',
      'web not port db:22',
      'web name db.shop.test is db',
      'web reach fd99:0:0:1::2',
      'host not port web:80',
      'r reach br0',
    ];
    const wrong = [
      'web not reach db',
      'web mtu 1500 to db',
      'web port db:22',
      'web name db.shop.test is r',
      'web name nobody.test',
    ];
    // Whom nobody answers nothing is known of.
    const open = ['web not name nobody.test'];
    const listed = (lines: readonly string[]): string => `${SHOP}${lines.map((line) => `  - ${line}\n`).join('')}`;
    expect(withFile(listed(right), 'up')).toMatchObject({ status: 0 });
    expect([...tested().values()]).toEqual(right.map(() => 'passed'));
    const all = net.nstool(['net', 'test', 'shop']);
    expect(all).toMatchObject({ status: 0, stderr: '' });
    expect(all.stdout).toMatch(/^STATE +EXPECT +TOLD\npassed +web reach db +10\.99\.1\.2 answers in [\d.]+ ms\n/);
    // What the file says now.
    const failing = withFile(listed([...right, ...wrong, ...open]), 'test', '--timeout', '1', '--json');
    const answer = JSON.parse(failing.stdout) as Answer;
    expect(faults('net test', answer)).toEqual([]);
    expect(passed('net test', answer)).toEqual([]);
    expect(answer.expectations.map(({ state: is }) => is)).toEqual([
      ...right.map(() => 'passed'),
      ...wrong.map(() => 'failed'),
      'unknown',
    ]);
    expect(failing.status).toBe(1);
    expect(failing.stderr).toContain('6 of 14 are not as expected');
    expect(answer.expectations.find(({ expect: text }) => text === 'web mtu 1500 to db')?.told).toBe(
      'too big, as told by 10.99.0.3: 1400 bytes would fit',
    );
  });

  it.skipIf(lacks('python'))('net test waits for who begins to listen', async () => {
    expect(withFile(`${SHOP}  - web port db:8080\n`, 'up')).toMatchObject({ status: 0 });
    expect([...tested('--timeout', '0.2').values()]).toEqual(['failed']);
    const late = `import socket, time
time.sleep(0.7)
s = socket.create_server(('10.99.1.2', 8080)); s.settimeout(20); s.accept()`;
    net.run('sh', '-c', `ip netns exec db python3 -c "$1" > /dev/null 2>&1 &`, 'sh', late);
    expect([...tested('--timeout', '20').values()]).toEqual(['passed']);
  });

  it.skipIf(lacks('python'))('has what leaves translated, ports that lead in, and commands', () => {
    const file = `
name: other
pool: 10.98.0.0/16
nodes:
  br0: bridge
  web: { routes: [default via br0], start: [[python3, -c, "import socket, time; s = socket.create_server(('10.98.0.2', 80)); time.sleep(1000)"]] }
  world:
links: [web-br0, host-world]
nat: [br0]
publish: ['8080:web:80']
expect: [web reach world, world port host:8080, world not reach web]
`;
    expect(withFile(file, 'up')).toMatchObject({ status: 0 });
    expect([...tested('other', '--timeout', '20').values()]).toEqual(['passed', 'passed', 'passed']);
    expect(withFile(file, 'up').stderr).toContain('nothing was changed');
    expect(net.nstool(['net', 'down', 'other'])).toMatchObject({ status: 0 });
    expect(state()).toBe(before);
  });

  it('net test needs a lab that stands, and one that is meant', () => {
    expect(net.nstool(['net', 'test'])).toMatchObject({ status: 2, stdout: '' });
    expect(net.nstool(['net', 'test', 'shop'])).toMatchObject({ status: 3, stdout: '' });
    expect(withFile(SHOP, 'test')).toMatchObject({ status: 3, stdout: '' });
    expect(withFile(`${SHOP}  - web reach db\n`, 'up').status).toBe(0);
    expect(withFile('name: other\nnodes: [c, d]\nlinks: [c-d]\nexpect: [c reach d]\n', 'up').status).toBe(0);
    const two = net.nstool(['net', 'test']);
    expect(two).toMatchObject({ status: 2 });
    expect(two.stderr).toMatch(/why: (?:other, shop|shop, other)/);
    expect(net.nstool(['net', 'test', 'other'])).toMatchObject({ status: 0 });
  });

  it('a lab of the documentation does what it expects', () => {
    const text = readFileSync(new URL('../../docs/lab.md', import.meta.url), 'utf8');
    const examples = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, example = '']) => example);
    for (const [at, name] of ['pair', 'shop'].entries()) {
      expect(withFile(examples[at] ?? '', 'up')).toMatchObject({ status: 0 });
      expect(net.nstool(['net', 'test'])).toMatchObject({ status: 0 });
      expect(net.nstool(['net', 'down', name])).toMatchObject({ status: 0 });
    }
    expect(state()).toBe(before);
  });

  it('a file that is wrong changes nothing', () => {
    const names = [
      'a wrong key',
      'a node that is not there',
      'an address without its net',
      'too much by aliases',
      'a sysctl that leads away',
    ];
    for (const name of names) {
      const { text = '', at = '' } = wrongFiles[name] ?? {};
      const up = withFile(text, 'up');
      expect(up, name).toMatchObject({ status: 2, stdout: '' });
      expect(up.stderr).toContain(`nstool: /run/lab.yaml:${at}: `);
    }
    for (const name of ['../x', 'a/b', 'a\nb', 'ü', '-rf', '']) {
      expect(withFile(`name: x\nnodes: [${JSON.stringify(name)}, b]\n`, 'up'), name).toMatchObject({ status: 2 });
      expect(withFile('name: x\nnodes: [a, b]\n', 'up', '--', name === '' ? ' ' : name).status, name).toBe(2);
    }
    expect(state()).toBe(before);
  });

  it('says so of what it cannot do', () => {
    const options = withFile('name: x\nnodes: [a]\n', 'up', '--address', '10.0.0.1/24');
    expect(options).toMatchObject({ status: 2, stdout: '' });
    expect(options.stderr).toContain('--address and --file');
    expect(net.nstool(['net', 'up', '-f', '/no/such'])).toMatchObject({ status: 3 });
    expect(withFile('nodes: [a]\n', 'up').stderr).toContain('the lab has no name');
    expect(state()).toBe(before);
  });

  const IMPAIRED = `name: x
nodes: { a: , b: , br0: bridge }
links: [{ ends: [a, b], impair: { delay: 20ms, jitter: 2ms, loss: 1%, rate: 10mbit } }, a-br0]
`;
  const hasNetem = !lacks('netem');

  it.skipIf(hasNetem)('refuses links that are worse where the kernel has no netem, and leaves nothing', () => {
    expect(withFile(IMPAIRED, 'up', '--dry-run').stdout).toContain(
      'eth0 impaired in a: delay 20ms, jitter 2ms, loss 1%, rate 10mbit',
    );
    const up = withFile(IMPAIRED, 'up');
    expect(up).toMatchObject({ status: 5, stdout: '' });
    expect(up.stderr).toMatch(/cannot make x: eth0 impaired in a: delay 20ms/);
    expect(up.stderr).toMatch(/why: ENOENT.*the kernel has no netem; nothing was changed\n.*modprobe sch_netem/);
    expect(state()).toBe(before);
    // Of a lab that stands, what is there stays.
    const plain = IMPAIRED.replace(/, impair: \{.*\} \}/, ' }');
    expect(withFile(plain, 'up')).toMatchObject({ status: 0 });
    const whole = net.state();
    expect(withFile(IMPAIRED, 'up')).toMatchObject({ status: 5 });
    expect(net.state()).toBe(whole);
    expect(withFile(plain, 'up').stderr).toContain('nothing was changed');
    expect(net.nstool(['net', 'down', 'x'])).toMatchObject({ status: 0 });
    expect(state()).toBe(before);
  });

  it.skipIf(!hasNetem)('makes links worse, as tc tells it, and better again', () => {
    const queues = (): readonly unknown[] =>
      ['a', 'b'].map((node) => JSON.parse(net.run('tc', '-n', node, '-j', 'qdisc', 'show', 'dev', 'eth0').stdout));
    expect(withFile(IMPAIRED, 'up')).toMatchObject({ status: 0 });
    const netem = {
      kind: 'netem',
      root: true,
      options: { delay: { delay: 0.02, jitter: 0.002 }, 'loss-random': { loss: 0.01 }, rate: { rate: 1_250_000 } },
    };
    expect(queues()).toMatchObject([[netem], [netem]]);
    expect(withFile(IMPAIRED, 'up').stderr).toContain('nothing was changed');
    net.run('tc', '-n', 'a', 'qdisc', 'replace', 'dev', 'eth0', 'root', 'netem', 'delay', '1ms', 'corrupt', '1%');
    expect(withFile(IMPAIRED, 'up')).toMatchObject({ status: 0 });
    expect(queues()).toMatchObject([[netem], [netem]]);
    expect(withFile(IMPAIRED, 'up').stderr).toContain('nothing was changed');
    const plain = IMPAIRED.replace(/, impair: \{.*\} \}/, ' }');
    expect(withFile(plain, 'up')).toMatchObject({ status: 0 });
    expect(queues()).toMatchObject([[{ kind: 'noqueue' }], [{ kind: 'noqueue' }]]);
    expect(net.nstool(['net', 'down', 'x'])).toMatchObject({ status: 0 });
    expect(state()).toBe(before);
  });

  it('takes names that are words elsewhere, and leaves them out of nothing', () => {
    expect(
      withFile('name: fwd\nnodes: { fwd: bridge, drop: }\nlinks: [drop-fwd]\nexpect: [drop reach fwd]\n', 'up').status,
    ).toBe(0);
    expect(net.nstool(['net', 'test', 'fwd'])).toMatchObject({ status: 0 });
    expect(net.nstool(['net', 'down', 'fwd'])).toMatchObject({ status: 0 });
    expect(state()).toBe(before);
  });
});
