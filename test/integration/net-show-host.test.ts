// All that `net show` says of a host with docker, podman and three networks of `net up`, in each of its namespaces, is what
// ip(8), bridge(8) and ss(8) say there.

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { linkValue } from '../../src/inspect/network/link-value.ts';
import { networkPage } from '../../src/inspect/network/namespace-page.ts';
import type { NetworkNamespace } from '../../src/network/network-namespace.ts';
import { endOf, readTopology, type Topology } from '../../src/network/topology.ts';
import { startDocker } from '../support/dockers.ts';
import { until, Yard } from '../support/engines.ts';
import { linkOf } from '../support/entered.ts';
import { commandLine } from '../support/program.ts';
import { lacks } from '../support/requires.ts';

type Fields = Readonly<Record<string, unknown>>;

const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
const LABS = ['one', 'two', 'three'];
/** What our numbers are called. Source: iproute2's rt_tables, rt_protos. */
const TABLES: Readonly<Record<string, number>> = { default: 253, main: 254, local: 255 };
const PROTOCOLS: Readonly<Record<string, number>> = { kernel: 2, boot: 3, static: 4, ra: 9 };

const needed = ['root', 'busybox', 'docker', 'podman', 'cni', 'runc', 'ip', 'ss', 'nsenter', 'python'] as const;

