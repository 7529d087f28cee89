// A lab: its names and addresses, what is in its way, its plan, and its undo in the journal.

import { describe, expect, it, test } from 'vitest';
import { NsError } from '../../../src/kernel/error.ts';
import { gap, value, type Host } from '../../../src/kernel/host.ts';
import { decodeEntry, encodeEntry, type JournalEntry, type Undo } from '../../../src/kernel/journal.ts';
import { parseAddress } from '../../../src/kernel/netlink/address-text.ts';
import type { DetailedLink } from '../../../src/kernel/netlink/link-details.ts';
import type { Route } from '../../../src/kernel/netlink/routes.ts';
import { isMachineOf, machineOf, netText, overlap, parseIpNet } from '../../../src/network/ip-net.ts';
import { requireFree } from '../../../src/network/lab-overlap.ts';
import { planLab } from '../../../src/network/lab-plan.ts';
import { askedOf, labOf, type LabWords } from '../../../src/network/lab-words.ts';

const none: LabWords = {
  name: undefined,
  tutorial: false,
  bridge: undefined,
  useBridge: false,
  address: undefined,
  gateway: undefined,
  dns: [],
  mtu: undefined,
  ipv6: null,
  stp: false,
  nat: false,
  publish: [],
};

describe('addresses', () => {
  test.each([
    '1.2.3',
    '01.2.3.4',
    '1.2.3.256',
    '0x1.2.3.4',
    '1.2.3.4.5',
    ' 1.2.3.4',
    '1.2.3.-4',
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4::5:6:7:8',
    '12345::',
    '::1.2.3',
    '1.2.3.4::',
    'fe80::1%eth0',
    '::g',
  ])('%j is none', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });
  test.each([
    ['::', '00000000000000000000000000000000'],
    ['::1', '00000000000000000000000000000001'],
    ['fd00::', 'fd000000000000000000000000000000'],
    ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
    ['FD00:0:0:1::a.b', undefined],
    ['fd00:0:0:1::10.0.0.1', 'fd00000000000001000000000a000001'],
    ['10.0.0.1', '0a000001'],
  ])('%s is %s', (text, hex) => {
    const bytes = parseAddress(text);
    expect(bytes === undefined ? undefined : Buffer.from(bytes).toString('hex')).toBe(hex);
  });
  test.each(['1.2.3.4', '1.2.3.4/', '1.2.3.4/33', '1.2.3.4/08', '1.2.3.4/8/8', '1.2.3.4/-1', '::/129', '::1'])(
    '%j is no net',
    (text) => {
      expect(parseIpNet(text)).toBeUndefined();
    },
  );
  const net = (text: string) => parseIpNet(text) ?? { address: '', prefixLength: 0 };
  it('nets overlap where one is in the other', () => {
    expect(overlap(net('192.168.10.11/24'), net('192.168.0.0/16'))).toBe(true);
    expect(overlap(net('192.168.10.11/24'), net('192.168.11.0/24'))).toBe(false);
    expect(overlap(net('255.255.255.255/32'), net('0.0.0.0/0'))).toBe(true);
    expect(overlap(net('fd00:1::/64'), net('fd00::/16'))).toBe(true);
    expect(overlap(net('fd00:1::/64'), net('fd00:2::/64'))).toBe(false);
    expect(overlap(net('::/0'), net('10.0.0.0/8'))).toBe(false);
  });
  it('a net has a first address, and machines', () => {
    expect(netText(net('192.168.10.77/26'))).toBe('192.168.10.64/26');
    expect(netText(net('fd00:1:2:3:4::5/64'))).toBe('fd00:1:2:3::/64');
    expect(machineOf(net('fd00::ffff/112'), 10n)).toBe('fd00::a');
    expect([0, 1, 62, 63].map((last) => isMachineOf(net('10.0.0.0/26'), `10.0.0.${last}`))).toEqual([
      false,
      true,
      true,
      false,
    ]);
    expect(['fd00::', 'fd00::1', 'fd00::ffff', 'fd01::1'].map((each) => isMachineOf(net('fd00::/112'), each))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });
});

describe('a lab', () => {
  it("has the tutorial's addresses", () => {
    expect(askedOf(none)).toEqual({
      name: 'ns1',
      bridge: 'nstool0',
      useBridge: false,
      port: 'veth-ns1',
      address: { address: '192.168.10.11', prefixLength: 24 },
      gateway: '192.168.10.1',
      nameservers: ['8.8.8.8'],
      nat: false,
      publish: [],
      mtu: null,
      ipv6: null,
      stp: false,
    });
    expect(askedOf({ ...none, tutorial: true })).toMatchObject({ bridge: 'lxcbr0', port: 'lxcbr0.1' });
  });

  it('has names of links of at most 15 characters, the same each time', () => {
    const ports = ['a'.repeat(10), 'a'.repeat(11), 'b'.repeat(63)].map((name) => askedOf({ ...none, name }).port);
    expect(new Set(ports).size).toBe(3);
    for (const port of ports) expect(port.length).toBeLessThanOrEqual(15);
    expect(askedOf({ ...none, name: 'b'.repeat(63) }).port).toBe(ports[2]);
  });

  test.each<Partial<LabWords>>([
    { name: '../x' },
    { name: 'a\nb' },
    { name: 'x'.repeat(64) },
    { bridge: 'x'.repeat(16) },
    { bridge: 'x'.repeat(14), tutorial: true },
    { bridge: 'a b' },
    { bridge: 'all' },
    { bridge: 'default' },
    { bridge: 'veth-ns1' },
    { name: 'host' },
    { name: 'nstool0' },
    { name: 'b', bridge: 'b' },
    { mtu: '1279', ipv6: undefined },
    { address: '192.168.10.11' },
    { address: '192.168.10.0/24' },
    { address: '192.168.10.255/24' },
    { address: '192.168.10.1/24' },
    { address: '10.0.0.1/31' },
    { address: '127.0.0.2/8' },
    { gateway: '192.168.11.1' },
    { gateway: '192.168.10.11' },
    { dns: ['8.8.8.8', '8.8.8.8\nnameserver 6.6.6.6'] },
    { dns: ['127.0.0.53'] },
    { mtu: '67' },
    { mtu: '1e3' },
    { ipv6: '10.0.0.0/24' },
    { ipv6: 'fd00::/128' },
    { ipv6: 'fd00::1/64' },
    { ipv6: 'ff02::5/64' },
  ])('%j is refused', (words) => {
    expect(() => askedOf({ ...none, ...words })).toThrow(NsError);
  });
});

