// What Linux 6.18 answered about test/support/small-network.ts, byte by byte.

import { describe, expect, it } from 'vitest';
import type { Reading } from '../../../src/kernel/host.ts';
import { formatAddress } from '../../../src/kernel/netlink/address-text.ts';
import { decodeAddresses, encodeAddressDump } from '../../../src/kernel/netlink/addresses.ts';
import { decodeDump, isInterrupted } from '../../../src/kernel/netlink/dump.ts';
import { decodeLinks, encodeLinkDump } from '../../../src/kernel/netlink/links.ts';
import { decodeRoutes } from '../../../src/kernel/netlink/routes.ts';
import { decodeRules, encodeRuleDump } from '../../../src/kernel/netlink/rules.ts';
import { ruleText, unusualRules } from '../../../src/inspect/route-rule.ts';
import { encodeMessage } from '../../../src/kernel/netlink/message.ts';
import { decodePacketSockets, encodePacketSocketDump } from '../../../src/kernel/netlink/packet-sockets.ts';
import { decodeUnixListeners, encodeUnixListenerDump } from '../../../src/kernel/netlink/unix-listeners.ts';
import {
  decodeListeners,
  decodeSocketInodes,
  encodeListenerDump,
  encodeSocketDump,
  socketFamilies,
} from '../../../src/kernel/netlink/sock-diag.ts';
import { netlinkFixture } from '../../support/netlink-fixture.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function must<T>(reading: Reading<T>): T {
  if (!reading.ok) throw new Error(JSON.stringify(reading.gap));
  return reading.value;
}

describe('links', () => {
  const links = must(decodeLinks(netlinkFixture('links'), 'links'));

  it('have name, kind, master, the other end and state', () => {
    expect(links.find(({ name }) => name === 'lo')).toMatchObject({ ifindex: 1, kind: null, mtu: 65536, link: null });
    const [bridge, port, end] = ['br0', 'port0', 'end0'].map((name) => links.find((link) => link.name === name));
    expect(bridge).toMatchObject({ kind: 'bridge', operstate: 'UP', address: '02:00:00:00:00:01', master: null });
    expect(port).toMatchObject({ kind: 'veth', master: bridge?.ifindex, link: end?.ifindex, linkNetnsid: null });
    expect(end).toMatchObject({ kind: 'veth', link: port?.ifindex, alias: 'the other end' });
  });

  it('tell tap from tun', () => {
    expect(links.find(({ name }) => name === 'tap0')).toMatchObject({ kind: 'tap', link: null });
  });

  it('are asked for without counters, of any network namespace', () => {
    expect(encodeLinkDump('/run/netns/blue')).toMatchObject({ dump: true, namespace: '/run/netns/blue', protocol: 0 });
    expect(encodeLinkDump()).not.toHaveProperty('namespace');
    expect(hex(encodeLinkDump().message)).toBe(`28000000120001030100000000000000${'00'.repeat(16)}08001d0008000000`);
  });
});

describe('addresses', () => {
  const addresses = must(decodeAddresses(netlinkFixture('addresses'), 'addresses'));
  const of = (address: string): unknown => addresses.find((one) => one.address === address);

  it('have prefix, scope and the other end', () => {
    expect(of('127.0.0.1')).toMatchObject({ prefixLength: 8, scope: 'host', family: 'inet', label: 'lo', peer: null });
    expect(of('192.0.2.1')).toMatchObject({ prefixLength: 24, scope: 'global', peer: null });
    expect(of('198.51.100.1')).toMatchObject({ prefixLength: 32, peer: '198.51.100.2' });
    expect(of('2001:db8::1')).toMatchObject({ prefixLength: 64, family: 'inet6', peer: null });
    expect(of('::1')).toMatchObject({ prefixLength: 128, scope: 'host' });
  });

  it('are asked for', () => {
    expect(hex(encodeAddressDump().message)).toBe(`18000000160001030100000000000000${'00'.repeat(8)}`);
  });
});

describe('routes', () => {
  const routes = must(decodeRoutes(netlinkFixture('routes'), 'routes'));
  const to = (destination: string): unknown => routes.find((route) => route.destination === destination);

  it('have destination, gateway and metric', () => {
    expect(to('203.0.113.0/25')).toMatchObject({ priority: 7, table: 254, nextHops: [{ gateway: '192.0.2.9' }] });
    expect(to('192.0.2.0/24')).toMatchObject({ scope: 'link', protocol: 2, source: '192.0.2.1' });
    expect(to('2001:db8:1::/48')).toMatchObject({ family: 'inet6', nextHops: [{ gateway: '2001:db8::9' }] });
  });

  it('have several next hops, a gateway of the other family, or none at all', () => {
    expect(to('203.0.113.128/25')).toMatchObject({
      nextHops: [
        { gateway: '192.0.2.9', weight: 2 },
        { gateway: '198.51.100.2', weight: 1 },
      ],
    });
    expect(to('default')).toMatchObject({ nextHops: [{ gateway: '2001:db8::9' }] });
    expect(to('192.0.2.200')).toMatchObject({ type: 'blackhole', nextHops: [] });
    expect(to('2001:db8:2::/48')).toMatchObject({ type: 'unreachable' });
  });
});

