// `net ls` against ip-netns(8): named, nameless and docker's network namespaces, numbers of ours, and stale names.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PrivateNetwork } from '../support/private-network.ts';
import { lacks } from '../support/requires.ts';

interface Row {
  readonly ns: number | null;
  readonly name: string;
  readonly netns: readonly string[];
  readonly state: string;
  readonly netnsid: string | null;
  readonly nprocs: number | null;
  readonly interfaces: readonly string[] | null;
}

const STALE = '-gone\u001b[31m';

describe.skipIf(lacks('root', 'namespaces', 'nsenter', 'ip'))('net ls', () => {
  let network: PrivateNetwork;

  beforeAll(async () => {
    network = await PrivateNetwork.start();
    const script = `ip netns add blue && ip netns add red && ip netns set red 7
      ip link add v0 type veth peer name v1 netns blue
      mkdir -p /run/docker/netns && touch /run/docker/netns/1a2b && mount --bind /run/netns/red /run/docker/netns/1a2b
      ln -s /run/netns/blue /run/netns/also-blue
      touch /run/netns/left`;
    expect(network.run('sh', '-ec', script)).toMatchObject({ status: 0, stderr: '' });
  });
  afterAll(() => network.end());

  function rows(...words: readonly string[]): readonly Row[] {
    const { status, stdout } = network.nstool(['net', 'ls', '--json', '--output-all', ...words]);
    expect(status).toBe(0);
    return (JSON.parse(stdout) as { namespaces: readonly Row[] }).namespaces;
  }

  const named = (name: string): Row | undefined => rows().find(({ netns }) => netns.includes(name));

  it('has the names that ip netns lists, each once, with the numbers that ours gives them', () => {
    const listed = JSON.parse(network.run('ip', '-j', 'netns', 'list').stdout) as { name: string; id?: number }[];
    const known = rows().flatMap(({ netns, netnsid, state }) =>
      netns
        .filter((name) => !name.startsWith('/'))
        .map((name) => ({ name, ...(state === 'stale' || netnsid === 'unassigned' ? {} : { id: Number(netnsid) }) })),
    );
    const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
    // ip shows what leads to a namespace by a link, and what leads to none, as it shows the others.
    expect(known.toSorted(byName)).toEqual(listed.toSorted(byName));
    expect(named('red')).toMatchObject({ netnsid: '7', state: 'kept', nprocs: 0 });
  });

  it("has all names of one namespace in its row, docker's by path", () => {
    expect(named('blue')).toMatchObject({ netns: ['also-blue', 'blue'], interfaces: ['lo', 'v1'] });
    expect(named('red')?.netns).toEqual(['red', '/run/docker/netns/1a2b']);
  });

  it('has those without a name, whom processes are in', () => {
    const inode = Number(/[0-9]+/.exec(network.run('readlink', '/proc/self/ns/net').stdout)?.[0]);
    expect(rows().find(({ ns }) => ns === inode)).toMatchObject({ netns: [], state: 'used' });
  });

  it('marks a stale name, escaped, and net rm takes it away', () => {
    network.run('touch', `/run/netns/${STALE}`);
    expect(named(STALE)).toMatchObject({ ns: null, name: `netns:${STALE}`, state: 'stale', nprocs: null });
    const { stdout } = network.nstool(['net', 'ls', '-Q', 'STATE=="stale" && NETNS!="left"', '-n', '-o', 'NETNS,NS']);
    expect(stdout).toMatch(/^-gone\\x1b\[31m +-\n$/);
    expect(network.nstool(['net', 'rm', '--', STALE])).toMatchObject({ status: 0 });
    expect(named(STALE)).toBeUndefined();
  });

  it('filters, sorts and chooses columns', () => {
    const words = ['net', 'ls', '-rn', '-o', 'NETNS', '-Q', 'NETNS=~"blue|red"', '--sort', 'NETNS'];
    expect(network.nstool(words).stdout).toBe('also-blue,blue\nred,/run/docker/netns/1a2b\n');
    expect(network.nstool(['net', 'ls', '-o', 'NETN'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('did you mean NETNS?') as string,
    });
  });

  it('one name means the same to each command', () => {
    for (const [command, word] of [
      ['show', 'blue'],
      ['show', 'netns:blue'],
      ['identify', 'blue'],
    ] as const)
      expect(network.nstool(['net', command, word])).toMatchObject({ status: 0 });
    for (const command of ['show', 'identify', 'pids'])
      expect(network.nstool(['net', command, 'left'])).toMatchObject({
        status: 3,
        stderr: expect.stringContaining('nstool net rm left') as string,
      });
  });
});
