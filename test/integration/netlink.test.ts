// What the codec of netlink reads in another network namespace is what ip(8) and ss(8) say of it.

import { readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { createSocket } from 'node:dgram';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../src/host/linux/linux-host.ts';
import type { NamespaceDoor, Reading } from '../../src/kernel/host.ts';
import { decodeAddresses, encodeAddressDump } from '../../src/kernel/netlink/addresses.ts';
import { decodeLinks, encodeLinkDump } from '../../src/kernel/netlink/links.ts';
import { decodeRoutes, encodeRouteDump } from '../../src/kernel/netlink/routes.ts';
import { decodeRules, encodeRuleDump } from '../../src/kernel/netlink/rules.ts';
import { ruleText } from '../../src/inspect/route-rule.ts';
import {
  decodeListeners,
  decodeSocketInodes,
  encodeListenerDump,
  encodeSocketDump,
  socketFamilies,
} from '../../src/kernel/netlink/sock-diag.ts';
import { linkOf } from '../support/entered.ts';
import type { Started } from '../support/odd-process.ts';
import { run } from '../support/program.ts';
import { lacks } from '../support/requires.ts';
import { makeSmallNetwork } from '../support/small-network.ts';

type Fields = Readonly<Record<string, unknown>>;

function must<T>(reading: Reading<T>): T {
  if (!reading.ok) throw new Error(JSON.stringify(reading.gap));
  return reading.value;
}

const TABLES = new Map([
  ['main', 254],
  ['local', 255],
]);

const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

describe.skipIf(lacks('root', 'ip', 'unshare', 'nsenter', 'python'))('netlink in another network namespace', () => {
  const host = linuxHost();
  let started: Started;
  let door: string;

  beforeAll(async () => {
    started = await makeSmallNetwork();
    door = `/proc/${started.pid}/ns/net`;
  });

  afterAll(async () => {
    await started.end();
  });

  function ip(...args: readonly string[]): readonly Fields[] {
    const { stdout } = run(['nsenter', `--net=${door}`, 'ip', '-j', ...args], { env: { PATH } });
    return JSON.parse(stdout) as Fields[];
  }

  it('lists the links that ip link lists', () => {
    const links = must(decodeLinks(must(host.netlink(encodeLinkDump(door))), 'links'));
    const names = new Map(links.map((link) => [link.ifindex, link.name]));
    const ours = links.map((link) => ({
      ifindex: link.ifindex,
      ifname: link.name,
      operstate: link.operstate,
      mtu: link.mtu,
      address: link.address,
      ...(link.master === null ? {} : { master: names.get(link.master) }),
      ...(link.link === null ? {} : { link: names.get(link.link) }),
      ...(link.kind === null
        ? {}
        : { linkinfo: expect.objectContaining({ info_kind: link.kind === 'tap' ? 'tun' : link.kind }) as unknown }),
      ...(link.alias === null ? {} : { ifalias: link.alias }),
    }));
    expect(ip('-d', 'link')).toEqual(ours.map((link) => expect.objectContaining(link) as unknown));
    expect(links.map((link) => link.kind)).toEqual(expect.arrayContaining([null, 'bridge', 'veth']));
  });

  it('lists the addresses that ip addr lists', () => {
    const addresses = must(decodeAddresses(must(host.netlink(encodeAddressDump(door))), 'addresses'));
    const theirs = ip('addr').flatMap(({ ifindex, addr_info: all }) =>
      (all as Fields[]).map(({ family, local, address, prefixlen, scope, label }) => {
        return { ifindex, family, address: local, prefixLength: prefixlen, peer: address, scope, label };
      }),
    );
    const ours = addresses.map(({ peer, label, flags, ...rest }) => {
      expect(flags).toBeGreaterThan(0);
      return { ...rest, peer: peer ?? undefined, label: label ?? undefined };
    });
    const byText = (a: object, b: object): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
    expect(ours.length).toBeGreaterThanOrEqual(5);
    expect(ours.toSorted(byText)).toEqual(theirs.map((one) => ({ ...one })).toSorted(byText));
  });

  it('lists the routes that ip route lists', () => {
    const routes = must(decodeRoutes(must(host.netlink(encodeRouteDump(door))), 'routes'));
    const names = new Map(ip('link').map(({ ifindex, ifname }) => [ifindex, ifname]));
    for (const [family, option] of [
      ['inet', '-4'],
      ['inet6', '-6'],
    ] as const) {
      const theirs = ip('-d', option, 'route', 'show', 'table', 'all');
      const ours = routes.filter((route) => route.family === family);
      expect(ours.map((route) => [route.destination, route.type, route.scope])).toEqual(
        theirs.map(({ dst, type, scope }) => [dst, type, scope]),
      );
      expect(ours.map((route) => [route.table, route.nextHops[0]?.encap ?? undefined])).toEqual(
        theirs.map(({ table, encap }) => [TABLES.get((table as string | undefined) ?? 'main') ?? Number(table), encap]),
      );
      const firstHops = theirs.map(({ dev, gateway, via, nexthops, metric, prefsrc }) => {
        const [first] = (nexthops as Fields[] | undefined) ?? [{ dev, gateway, via }];
        const far = first?.['gateway'] ?? (first?.['via'] as Fields | undefined)?.['host'];
        return [first?.['dev'], far, metric, prefsrc];
      });
      const isNowhere = ({ type }: { type: string }): boolean => ['blackhole', 'unreachable'].includes(type);
      const ourHops = ours.map((route) => {
        const [first] = route.nextHops;
        // ip(8) names the loopback of an IPv6 route to nowhere, and nothing of an IPv4 one.
        const dev = isNowhere(route) && family === 'inet' ? undefined : names.get(first?.ifindex ?? 0);
        return [dev, first?.gateway ?? undefined, route.priority ?? undefined, route.source ?? undefined];
      });
      expect(ourHops).toEqual(firstHops);
    }
    expect(routes.find(({ destination }) => destination === '203.0.113.128/25')?.nextHops).toMatchObject([
      { gateway: '192.0.2.9', weight: 2 },
      { gateway: '198.51.100.2', weight: 1 },
    ]);
  });

  it('lists the rules that ip rule lists', () => {
    const rules = must(decodeRules(must(host.netlink(encodeRuleDump(door))), 'rules'));
    for (const [family, option] of [
      ['inet', '-4'],
      ['inet6', '-6'],
    ] as const) {
      const { stdout } = run(['nsenter', `--net=${door}`, 'ip', option, 'rule'], { env: { PATH } });
      const theirs = stdout.trim().split('\n');
      const ours = rules.filter((rule) => rule.family === family);
      expect(theirs.length).toBeGreaterThanOrEqual(3);
      expect(ours.map((rule) => `${rule.priority}:\t${ruleText(rule)}`)).toEqual(theirs.map((line) => line.trim()));
    }
  });

  it('can be asked through a socket of another process, or by its id', () => {
    const inode = must(host.askNamespace(door, []));
    // Its standard output is a socket of ours.
    const fds = readdirSync(`/proc/${started.pid}/fd`).filter((fd) => Number(fd) > 2);
    const socket = fds.find((fd) => readlinkSync(`/proc/${started.pid}/fd/${fd}`).startsWith('socket:'));
    const expected = must(decodeLinks(must(host.netlink(encodeLinkDump(door))), 'links'));
    const byId = host.askNamespace(door, ['NS_GET_ID']);
    const doors: NamespaceDoor[] = [{ pid: started.pid, fd: Number(socket), ask: 'SIOCGSKNS' }];
    if (byId.ok) doors.push({ id: byId.value, type: 0x40000000, inode });
    for (const other of doors) {
      expect(must(host.askNamespace(other, []))).toBe(inode);
      expect(must(decodeLinks(must(host.netlink(encodeLinkDump(other))), 'links'))).toEqual(expected);
    }
    const wrong = { pid: started.pid, fd: Number(socket), ask: 'SIOCGSKNS', inode: 1n } as const;
    expect(host.askNamespace(wrong, [])).toMatchObject({ ok: false, gap: { reason: 'gone', errno: 'EBADF' } });
  });

  it('leaves us where we were', () => {
    const before = linkOf('self', 'net');
    must(host.netlink(encodeLinkDump(door)));
    expect(linkOf('self', 'net')).toBe(before);
    expect(host.netlink(encodeLinkDump('/proc/self/ns/uts'))).toMatchObject({ ok: false });
    expect(linkOf('self', 'net')).toBe(before);
  });
});

describe('sockets by sock_diag', () => {
  const host = linuxHost();

  it('have the inodes that /proc/PID/fd shows', async () => {
    const streams = [createServer(), createServer(), createServer()] as const;
    const datagrams = [createSocket('udp4'), createSocket('udp6')] as const;
    await Promise.all([
      new Promise<void>((done) => streams[0].listen(0, '127.0.0.1', done)),
      new Promise<void>((done) => streams[1].listen(0, '::1', done)),
      new Promise<void>((done) => streams[2].listen(`\0nstool-${process.pid}`, done)),
      ...datagrams.map((one) => new Promise<void>((done) => one.bind(0, done))),
    ]);
    const links = readdirSync('/proc/self/fd').flatMap((fd) => linkIfThere(`/proc/self/fd/${fd}`));
    const ours = links.filter((text) => text.startsWith('socket:[')).map((text) => Number(text.slice(8, -1)));
    const listed = socketFamilies.flatMap((family) =>
      must(decodeSocketInodes(must(host.netlink(encodeSocketDump(family))), family)),
    );
    expect(ours.length).toBeGreaterThanOrEqual(5);
    expect(ours.filter((inode) => !listed.includes(inode))).toEqual([]);
    for (const one of [...streams, ...datagrams]) one.close();
  });

  it('that listen are found by address and port, with the inode that /proc/PID/fd shows', async () => {
    const server = createServer();
    const datagrams = createSocket('udp6');
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    await new Promise<void>((done) => datagrams.bind(0, '::1', done));
    const listeners = (family: 'tcp' | 'udp6'): ReturnType<typeof decodeListeners> =>
      decodeListeners(must(host.netlink(encodeListenerDump(family))), family);
    const { port } = server.address() as { port: number };
    const tcp = must(listeners('tcp')).find((one) => one.port === port);
    expect(tcp).toMatchObject({ address: '127.0.0.1', uid: process.geteuid?.() ?? 0 });
    const udp = must(listeners('udp6')).find((one) => one.port === datagrams.address().port);
    expect(udp).toMatchObject({ address: '::1' });
    const { stdout } = run(['ls', '-l', `/proc/${process.pid}/fd`]);
    expect(stdout).toContain(`socket:[${tcp?.inode}]`);
    expect(stdout).toContain(`socket:[${udp?.inode}]`);
    server.close();
    datagrams.close();
  });

  it.skipIf(lacks('ss'))('are those that ss lists', () => {
    const { stdout } = run(['ss', '-Htlne'], { env: { PATH } });
    const theirs = [...stdout.matchAll(/ ino:([0-9]+) /g)].map(([, inode]) => Number(inode));
    const ours = (['tcp', 'tcp6'] as const).flatMap((family) =>
      must(decodeListeners(must(host.netlink(encodeListenerDump(family))), family)).map(({ inode }) => inode),
    );
    expect(new Set(ours)).toEqual(new Set(theirs));
  });
});

it('a family that the kernel cannot list is lacking, not gone', () => {
  const { message, ...request } = encodeSocketDump('tcp');
  // The family after the header: AF_DECnet, which Linux has no more.
  const asked = linuxHost().netlink({ ...request, message: message.with(16, 12) });
  expect(asked).toMatchObject({ ok: false, gap: { reason: 'unsupported', errno: 'ENOENT' } });
  // A namespace that is not there is gone.
  const gone = linuxHost().netlink(encodeSocketDump('tcp', '/run/netns/no-such'));
  expect(gone).toMatchObject({ ok: false, gap: { reason: 'gone' } });
});

/** The descriptor of the directory itself is closed by now. */
function linkIfThere(path: string): readonly string[] {
  try {
    return [readlinkSync(path)];
  } catch {
    return [];
  }
}