describe('more of routes', () => {
  const routes = must(decodeRoutes(netlinkFixture('routes'), 'routes'));

  it('is their table, and what packets are wrapped in', () => {
    expect(routes.find(({ destination }) => destination === '10.70.0.0/16')).toMatchObject({
      table: 100,
      nextHops: [{ gateway: '192.0.2.9', encap: null }],
    });
    expect(routes.find(({ destination }) => destination === '2001:db8:5::/64')).toMatchObject({
      nextHops: [{ gateway: null, encap: 'seg6' }],
    });
  });
});

describe('rules', () => {
  const rules = must(decodeRules(netlinkFixture('rules'), 'rules'));

  it('are written as ip(8) writes them', () => {
    expect(rules.map((rule) => `${rule.family} ${rule.priority}: ${ruleText(rule)}`)).toEqual([
      'inet 0: from all lookup local',
      'inet 50: from 10.0.0.0/8 lookup 100',
      'inet 60: from all fwmark 0x1/0x3 iif br0 uidrange 0-5 ipproto tcp dport 22 lookup 1000',
      'inet 70: not from all to 203.0.113.0/24 prohibit',
      'inet 80: from all tos 0x10 goto 32766',
      'inet 90: from all lookup main suppress_prefixlength 0',
      'inet 32766: from all lookup main',
      'inet 32767: from all lookup default',
      'inet6 0: from all lookup local',
      'inet6 50: from 2001:db8::/32 oif br0 lookup 100',
      'inet6 32766: from all lookup main',
    ]);
  });

  it('are unusual where no namespace starts with them, and all are where a usual one is missing', () => {
    const shown = (some: typeof rules): readonly string[] =>
      unusualRules(some).map(({ family, priority }) => `${family} ${priority}`);
    const changed = ['inet 50', 'inet 60', 'inet 70', 'inet 80', 'inet 90'];
    expect(shown(rules)).toEqual([...changed, 'inet6 50']);
    const without = rules.filter(({ family, priority }) => family === 'inet6' || priority !== 32766);
    expect(shown(without)).toEqual(['inet 0', ...changed, 'inet 32767', 'inet6 50']);
  });

  it('tell of conditions that are not known', () => {
    const header = Uint8Array.of(2, 0, 0, 0, 100, 0, 0, 1, 0, 0, 0, 0);
    const dscp = Uint8Array.of(5, 0, 25, 0, 8, 0, 0, 0);
    const [rule] = must(decodeRules([encodeMessage(32, 2, [header, dscp])], 'x'));
    expect(rule).toMatchObject({ others: [25], table: 100 });
    expect(rule === undefined ? '' : ruleText(rule)).toBe('from all (and attribute 25) lookup 100');
  });

  it('of other families are left out, and those that are too short are malformed', () => {
    const answer = (length: number): Uint8Array => encodeMessage(32, 2, [new Uint8Array(length).fill(128)]);
    expect(decodeRules([answer(12)], 'x')).toEqual({ ok: true, value: [] });
    expect(decodeRules([answer(8)], 'x')).toMatchObject({ ok: false, gap: { reason: 'malformed' } });
  });

  it('are asked for', () => {
    expect(hex(encodeRuleDump().message)).toBe(`1c000000220001030100000000000000${'00'.repeat(12)}`);
  });
});

