// `net monitor`: names and changes as they happen, what was lost and found again, and that it lets go and ends.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PrivateNetwork } from '../support/private-network.ts';
import { lacks } from '../support/requires.ts';
import { faults, passed } from '../support/schemas.ts';
import { startWatching, type Said, type Watching } from '../support/watching.ts';

describe.skipIf(lacks('root', 'namespaces', 'nsenter', 'ip'))('net monitor', { timeout: 60_000 }, () => {
  let network: PrivateNetwork;
  const ip = (...words: readonly string[]): void => {
    expect(network.run('ip', ...words)).toMatchObject({ status: 0, stderr: '' });
  };
  const start = (...words: readonly string[]): Promise<Watching> =>
    startWatching(words, { command: ['net', 'monitor'], before: network.enter() });
  const has = (said: readonly Said[], one: object): boolean =>
    said.some((each) =>
      Object.entries(one).every(([key, value]) => JSON.stringify(each[key]) === JSON.stringify(value)),
    );

  beforeAll(async () => {
    network = await PrivateNetwork.start();
  });
  afterAll(() => network.end());

  it('names as they are made and removed, also in a folder that was not there', async () => {
    const monitor = await start();
    ip('netns', 'add', 'blue');
    await monitor.until((said) => said.some(({ event }) => event === 'added'));
    const ns = Number(/[0-9]+/.exec(network.run('stat', '-c', '%i', '/run/netns/blue').stdout)?.[0]);
    network.run('sh', '-c', 'touch /run/netns/stale && rm /run/netns/stale');
    ip('netns', 'del', 'blue');
    await monitor.until((said) => has(said, { event: 'removed', name: 'blue' }));
    const said = await monitor.end('SIGTERM');
    expect(monitor.child.signalCode).toBe('SIGTERM');
    const names = said.filter(({ what }) => what === 'name').map(({ event, name, ns: of }) => [event, name, of]);
    expect(names).toEqual([
      ['added', 'blue', ns],
      ['added', 'stale', null],
      ['removed', 'stale', null],
      ['removed', 'blue', ns],
    ]);
    expect(said.map(({ event }) => event)).toEqual(expect.arrayContaining(['start', 'end']));
    for (const line of said) {
      expect(faults('net monitor', line)).toEqual([]);
      expect(passed('net monitor', line)).toEqual([]);
    }
  });

  it('what changes in a network, each once, also routes that the kernel takes without a word', async () => {
    ip('netns', 'add', 'red');
    const monitor = await start('red');
    ip('-n', 'red', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1');
    ip('-n', 'red', 'addr', 'add', '192.0.2.1/24', 'dev', 'v0');
    for (const link of ['v1', 'v0']) ip('-n', 'red', 'link', 'set', link, 'up');
    ip('-n', 'red', 'route', 'add', '198.51.100.0/24', 'via', '192.0.2.7', 'metric', '5');
    ip('-n', 'red', 'link', 'set', 'v0', 'mtu', '1400');
    ip('-n', 'red', 'link', 'set', 'v0', 'mtu', '1400');
    ip('-n', 'red', 'link', 'set', 'v0', 'down');
    ip('-n', 'red', 'link', 'del', 'v0');
    await monitor.until((said) => has(said, { event: 'removed', what: 'address' }));
    const said = await monitor.end();
    const inet = said.filter(({ route }) => (route as { family?: string } | undefined)?.family === 'inet');
    const nexthops = 'via 192.0.2.7 dev v0';
    const route = { family: 'inet', destination: '198.51.100.0/24', type: 'unicast', table: 254, metric: 5, nexthops };
    expect(inet).toContainEqual(expect.objectContaining({ event: 'added', in: 'red', route }));
    expect(inet).toContainEqual(expect.objectContaining({ event: 'removed', in: 'red', route }));
    const mtus = said.filter(({ before }) => Object.hasOwn(before ?? {}, 'mtu'));
    expect(mtus).toMatchObject([{ event: 'changed', what: 'link', before: { mtu: 1500 }, link: { mtu: 1400 } }]);
    const addresses = said.filter(({ address }) => (address as { local?: string } | undefined)?.local === '192.0.2.1');
    expect(addresses.map(({ event }) => event)).toEqual(['added', 'removed']);
    for (const line of said) {
      expect(faults('net monitor', line)).toEqual([]);
      expect(passed('net monitor', line)).toEqual([]);
    }
  });

  it('lets a network go with its name', async () => {
    const monitor = await start('red');
    ip('link', 'add', 'out0', 'type', 'veth', 'peer', 'name', 'in0', 'netns', 'red');
    ip('netns', 'del', 'red');
    await monitor.until((said) => has(said, { event: 'unfollowed', in: 'red' }));
    expect(monitor.said.filter(({ event }) => event === 'unfollowed')).toHaveLength(1);
    // The namespace ends, and its link with it.
    await expect.poll(() => network.run('ip', 'link', 'show', 'out0').status, { timeout: 10_000 }).not.toBe(0);
    await monitor.end();
  });

  it('says that it could not hear all, and finds what differs', async () => {
    const monitor = await start('self');
    const kept = '10.1.19.136';
    try {
      monitor.child.kill('SIGSTOP');
      // More than the socket can hold: routes come and go, and one stays.
      const script = `for round in 1 2 3 4; do
          seq 5000 | awk '{ printf "route add blackhole 10.1.%d.%d\\n", $1 / 256, $1 % 256 }'
          seq 4999 | awk '{ printf "route del blackhole 10.1.%d.%d\\n", $1 / 256, $1 % 256 }'
          [ $round = 4 ] || echo route del blackhole ${kept}
        done | ip -b -`;
      expect(network.run('sh', '-c', script)).toMatchObject({ status: 0, stderr: '' });
      monitor.child.kill('SIGCONT');
      const isKept = ({ event, route }: Said): boolean =>
        event === 'added' && (route as { destination?: string } | undefined)?.destination === kept;
      await monitor.until((said) => said.some(({ event }) => event === 'overrun') && said.some(isKept));
    } finally {
      monitor.child.kill('SIGCONT');
      await monitor.end();
    }
    const { said } = monitor;
    expect(said).toContainEqual(expect.objectContaining({ event: 'overrun', in: 'self' }));
    // What is there after all is told as it is: each route but one was removed as often as it was added.
    const left = new Map<string, number>();
    for (const { event, route } of said) {
      const { destination = '' } = (route ?? {}) as { destination?: string };
      left.set(destination, (left.get(destination) ?? 0) + (event === 'added' ? 1 : event === 'removed' ? -1 : 0));
    }
    left.delete('');
    expect([...left].filter(([, count]) => count !== 0)).toEqual([[kept, 1]]);
  });

  it('is refused what is not there', () => {
    expect(network.nstool(['net', 'monitor', 'netns:nobody'])).toMatchObject({ status: 3, stdout: '' });
    expect(network.nstool(['net', 'monitor', '--from', 'x'])).toMatchObject({ status: 2, stdout: '' });
  });

  it('ends by itself with --for', () => {
    const { status, stdout } = network.nstool(['net', 'monitor', 'self', '--for', '0.2']);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^[0-9:.]{12} {2}start +- +names; links, addresses and routes of self \(net:\[[0-9]+\]\)\n/);
    expect(stdout).toMatch(/ end +- +0 changes; 0 overruns\n$/);
  });
});
