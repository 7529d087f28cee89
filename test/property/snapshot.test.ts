// Snapshots come from anywhere: whatever is in one is taken whole, or refused as bad input. What the tables of messages encode
// they decode.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NsError } from '../../src/kernel/error.ts';
import { decodeRecord, encodeRecord, type Layout } from '../../src/kernel/netlink/layout.ts';
import { ADDRESS_LAYOUT, NEIGHBOUR_LAYOUT, ROUTE_LAYOUT, RULE_LAYOUT } from '../../src/kernel/netlink/layouts.ts';
import { joined } from '../../src/kernel/netlink/layout.ts';
import { NFT_SORTS, nftLayout } from '../../src/kernel/nftables/raw-objects.ts';
import { anonymise } from '../../src/network/anonymise.ts';
import { planReplay } from '../../src/network/replay-plan.ts';
import { parseSnapshot } from '../../src/network/snapshot-check.ts';

const SMALL = {
  nstool_snapshot: 1,
  made: '2026-01-01T00:00:00.000Z',
  kernel: '6.1',
  target: 'netns:a',
  anonymised: false,
  networks: [
    {
      role: 'target',
      name: 'netns:a',
      links: [
        {
          ifindex: 2,
          name: 'eth0',
          kind: 'veth',
          data: {},
          address: '02:00:00:00:00:01',
          mtu: 1500,
          txqlen: 1000,
          group: 0,
          flags: 4163,
          queues: { tx: 1, rx: 1 },
          alias: null,
          altnames: [],
          master: null,
          port: null,
          below: null,
          peer: null,
          carrier: true,
          addrgenmode: 0,
        },
      ],
      addresses: [
        { family: 2, prefix_length: 24, scope: 0, ifindex: 2, local: '8.8.8.8', address: '8.8.8.8', flags: 128 },
      ],
      routes: [
        {
          family: 2,
          dst_length: 0,
          src_length: 0,
          tos: 0,
          protocol: 3,
          scope: 0,
          type: 1,
          flags: 0,
          table: 254,
          oif: 2,
          metrics: { mtu: 1400 },
          gateway: '8.8.8.1',
        },
      ],
      rules: [{ family: 10, dst_length: 0, src_length: 0, tos: 0, action: 1, flags: 0, priority: 5, table: 100 }],
      neighbours: [
        { family: 2, ifindex: 2, state: 128, flags: 0, type: 1, dst: '8.8.8.9', lladdr: '02:00:00:00:00:02' },
      ],
      nft: [
        { sort: 'table', record: { family: 1, name: 't', flags: 0 } },
        { sort: 'rule', record: { family: 1, table: 't', chain: 'c', expressions: '08000100' } },
      ],
      settings: { 'ipv4/ip_forward': '1' },
      files: { 'resolv.conf': 'nameserver 8.8.8.8' },
    },
  ],
  missing: [{ network: 0, what: 'a', why: 'b' }],
};

/** The document with one value of it another, or gone. */
function spoilt(json: unknown, path: readonly number[], by: unknown): unknown {
  if (typeof json !== 'object' || json === null || path.length === 0) return by;
  const [step = 0, ...rest] = path;
  const keys = Object.keys(json);
  const key = keys[step % Math.max(1, keys.length)];
  if (key === undefined) return by;
  const entries = Object.entries(json).map(([name, value]) => [name, name === key ? spoilt(value, rest, by) : value]);
  return Array.isArray(json) ? entries.map(([, value]) => value as unknown) : Object.fromEntries(entries);
}

function isTaken(text: string): boolean {
  try {
    const snapshot = parseSnapshot(text, 'file');
    planReplay(snapshot, 'copy', new Uint8Array());
    planReplay(anonymise(snapshot), 'copy', undefined);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(NsError);
    expect(error).toMatchObject({ code: 'BAD_VALUE', facts: { what: 'file is no snapshot that can be replayed' } });
    return false;
  }
}

describe('a snapshot', () => {
  it('that is whole is taken', () => {
    expect(isTaken(JSON.stringify(SMALL))).toBe(true);
  });

  it('with anything else in place of a part of it is taken or refused', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 7 }), fc.jsonValue(), (path, by) => {
        isTaken(JSON.stringify(spoilt(SMALL, path, by)));
      }),
    );
  });

  it('with a list in a list thousands of times is refused', () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    for (const at of ['"nstool_snapshot":1', '"ifindex":2', '"expressions":"08000100"', '"role":"target"'])
      expect(isTaken(JSON.stringify(SMALL).replace(at, `${at.split(':')[0] ?? ''}:${deep}`)), at).toBe(false);
  });

  it('anonymised names its networks nowhere, also not in what is missing', () => {
    const told = { network: 0, what: '3 links of netns:acme', why: '/run/netns/acme: EPERM' };
    const text = JSON.stringify({ ...SMALL, missing: [told] }).replace('"name":"netns:a"', '"name":"netns:acme"');
    const changed = anonymise(parseSnapshot(text, 'file'));
    expect(changed.missing[0]).toEqual({ network: 0, what: '3 links of target', why: '/run/netns/target: EPERM' });
    expect(JSON.stringify(changed)).not.toContain('acme');
  });

  it('of any text is refused', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(isTaken(text)).toBe(false);
      }),
    );
  });

  it('cut anywhere is refused', () => {
    const text = JSON.stringify(SMALL);
    fc.assert(fc.property(fc.nat(text.length - 1), (length) => !isTaken(text.slice(0, length))));
  });
});

const layouts: readonly Layout[] = [
  ADDRESS_LAYOUT,
  ROUTE_LAYOUT,
  RULE_LAYOUT,
  NEIGHBOUR_LAYOUT,
  ...NFT_SORTS.map(nftLayout),
];

describe.each(layouts)('messages of a $what', (layout) => {
  it('any bytes are a record that is the same again, or malformed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const once = decodeRecord(layout, bytes, 'test');
        if (!once.ok) return;
        const again = decodeRecord(layout, joined(encodeRecord(layout, once.value.record)), 'test');
        expect(again).toMatchObject({ ok: true, value: { record: once.value.record } });
      }),
    );
  });
});