describe('sockets', () => {
  it.each(socketFamilies)('of %s have inodes', (family) => {
    const inodes = must(decodeSocketInodes(netlinkFixture(`sockets-${family}`), family));
    // The kernel has netlink sockets of its own in each namespace, with inodes too.
    expect(inodes).toHaveLength(family === 'netlink' ? 10 : 1);
    expect(inodes[0]).toBeGreaterThan(1000);
  });

  it('that listen have address and port', () => {
    const [inode] = must(decodeSocketInodes(netlinkFixture('sockets-tcp'), 'x'));
    expect(must(decodeListeners(netlinkFixture('listeners-tcp'), 'x'))).toEqual([
      { address: '192.0.2.1', port: 8080, ifindex: 0, uid: 0, inode },
    ]);
  });

  it('of unix have their abstract names, of packet what they see', () => {
    const [unix] = must(decodeSocketInodes(netlinkFixture('sockets-unix'), 'x'));
    expect(must(decodeUnixListeners(netlinkFixture('listeners-unix'), 'x'))).toMatchObject([
      { type: 'stream', name: '@nstool-test', uid: 0 },
    ]);
    expect(unix).toBeGreaterThan(0);
    expect(must(decodePacketSockets(netlinkFixture('listeners-packet'), 'x'))).toMatchObject([
      { type: 'raw', etherType: 3, ifindex: 0, uid: 0 },
    ]);
    expect(hex(encodeUnixListenerDump().message)).toContain(`0100000080040000000000004100000000000000`);
    expect(hex(encodePacketSocketDump().message)).toContain(`110000000000000001000000`);
  });

  it('of unix that have a file for a name, or only are connected, do not wait in the namespace', () => {
    const socket = (type: number, state: number, name: string): Uint8Array => {
      const body = Uint8Array.of(1, type, state, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
      const attribute = Uint8Array.of(4 + name.length, 0, 0, 0, ...new TextEncoder().encode(name));
      return encodeMessage(20, 2, [body, attribute]);
    };
    const all = [socket(1, 10, '/run/a'), socket(1, 7, '\0b'), socket(2, 7, '\0c'), socket(5, 10, '\0d\u001b[2J')];
    expect(must(decodeUnixListeners(all, 'x'))).toEqual([
      { type: 'dgram', name: '@c', uid: null, inode: 7 },
      { type: 'seqpacket', name: '@d\u001b[2J', uid: null, inode: 7 },
    ]);
  });

  it('are asked for by family, protocol and state', () => {
    const states = (bytes: Uint8Array): number => new DataView(bytes.buffer).getUint32(20, true);
    expect([...encodeSocketDump('tcp6').message.subarray(16, 18)]).toEqual([10, 6]);
    expect([...encodeSocketDump('netlink').message.subarray(16, 18)]).toEqual([16, 255]);
    expect(states(encodeListenerDump('tcp').message)).toBe(1 << 10);
    expect(states(encodeListenerDump('udp').message)).toBe(1 << 7);
    expect(encodeSocketDump('unix').message).toHaveLength(40);
    expect(encodeSocketDump('packet').message).toHaveLength(36);
  });

  it('of an unknown family are no answer', () => {
    const answer = encodeMessage(20, 2, [Uint8Array.of(99, 0, 0, 0)]);
    expect(decodeSocketInodes([answer], 'x')).toMatchObject({ ok: false, gap: { reason: 'malformed' } });
    expect(decodeListeners(netlinkFixture('sockets-unix'), 'x')).toMatchObject({ ok: false });
  });
});

describe('a dump', () => {
  it('says that it was interrupted', () => {
    const answer = (flags: number): Uint8Array => encodeMessage(16, flags, [new Uint8Array(16)]);
    expect(isInterrupted(must(decodeDump([answer(2), answer(0x12)], 'x')))).toBe(true);
    expect(isInterrupted(must(decodeDump([answer(2)], 'x')))).toBe(false);
  });

  it.each([
    ['links', decodeLinks],
    ['addresses', decodeAddresses],
    ['routes', decodeRoutes],
    ['rules', decodeRules],
  ] as const)('of %s that is cut anywhere is malformed, or shorter', (name, decode) => {
    for (const datagram of netlinkFixture(name)) {
      for (let length = 0; length < datagram.length; length += 7) {
        const answer = decode([datagram.subarray(0, length)], 'x');
        if (!answer.ok) expect(answer.gap.reason).toBe('malformed');
      }
    }
  });
});

describe('addresses as text', () => {
  it.each([
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000000000001', '::1'],
    ['20010db8000000000000000000000000', '2001:db8::'],
    ['20010db8000000010000000000000001', '2001:db8:0:1::1'],
    ['20010db8000100000001000000010001', '2001:db8:1:0:1:0:1:1'],
    ['20010db800010001000100010001000a', '2001:db8:1:1:1:1:1:a'],
    ['00000000000000000000ffffc0000201', '::ffff:192.0.2.1'],
    ['000000000000000000000000c0000201', '::192.0.2.1'],
    ['00000000000000000000000000000101', '::101'],
    ['c0000201', '192.0.2.1'],
    ['0200000000ff', '02:00:00:00:00:ff'],
  ])('%s is %s', (bytes, text) => {
    expect(formatAddress(Uint8Array.from(Buffer.from(bytes, 'hex')))).toBe(text);
  });
});
