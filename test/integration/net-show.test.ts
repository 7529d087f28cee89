// What `net show` and `net graph` say of three labs is what ip(8), bridge(8) and ss(8) say in each namespace, and the peers
// are those that the labs were made with.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import { networkPage } from '../../src/inspect/network/namespace-page.ts';
import { networkGraph } from '../../src/inspect/network/graph.ts';
import { linkLine, linkSentence } from '../../src/inspect/network/link-value.ts';
import { networkTarget } from '../../src/inspect/network/network-target.ts';
import type { DetailedLink } from '../../src/kernel/netlink/link-details.ts';
import type { NetworkNamespace } from '../../src/network/network-namespace.ts';
import { endOf, readTopology, type Topology } from '../../src/network/topology.ts';
import { linkOf } from '../support/entered.ts';
import { AT_BRIDGE, makeNetLabs, PAIRS } from '../support/net-labs.ts';
import type { Started } from '../support/odd-process.ts';
import { run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';

type Fields = Readonly<Record<string, unknown>>;

const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

describe.skipIf(lacks('root', 'ip', 'ss', 'unshare', 'nsenter', 'python'))('three labs', { timeout: 60_000 }, () => {
  const host = linuxHost();
  let started: Started;
  let topology: Topology;
  let router: NetworkNamespace;

  beforeAll(async () => {
    started = await makeNetLabs();
    topology = readTopology(host);
    const inode = linkOf(started.pid, 'net');
    router = placed(({ inode: of }) => `net:[${of}]` === inode);
  }, 60_000);

  afterAll(() => started.end());

  function placed(is: (place: NetworkNamespace) => boolean): NetworkNamespace {
    const found = topology.namespaces.filter(is);
    if (found.length !== 1) throw new Error(`${found.length} namespaces`);
    return found[0] as NetworkNamespace;
  }

  /** A name of `ip netns` in the lab: others on this machine may have the same. */
  function named(name: string): NetworkNamespace {
    const at = `/proc/${started.pid}/root/run/netns/${name}`;
    return placed(({ namespace }) => namespace.foreignMounts.includes(at));
  }

  function link(place: NetworkNamespace, name: string): DetailedLink {
    const found = place.links?.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no link ${name}`);
    return found;
  }

  /** The other end of a link: its name and its namespace. */
  function other(place: NetworkNamespace, name: string): readonly [string, NetworkNamespace] | undefined {
    const end = endOf(topology, place, link(place, name).ifindex);
    return end?.state === 'known' ? [end.link.name, end.in] : undefined;
  }

  function inLab(place: NetworkNamespace, ...command: readonly string[]): string {
    const name = place.namespace.foreignMounts.find((path) => path.startsWith(`/proc/${started.pid}/root/`));
    const door = name ?? `/proc/${started.pid}/ns/net`;
    const { status, stdout, stderr } = run(['nsenter', `--net=${door}`, ...command], { env: { PATH } });
    if (status !== 0) throw new Error(stderr);
    return stdout;
  }

  const json = (place: NetworkNamespace, ...command: readonly string[]): readonly Fields[] =>
    JSON.parse(inLab(place, ...command)) as Fields[];

  it('finds both ends of each veth at the bridge', () => {
    for (let number = 1; number <= AT_BRIDGE; number += 1) {
      const place = named(`n${number}`);
      expect(other(place, 'eth0')).toEqual([`v${number}`, router]);
      expect(other(router, `v${number}`)).toEqual(['eth0', place]);
      // Its name counts in the lab's mount namespace only.
      expect(topology.nameOf(place)).toBe(`net:[${place.inode}]`);
    }
  });

  it('tells pairs apart whose ends all have the same numbers', () => {
    for (let number = 1; number <= PAIRS; number += 1) {
      const [a, b] = [named(`a${number}`), named(`b${number}`)];
      expect(link(a, `to-b${number}`).ifindex).toBe(link(b, `to-a${number}`).ifindex);
      expect(other(a, `to-b${number}`)).toEqual([`to-a${number}`, b]);
      expect(other(b, `to-a${number}`)).toEqual([`to-b${number}`, a]);
    }
  });

  it('finds both ends in one namespace', () => {
    expect(other(named('odd'), 'mac0')).toEqual(['mac1', named('odd')]);
    expect(other(router, 'parent')).toEqual(['other', router]);
  });

  it('finds what a macvlan lies on in another namespace', () => {
    expect(other(named('odd'), 'mv0')).toEqual(['parent', router]);
    expect(linkLine(topology, named('odd'), link(named('odd'), 'mv0'))).toMatch(/ macvlan private .* on parent in /);
  });

  it('finds a namespace that only a descriptor keeps', () => {
    const [name, place] = other(router, 'to-held') ?? [];
    expect(name).toBe('held0');
    expect(place?.namespace.holders).toContainEqual(expect.objectContaining({ type: 'descriptor', pid: started.pid }));
  });

  it('says hidden of one that nothing leads to, and knows the link there', () => {
    const { ifindex } = link(router, 'to-hidden');
    const end = endOf(topology, router, ifindex);
    const [there] = json(router, 'ip', '-j', '-d', 'link', 'show', 'to-hidden');
    expect(end).toMatchObject({ state: 'hidden', nsid: there?.['link_netnsid'], ifindex: there?.['link_index'] });
    expect(end?.state === 'hidden' && end.link?.name).toBe('hidden0');
    expect(linkSentence(topology, router, link(router, 'to-hidden'))).toMatch(
      /^to-hidden in .* <-> hidden0 in a hidden namespace \(nsid [0-9]+\)$/,
    );
    const graph = networkGraph(topology);
    const box = graph.namespaces.find(({ id }) => id.startsWith(`net:[${router.inode}]/nsid `));
    expect(box?.links.map(({ name }) => name)).toEqual(['hidden0']);
    const edge = { type: 'peer', from: `net:[${router.inode}]/${ifindex}`, to: box?.links[0]?.id, state: null };
    expect(graph.edges).toContainEqual(edge);
  });

  it('lists the links that ip link lists, with what distinguishes their kinds', () => {
    for (const place of [router, named('n1'), named('odd')]) {
      const names = new Map(place.links?.map(({ ifindex, name }) => [ifindex, name]));
      const ours = place.links?.map((one) => {
        const data = {
          ...(one.vxlan === null
            ? {}
            : { id: one.vxlan.id, local: one.vxlan.local, remote: one.vxlan.remote, port: one.vxlan.port }),
          ...(one.mode === null ? {} : { mode: one.mode }),
        };
        const info = {
          ...(one.kind === null ? {} : { info_kind: one.kind }),
          ...(one.portKind === null ? {} : { info_slave_kind: one.portKind }),
          ...(one.portState === null
            ? {}
            : { info_slave_data: expect.objectContaining({ state: one.portState }) as unknown }),
          ...(Object.keys(data).length === 0 ? {} : { info_data: expect.objectContaining(data) as unknown }),
        };
        return expect.objectContaining({
          ifindex: one.ifindex,
          ifname: one.name,
          operstate: one.operstate,
          mtu: one.mtu,
          ...(one.altNames.length === 0 ? {} : { altnames: one.altNames }),
          ...(one.master === null ? {} : { master: names.get(one.master) }),
          ...(one.linkNetnsid === null ? {} : { link_index: one.link, link_netnsid: one.linkNetnsid }),
          ...(Object.keys(info).length === 0 ? {} : { linkinfo: expect.objectContaining(info) as unknown }),
        }) as unknown;
      });
      expect(json(place, 'ip', '-j', '-d', 'link')).toEqual(ours);
    }
    expect(link(router, 'parent').altNames).toEqual(['a-very-long-name-for-a-link']);
    expect(link(router, 'vx0').vxlan).toEqual({ id: 42, local: '192.0.2.1', remote: '192.0.2.9', port: 4789 });
  });

  it('has the ports that bridge link has, in their states', () => {
    const ports = router.links?.filter(({ portKind }) => portKind === 'bridge') ?? [];
    const theirs = json(router, 'bridge', '-j', 'link');
    expect(ports.length).toBe(AT_BRIDGE);
    expect(ports.map((port) => [port.ifindex, port.name, port.portState])).toEqual(
      theirs.map(({ ifindex, ifname, state }) => [ifindex, ifname, state]),
    );
    expect(theirs.filter(({ state }) => state === 'forwarding').length).toBeGreaterThan(0);
  });

  it('has the addresses and default routes that ip has', () => {
    for (const place of [router, named('n1'), named('n3'), named('a1')]) {
      const addresses = json(place, 'ip', '-j', 'addr').flatMap(({ ifindex, addr_info: all }) =>
        (all as Fields[]).map(({ local, prefixlen }) => `${String(ifindex)} ${String(local)}/${String(prefixlen)}`),
      );
      const ours = place.addresses?.map(
        ({ ifindex, address, prefixLength }) => `${ifindex} ${address}/${prefixLength}`,
      );
      expect(ours?.toSorted()).toEqual(addresses.toSorted());
      const routes = json(place, 'ip', '-j', 'route', 'show', 'default');
      expect(place.defaults?.map(({ nextHops: [hop] }) => [hop?.gateway, hop?.ifindex])).toEqual(
        routes.map(({ gateway, dev }) => [gateway, link(place, String(dev)).ifindex]),
      );
    }
    expect(named('n2').defaults?.length).toBe(1);
  });

  it('counts what ip counts, on a page that has the listeners of ss', () => {
    const { fields } = networkPage(host, topology, named('n1'));
    const links = fields.find(({ key }) => key === 'links')?.value as readonly Fields[];
    const theirs = json(named('n1'), 'ip', '-j', '-s', 'link', 'show', 'eth0')[0]?.['stats64'] as Record<
      string,
      Fields
    >;
    const counters = links.find(({ ifname }) => ifname === 'eth0')?.['counters'] as Record<string, Fields>;
    // Neighbours are looked for meanwhile.
    expect(Number(counters['tx']?.['packets'])).toBeLessThanOrEqual(Number(theirs['tx']?.['packets']));
    expect(Number(counters['tx']?.['packets'])).toBeGreaterThan(0);
    expect(Number(counters['rx']?.['bytes'])).toBeGreaterThan(0);
    const page = networkPage(host, topology, router);
    const listeners = page.fields.find(({ key }) => key === 'listeners')?.value as readonly Fields[];
    const tcp = listeners.filter(({ protocol }) => protocol === 'tcp');
    const local = inLab(router, 'ss', '-ltnH').trim().split(/\s+/)[3];
    expect(tcp.map(({ address, port }) => `${String(address)}:${String(port)}`)).toEqual([local]);
    expect(page.fields.find(({ key }) => key === 'residents')?.value).toHaveLength(1);
  });

  it('names the program that has a tun device', () => {
    expect(linkLine(topology, router, link(router, 'tun0'))).toMatch(new RegExp(` held by ${started.pid} python3$`));
  });

  it('finds a link by its name or other name, and what is nothing else by a bare word', () => {
    for (const word of ['link:a-very-long-name-for-a-link', 'a-very-long-name-for-a-link', 'link:to-held']) {
      const target = networkTarget(host, word);
      expect(target.type === 'links' && target.links.map(({ place }) => place.inode)).toEqual([router.inode]);
    }
    const target = networkTarget(host, `net:${started.pid}`);
    expect(target.type === 'namespace' && target.place.inode).toBe(router.inode);
    expect(() => networkTarget(host, 'link:nobody-has-this')).toThrow('NO_FILE');
    expect(() => networkTarget(host, `pid:${started.pid}`)).toThrow('BAD_VALUE');
  });
});
