// What Linux 6.18 answered about test/support/doctor-lab.ts: neighbours, bridges' tables, the decision about one packet.

import { describe, expect, it } from 'vitest';
import type { Reading } from '../../../src/kernel/host.ts';
import { decodeLinkConditions } from '../../../src/kernel/netlink/link-conditions.ts';
import { decodeLinks } from '../../../src/kernel/netlink/links.ts';
import { decodeListeningPorts } from '../../../src/kernel/netlink/listening-ports.ts';
import { decodeBridgeAddresses, decodeNeighbours } from '../../../src/kernel/netlink/neighbours.ts';
import { decodeRouteDecision, encodeRouteQuestion } from '../../../src/kernel/netlink/route-query.ts';
import { parseDrops } from '../../../src/kernel/trace/drops.ts';
import { netlinkFixture } from '../../support/netlink-fixture.ts';

function must<T>(reading: Reading<T>): T {
  if (!reading.ok) throw new Error(JSON.stringify(reading.gap));
  return reading.value;
}

describe('neighbours', () => {
  it('have a link address and a state', () => {
    const all = must(decodeNeighbours(netlinkFixture('neighbours'), 'x'));
    expect(all).toContainEqual({
      ifindex: 2,
      address: '10.97.0.77',
      linkAddress: '02:00:00:00:00:77',
      state: 'PERMANENT',
    });
    expect(all).toContainEqual({ ifindex: 2, address: '10.97.0.2', linkAddress: '02:00:00:00:99:01', state: 'STALE' });
    expect(all).toContainEqual({ ifindex: 2, address: '10.97.0.88', linkAddress: null, state: 'NONE' });
  });

  it('of bridges are of a port', () => {
    const all = must(decodeBridgeAddresses(netlinkFixture('bridge-addresses'), 'x'));
    const port = { ifindex: 3, linkAddress: '02:00:00:00:98:01', master: 2, vlan: null, isPermanent: true };
    expect(all).toContainEqual(port);
  });
});

describe('the decision about a packet', () => {
  it('has the link, the gateway, the table and the MTU of the route', () => {
    expect(must(decodeRouteDecision(netlinkFixture('route-decision'), 'x'))).toEqual({
      type: 'unicast',
      oif: 5,
      gateway: '203.0.113.1',
      source: null,
      table: 254,
      mtu: 1400,
    });
  });

  it('is asked for with what is known of the packet', () => {
    const nothing = { source: null, iif: null, protocol: null, port: null };
    const hex = (destination: string): string | undefined => {
      const request = encodeRouteQuestion({ ...nothing, destination }, '/run/netns/blue');
      expect(request).toMatchObject({ protocol: 0, namespace: '/run/netns/blue' });
      return request === undefined ? undefined : Buffer.from(request.message).toString('hex').slice(32);
    };
    expect(hex('192.0.2.1')).toBe('02200000000000000010000008000100c0000201');
    // IPv6 takes no such flag.
    expect(hex('2001:db8::1')).toMatch(/^0a80000000000000000000001400010020010db8/);
    const whole = encodeRouteQuestion({
      destination: '192.0.2.1',
      source: '192.0.2.2',
      iif: 7,
      protocol: 6,
      port: 443,
    });
    expect(Buffer.from(whole?.message ?? []).toString('hex')).toContain('080003000700000005001b000600000006001d0001bb');
  });

  it.each([
    ['no address', null],
    ['192.0.2.1', '2001:db8::1'],
    ['192.0.2.1', 'x'],
  ])('is not asked for of %s from %s', (destination, source) => {
    expect(encodeRouteQuestion({ destination, source, iif: null, protocol: null, port: null })).toBeUndefined();
  });
});

it('tells of links what they let through', () => {
  const links = must(decodeLinks(netlinkFixture('links'), 'x'));
  const all = must(decodeLinkConditions(netlinkFixture('links'), 'x'));
  const of = (name: string): unknown =>
    all.find(({ ifindex }) => ifindex === links.find((link) => link.name === name)?.ifindex);
  expect(of('br0')).toMatchObject({
    carrier: true,
    hasXdp: false,
    bridge: { stp: false, vlanFiltering: false },
    port: null,
  });
  expect(of('port0')).toMatchObject({
    bridge: null,
    port: { isolated: false, learning: true, hairpin: false, floodsUnknown: true },
  });
  expect(of('lo')).toMatchObject({ bridge: null, port: null, queue: 'noqueue' });
});

it('tells of listening sockets how many wait, and how many may', () => {
  const [first] = must(decodeListeningPorts(netlinkFixture('listeners-tcp'), 'x'));
  expect(first).toMatchObject({ family: 'inet', onlyIpv6: null, waiting: 0 });
  expect(first?.room).toBeGreaterThan(0);
});

it('counts drops by their reason and where', () => {
  const text = `# tracer: nop
#
# entries-in-buffer/entries-written: 3/5   #P:2
#
     ping-1 [000] b.... 1.0: kfree_skb: skbaddr=00000000a rx_sk=0 protocol=2048 location=nft_do_chain+0x1/0x2 [nf_tables] reason: NETFILTER_DROP
     ping-1 [000] b.... 1.1: kfree_skb: skbaddr=00000000b protocol=2048 location=nft_do_chain+0x1/0x2 reason: NETFILTER_DROP
  kfree_skb: -2 [001] b.... 1.2: kfree_skb: skbaddr=00000000c protocol=34525 location=ip6_mc_input+0x1/0x2 reason: NOT_SPECIFIED
     sh-3 [001] b.... 1.2: other_event: reason: X
  node-4 [001] b.... 1.2: kfree_skb: skbaddr=00000000d protocol=0 location=inet_rtm_getroute+0x1/0x2 reason: NOT_SPECIFIED
`;
  expect(parseDrops(new TextEncoder().encode(text))).toEqual({
    counts: [
      { reason: 'NETFILTER_DROP', location: 'nft_do_chain', count: 2 },
      { reason: 'NOT_SPECIFIED', location: 'ip6_mc_input', count: 1 },
    ],
    lost: 2,
  });
});