/** Nothing is there. */
const empty = {
  stat: (what: string) => gap({ reason: 'gone', what }),
  readLink: (what: string) => gap({ reason: 'gone', what }),
  readFile: (what: string) => gap({ reason: 'gone', what }),
  netlink: () => value([]),
} as unknown as Host;

describe('the plan', () => {
  let macs = 0;
  const { steps } = planLab(empty, {
    lab: labOf(askedOf(none), null),
    standing: null,
    shared: new Set(),
    settings: [],
    newMac: () => `02:00:00:00:00:0${(macs += 1)}`,
  });

  it('has all steps, each with a reason; what is made is undone', () => {
    expect(steps.map(({ what }) => what)).toEqual([
      'network namespace /run/netns/ns1',
      'bridge nstool0',
      'alias nstool:lab=ns1 on nstool0',
      'pair veth-ns1 and eth0 in ns1',
      'alias nstool:lab=ns1 on veth-ns1',
      'address 192.168.10.1/24 on nstool0',
      'nstool0 up',
      'veth-ns1 up',
      'address 192.168.10.11/24 on eth0 in ns1',
      'eth0 up in ns1',
      'default route by 192.168.10.1 in ns1',
      'directory /etc/netns',
      'directory /etc/netns/ns1',
      'file /etc/netns/ns1/resolv.conf',
    ]);
    expect(steps.every(({ isRight, reason }) => !isRight && reason !== '')).toBe(true);
    expect(steps.flatMap(({ undo }) => undo?.op ?? [])).toEqual([
      'network link',
      'network link',
      'folder',
      'folder',
      'file',
    ]);
  });

  it('survives the journal', () => {
    const name: Undo = { op: 'network name', path: '/run/netns/ns1', inode: 4_026_532_177n, id: 17n };
    const undo = [name, ...steps.flatMap((each) => each.undo ?? [])];
    const maker = { pid: 1, start: 2n, pidNamespace: 3n };
    const entry: JournalEntry = { id: 'net-ns1', boot: 'x', maker, made: 1, what: 'net up', kept: true, undo };
    expect(decodeEntry('net-ns1', encodeEntry(entry))).toEqual({ ok: true, value: entry });
  });

  test.each(['/etc/passwd', '/etc/netns/../passwd', '/run/netnsx', 'etc/netns'])('%s is nothing to undo', (path) => {
    const maker = { pid: 1, start: 2n, pidNamespace: 3n };
    const undo: Undo[] = [{ op: 'file', path, text: '' }];
    const bytes = encodeEntry({ id: 'x', boot: 'x', maker, made: 1, what: 'net up', kept: true, undo });
    expect(decodeEntry('x', bytes).ok).toBe(false);
  });
});

describe('what is in the way', () => {
  const nets = [{ net: { address: '192.168.10.11', prefixLength: 24 }, link: 'nstool0' }];
  const links = new Map([['corp0', { ifindex: 5, name: 'corp0' } as unknown as DetailedLink]]);
  const ours = new Map([['nstool0', { ifindex: 5, name: 'nstool0' } as unknown as DetailedLink]]);
  const route = (destination: string, more: Partial<Route> = {}): Route => ({
    family: 'inet',
    destination,
    table: 254,
    protocol: 2,
    scope: 'link',
    type: 'unicast',
    priority: null,
    source: null,
    nextHops: [{ gateway: null, ifindex: 5, weight: 1, encap: null }],
    ...more,
  });
  const blocked = (routes: readonly Route[], there = links): string | undefined => {
    try {
      requireFree(empty, nets, { routes, links: there });
      return undefined;
    } catch (error) {
      return error instanceof NsError ? error.facts.why : String(error);
    }
  };

  it('is a route to it, to a part of it, or to more than it, and named', () => {
    expect(blocked([route('192.168.10.0/24')])).toBe('the host has a route to 192.168.10.0/24 by corp0');
    expect(blocked([route('192.168.10.128/25')])).toBe('the host has a route to 192.168.10.128/25 by corp0');
    expect(blocked([route('192.168.0.0/16')])).toBe('the host has a route to 192.168.0.0/16 by corp0');
    expect(blocked([route('192.168.10.77')])).toBe('the host has a route to 192.168.10.77/32 by corp0');
  });

  it('is not the default route, the next net, the local table, or our own bridge', () => {
    expect(blocked([route('default'), route('192.168.11.0/24')])).toBeUndefined();
    expect(blocked([route('192.168.10.1', { table: 255, type: 'local' })])).toBeUndefined();
    expect(blocked([route('192.168.10.0/24')], ours)).toBeUndefined();
  });
});
