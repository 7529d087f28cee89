// The links of test/support/net-labs.ts, as the kernel told them.

import { describe, expect, it } from 'vitest';
import type { Reading } from '../../../src/kernel/host.ts';
import { decodeDetailedLinks, encodeFarLink, type DetailedLink } from '../../../src/kernel/netlink/link-details.ts';
import { encodeRouteDump } from '../../../src/kernel/netlink/routes.ts';
import { netlinkFixture } from '../../support/netlink-fixture.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function must<T>(reading: Reading<T>): T {
  if (!reading.ok) throw new Error(JSON.stringify(reading.gap));
  return reading.value;
}

describe('links with all that there is of their kinds', () => {
  const links = must(decodeDetailedLinks(netlinkFixture('links-detailed'), 'links'));
  const link = (name: string): DetailedLink | undefined => links.find((one) => one.name === name);

  it('have the state of a port, other names, an alias', () => {
    expect(link('v1')).toMatchObject({ kind: 'veth', portKind: 'bridge', portState: 'forwarding', altNames: [] });
    expect(link('br0')).toMatchObject({ kind: 'bridge', portKind: null, portState: null, vxlan: null });
    expect(link('parent')).toMatchObject({ altNames: ['a-very-long-name-for-a-link'], alias: 'what "it" is <b>' });
  });

  it('have the two ends of a vxlan', () => {
    expect(link('vx0')).toMatchObject({
      kind: 'vxlan',
      vxlan: { id: 42, local: '192.0.2.1', remote: '192.0.2.9', port: 4789 },
      mode: null,
      vlanId: null,
    });
  });

  it('have counters', () => {
    const counters = link('v1')?.counters;
    expect(counters?.txPackets).toBeGreaterThan(0n);
    expect(counters?.txBytes).toBeGreaterThan(counters?.txPackets ?? 0n);
    expect(counters).toMatchObject({ rxErrors: 0n, txErrors: 0n, txDropped: 0n });
  });

  it('that are cut anywhere are malformed, or fewer', () => {
    for (const datagram of netlinkFixture('links-detailed')) {
      for (let length = 0; length < datagram.length; length += 13) {
        const answer = decodeDetailedLinks([datagram.subarray(0, length)], 'x');
        if (!answer.ok) expect(answer.gap.reason).toBe('malformed');
      }
    }
  });
});

describe('what is asked', () => {
  it('is one link of a namespace that has only a number', () => {
    const request = encodeFarLink(3, 7, '/run/netns/blue');
    expect(request).toMatchObject({ namespace: '/run/netns/blue', protocol: 0 });
    expect(request).not.toHaveProperty('dump');
    expect(hex(request.message)).toBe(
      `280000001200010001000000000000000000000007000000${'00'.repeat(8)}08002e0003000000`,
    );
  });

  it('is the routes of one table', () => {
    expect(hex(encodeRouteDump(undefined, 254).message)).toBe(
      `1c0000001a0001030100000000000000${'00'.repeat(4)}fe${'00'.repeat(7)}`,
    );
  });
});