describe.skipIf(lacks(...needed))('docker, podman and three labs', { timeout: 60_000 }, () => {
  const host = linuxHost();
  let yard: Yard;
  let topology: Topology;
  let outside: NetworkNamespace;
  const inside = new Map<string, NetworkNamespace>();

  beforeAll(async () => {
    yard = new Yard();
    const at = (file: string): string => join(yard.folder, file);
    // What these write into /etc and /var/lib stays in the yard.
    yard.engine(
      'sh',
      '-ec',
      `mkdir -m 755 /run/etc && cp -a /etc/. /run/etc && mount --bind /run/etc /etc && rm -rf /etc/netns
       mkdir -p /var/lib/cni && mount -t tmpfs cni /var/lib/cni
       ip link set lo up`,
    );
    const docker = await startDocker(yard);
    docker.run('network', 'create', '-o', 'com.docker.network.bridge.name=lan0', '--subnet', '10.96.0.0/24', 'lan');
    for (const name of ['d1', 'd2'])
      docker.run('run', '-d', '--network', 'lan', '--name', name, 'tiny:1', 'sleep', '1000');
    const pids = new Map(['d1', 'd2'].map((name) => [name, docker.run('inspect', '-f', '{{.State.Pid}}', name)]));
    writeFileSync(
      at('containers.conf'),
      `[containers]\ndefault_ulimits = ["nofile=256:256", "nproc=256:256"]\n[network]\nnetwork_backend = "cni"\n`,
    );
    const places = ['--root', at('root'), '--runroot', at('podman'), '--tmpdir', at('tmp')];
    const options = ['--runtime=runc', '--cgroup-manager=cgroupfs', '--events-backend=file', ...places];
    const podman = ['env', `CONTAINERS_CONF=${at('containers.conf')}`, 'podman', ...options];
    yard.engine(...podman, 'import', yard.image, 'tiny:1');
    // By its plugins alone: podman's own network also asks for rules of a firewall that not each kernel has.
    writeFileSync(at('lan.conflist'), LAN);
    yard.engine('install', '-D', '-m', '644', at('lan.conflist'), '/etc/cni/net.d/lan.conflist');
    yard.engine(
      ...podman,
      'run',
      '-d',
      '--network=pods',
      `--pidfile=${at('p1.pid')}`,
      '--name',
      'p1',
      'tiny:1',
      'sleep',
      '1000',
    );
    pids.set('p1', readFileSync(at('p1.pid'), 'utf8').trim());
    for (const [index, name] of LABS.entries()) {
      const address = `10.97.${index}.2/24`;
      yard.engine(...commandLine(['net', 'up', name, '--bridge', `${name}0`, '--address', address]));
      yard.engine(
        'nsenter',
        `--net=/run/netns/${name}`,
        'ip',
        'route',
        'add',
        'blackhole',
        '10.98.0.0/16',
        'metric',
        '7',
      );
    }
    yard.daemon('nsenter', '--net=/run/netns/one', 'python3', '-c', LISTENERS);
    const listening = (): string => inStage('nsenter', '--net=/run/netns/one', 'ss', '-tlnH');
    await until(() => listening().trim().split('\n').length === 3);
    topology = readTopology(host);
    outside = placed(linkOf(docker.pid, 'net'));
    for (const [name, pid] of pids) inside.set(name, placed(linkOf(Number(pid), 'net')));
    for (const name of LABS) inside.set(name, placed(inStage('stat', '-Lc', 'net:[%i]', `/run/netns/${name}`).trim()));
  }, 120_000);
  afterAll(async () => {
    for (const name of LABS) yard.engine(...commandLine(['net', 'down', name]));
    await yard.close();
  });

  function inStage(...command: readonly string[]): string {
    const log = join(yard.folder, 'said');
    yard.engine('sh', '-c', `"$@" >${log}`, 'sh', ...command);
    return readFileSync(log, 'utf8');
  }

  function placed(link: string): NetworkNamespace {
    const found = topology.namespaces.find(({ inode }) => `net:[${inode}]` === link);
    if (found === undefined) throw new Error(`no ${link}`);
    return found;
  }

  /** As who is in that namespace gets it. */
  function there(place: NetworkNamespace, ...command: readonly string[]): string {
    const door = place.way;
    if (typeof door !== 'string') throw new Error('no way');
    const { status, stdout, stderr } = spawnSync('nsenter', [`--net=${door}`, ...command], {
      encoding: 'utf8',
      env: { PATH },
    });
    if (status !== 0) throw new Error(stderr);
    return stdout;
  }

  const json = (place: NetworkNamespace, ...command: readonly string[]): readonly Fields[] =>
    JSON.parse(there(place, ...command) || '[]') as Fields[];

  const each = (): readonly (readonly [string, NetworkNamespace])[] => [['outside', outside], ...inside];

  function field(place: NetworkNamespace, wanted: string): readonly Fields[] {
    const { fields } = networkPage(host, topology, place);
    return fields.find(({ key }) => key === wanted)?.value as readonly Fields[];
  }

  const sorted = (rows: readonly unknown[]): readonly string[] => rows.map((row) => JSON.stringify(row)).toSorted();

  /** What only one of them has. */
  const missing = (ours: readonly string[], theirs: readonly string[]): readonly string[] => [
    ...ours.filter((one) => !theirs.includes(one)),
    ...theirs.filter((one) => !ours.includes(one)),
  ];

  it('knows each by its name', () => {
    const names = new Map([...inside].map(([name, place]) => [name, topology.nameOf(place)]));
    for (const name of ['d1', 'd2', 'p1']) expect(names.get(name)).toBe(`container:${name}`);
  });

  it('has the links of ip -d link', () => {
    for (const [name, place] of each()) {
      const ours = (place.links ?? []).map((link) => {
        const {
          end,
          counters: _,
          mode: __,
          vlan_id: ___,
          vxlan: ____,
          device: _____,
          holders: ______,
          ...rest
        } = linkValue(topology, place, link) as Fields & { end: Fields | null };
        return { ...rest, end: end === null ? null : end['ifindex'] };
      });
      const theirs = json(place, 'ip', '-j', '-d', 'link').map((link) => {
        const info = (link['linkinfo'] ?? {}) as { info_kind?: string; info_slave_data?: Fields };
        const flags = link['flags'] as readonly string[];
        const isPair = info.info_kind === 'veth';
        return {
          ifindex: link['ifindex'],
          ifname: link['ifname'],
          altnames: link['altnames'] ?? [],
          kind: info.info_kind ?? null,
          loopback: flags.includes('LOOPBACK'),
          up: flags.includes('UP'),
          operstate: link['operstate'],
          mtu: link['mtu'],
          address: link['address'],
          master: link['master'] ?? null,
          port_state: info.info_slave_data?.['state'] ?? null,
          ifalias: link['ifalias'] ?? null,
          end: isPair ? link['link_index'] : null,
        };
      });
      expect({ name, links: sorted(ours) }).toEqual({ name, links: sorted(theirs) });
      expect(theirs.length).toBeGreaterThan(0);
    }
  });

  it('has the other ends: of each the other one says the same, and its bridge is that of who made it', () => {
    const bridges = new Map(
      [...inside].map(([name, place]) => {
        const eth0 = place.links?.find((link) => link.name === 'eth0');
        const end = endOf(topology, place, eth0?.ifindex ?? 0);
        if (end?.state !== 'known') throw new Error(`${name}: no other end`);
        expect(end.in).toBe(outside);
        const back = endOf(topology, outside, end.link.ifindex);
        expect(back).toMatchObject({ state: 'known', in: place, link: eth0 });
        return [name, outside.byIndex.get(end.link.master ?? 0)?.name];
      }),
    );
    const labs = LABS.map((name) => [name, `${name}0`] as const);
    expect([...bridges]).toEqual([['d1', 'lan0'], ['d2', 'lan0'], ['p1', 'pods0'], ...labs]);
  });

  it('has the ports of bridge link', () => {
    const ours = (outside.links ?? []).filter(({ portKind }) => portKind === 'bridge');
    const names = (master: number | null): string | undefined => outside.byIndex.get(master ?? 0)?.name;
    const theirs = json(outside, 'bridge', '-j', 'link');
    expect(ours.map(({ ifindex, name, portState, master }) => [ifindex, name, portState, names(master)])).toEqual(
      theirs.map(({ ifindex, ifname, state, master }) => [ifindex, ifname, state, master]),
    );
    expect(theirs).toHaveLength(6);
  });

  it('has the addresses of ip addr', async () => {
    for (const [name, place] of each()) {
      const theirs = (): readonly Fields[] =>
        json(place, 'ip', '-j', 'addr').flatMap(({ ifindex, ifname, addr_info: all }) =>
          (all as Fields[]).map(({ family, local, prefixlen, address, scope, label }) => {
            const peer = address ?? null;
            return { ifindex, ifname, family, local, prefixlen, peer, scope, label: label ?? null };
          }),
        );
      // The kernel gives a link its address of IPv6 some time after it is up.
      await expect
        .poll(() => missing(sorted(field(place, 'addresses')), sorted(theirs())), { timeout: 20_000, message: name })
        .toEqual([]);
      expect(theirs().length).toBeGreaterThan(0);
    }
  });

  it('has the routes of ip route, of all tables and both families', async () => {
    for (const [name, place] of each()) {
      const theirs = (): readonly Fields[] =>
        ['-4', '-6'].flatMap((family) =>
          json(place, 'ip', family, '-j', '-d', 'route', 'show', 'table', 'all').map((route) => {
            const { type = 'unicast', dst, table = 'main', protocol, scope, metric = null, prefsrc = null } = route;
            const { gateway = null, dev = null } = route;
            const nexthops = dev === null && gateway === null ? [] : [{ gateway, dev, weight: 1, encap: null }];
            const number = (names: Readonly<Record<string, number>>, word: unknown): unknown =>
              names[String(word)] ?? word;
            return {
              family: family === '-4' ? 'inet' : 'inet6',
              type,
              dst,
              table: number(TABLES, table),
              protocol: number(PROTOCOLS, protocol),
              scope,
              metric,
              prefsrc,
              nexthops,
            };
          }),
        );
      // The kernel gives a link its address of IPv6 some time after it is up.
      await expect
        .poll(() => missing(sorted(field(place, 'routes')), sorted(theirs())), { timeout: 20_000, message: name })
        .toEqual([]);
      expect(theirs().length).toBeGreaterThan(0);
    }
  });

  it('has the listeners of ss', () => {
    for (const [name, place] of each()) {
      const theirs = ['tcp', 'udp'].flatMap((protocol) =>
        there(place, 'ss', protocol === 'tcp' ? '-tlnH' : '-ulnH')
          .split('\n')
          .filter(Boolean)
          .map((line) => `${protocol} ${line.trim().split(/\s+/)[3]?.replace(/^\*:/, '[::]:') ?? ''}`),
      );
      const ours = field(place, 'listeners')
        .filter(({ protocol }) => protocol === 'tcp' || protocol === 'udp')
        .map(({ protocol, address, port }) => {
          const text = String(address);
          return `${String(protocol)} ${text.includes(':') ? `[${text}]` : text}:${String(port)}`;
        });
      expect({ name, of: ours.toSorted() }).toEqual({ name, of: theirs.toSorted() });
      if (name === 'one') expect(theirs.length).toBe(4);
    }
  });
});

/** The last is the one that is waited for. */
const LISTENERS = `
import socket, time
kept = []
for family, sort, address in [
    (socket.AF_INET, socket.SOCK_DGRAM, ("0.0.0.0", 5353)),
    (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 8080)),
    (socket.AF_INET6, socket.SOCK_STREAM, ("::1", 7070)),
    (socket.AF_INET, socket.SOCK_STREAM, ("0.0.0.0", 9090)),
]:
    one = socket.socket(family, sort)
    one.bind(address)
    if sort == socket.SOCK_STREAM: one.listen()
    kept.append(one)
time.sleep(1000)`;

const LAN = JSON.stringify({
  cniVersion: '0.4.0',
  name: 'pods',
  plugins: [
    {
      type: 'bridge',
      bridge: 'pods0',
      isGateway: true,
      ipam: { type: 'host-local', routes: [{ dst: '0.0.0.0/0' }], ranges: [[{ subnet: '10.95.0.0/24' }]] },
    },
  ],
});
