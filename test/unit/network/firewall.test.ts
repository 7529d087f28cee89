// The judge on a recorded router, and on rules by hand: what is not known is never taken for certain.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { recordedHost } from '../../../src/host/recorded/recorded-host.ts';
import type { Expression, NftVerdict } from '../../../src/kernel/nftables/expression.ts';
import type { NftRule, NftSet, NftSetElement } from '../../../src/kernel/nftables/objects.ts';
import { bridgeFilter } from '../../../src/network/firewall/bridge-filter.ts';
import { judge } from '../../../src/network/firewall/judge.ts';
import { newPacket, type Packet } from '../../../src/network/firewall/packet.ts';
import { readRuleset } from '../../../src/network/firewall/read-ruleset.ts';
import type { FirewallTable, Ruleset } from '../../../src/network/firewall/ruleset.ts';

function recorded(): Ruleset {
  const file = fileURLToPath(new URL('../../../fixtures/netlink/firewall.ndjson', import.meta.url));
  const host = recordedHost(readFileSync(file, 'utf8'), file);
  if (!host.ok) throw new Error(JSON.stringify(host.gap));
  return readRuleset(host.value, '/run/netns/router');
}

const packet = (known: Partial<Packet> = {}): Packet =>
  newPacket({
    family: 'ip',
    protocol: 'tcp',
    source: '192.0.2.5',
    destination: '198.51.100.7',
    iif: 'l0',
    oif: 'r0',
    ...known,
  });

describe('a recorded router', () => {
  const ruleset = recorded();

  it('is read whole', () => {
    expect(ruleset.gaps).toEqual([]);
    const names = ruleset.tables.map(({ family, name, isLegacy }) => `${isLegacy ? 'legacy ' : ''}${family} ${name}`);
    expect(names).toEqual([
      'inet t',
      'ip more',
      'ip6 six',
      'arp aa',
      'bridge bb',
      'netdev dd',
      'ip filter',
      'ip nat',
      'legacy ip filter',
    ]);
    expect(bridgeFilter(ruleset, 'br0', 'ip')).toEqual({
      isOn: true,
      by: '/proc/sys/net/bridge/bridge-nf-call-iptables',
    });
  });

  it('judges as it did when it was alive', () => {
    const { verdict, certain, by } = judge(ruleset, 'prerouting', packet({ destination: '10.1.0.1', dport: 8080 }));
    expect({ verdict, certain }).toEqual({ verdict: 'accept', certain: true });
    expect(by).toMatchObject({ family: 'ip', table: 'nat', chain: 'DOCKER' });
    const { nat, packet: after } = judge(ruleset, 'prerouting', packet({ destination: '10.1.0.1', dport: 8080 }));
    expect(nat).toMatchObject({ kind: 'dnat', address: '10.2.0.2', port: 80 });
    expect(after).toMatchObject({ destination: '10.2.0.2', dport: 80, ctStatus: ['dnat'], iif: 'l0', oif: 'r0' });
  });

  it('knows of a drop in iptables-legacy', () => {
    const all = judge(ruleset, 'forward', packet({ dport: 23 }));
    const decided = [all, ...all.others].map(({ by }) => `${by?.family} ${by?.text}`);
    expect(decided).toContain('legacy ip -j DROP');
  });
});

type Rules = Readonly<Record<string, readonly (readonly Expression[])[]>>;

const verdict = (code: 'accept' | 'drop' | 'return' | 'queue'): Expression => ({
  kind: 'immediate',
  dreg: 0,
  data: { verdict: { code } },
});
const jump = (chain: string, code: 'jump' | 'goto' = 'jump'): Expression => ({
  kind: 'immediate',
  dreg: 0,
  data: { verdict: { code, chain } },
});
const limit: Expression = { kind: 'limit', rate: 5n, per: 1n, burst: 5, of: 'packets', over: false };
const unknown: Expression = { kind: 'unknown', unknown: 'new_thing' };
const destinationPort: Expression = { kind: 'payload', dreg: 1, sreg: null, base: 'transport', offset: 2, length: 2 };
const port = (number: number): Uint8Array => Uint8Array.of(number >> 8, number & 0xff);
const isPort = (number: number): Expression => ({ kind: 'cmp', op: 'eq', sreg: 1, data: port(number) });

/** A table whose chain `base` is hooked. */
function rulesetOf(rules: Rules, sets: readonly NftSet[] = [], policy: 'accept' | 'drop' = 'accept'): Ruleset {
  const of = { family: 'inet', table: 't' } as const;
  const chains = Object.keys(rules).map((name, at) => ({
    ...of,
    name,
    handle: BigInt(at),
    comment: null,
    base: name === 'base' ? { hook: 2, priority: 0, type: 'filter', policy, devices: [], counters: null } : null,
  }));
  const ruleOf = (chain: string, expressions: readonly Expression[], at: number): NftRule => ({
    ...of,
    chain,
    handle: BigInt(at + 1),
    expressions,
    comment: null,
  });
  const table: FirewallTable = {
    family: 'inet',
    name: 't',
    handle: 1n,
    isLegacy: false,
    isDormant: false,
    isOwned: false,
    comment: null,
    chains: new Map(chains.map((chain) => [chain.name, chain])),
    rules: new Map(Object.entries(rules).map(([name, all]) => [name, all.map((one, at) => ruleOf(name, one, at))])),
    sets: new Map(sets.map((set) => [set.name, set])),
    objects: [],
  };
  return { tables: [table], links: [], local: [], routes: null, bridgeCalls: 'absent', gaps: [] };
}

function said(ruleset: Ruleset, known: Partial<Packet> = {}): string {
  const { verdict, certain, others } = judge(ruleset, 'forward', packet(known));
  return [`${certain ? 'certain' : 'possible'} ${verdict}`, ...others.map((other) => other.verdict)].join(', ');
}

function ports(elements: readonly (readonly [from: number, to: number, verdict: NftVerdict])[]): NftSet {
  const element = (key: number, more: Partial<NftSetElement>): NftSetElement => ({
    key: port(key),
    keyEnd: null,
    data: null,
    object: null,
    isEnd: false,
    isCatchAll: false,
    timeout: null,
    expires: null,
    comment: null,
    expressions: [],
    ...more,
  });
  return {
    family: 'inet',
    table: 't',
    name: 'ports',
    handle: 1n,
    isAnonymous: false,
    isConstant: false,
    isInterval: true,
    isMap: true,
    isDynamic: false,
    hasTimeout: false,
    parts: [],
    keyType: 13,
    keyLength: 2,
    dataType: null,
    dataLength: null,
    elements: elements.flatMap(([from, to, verdict]) => [
      element(from, { data: { verdict } }),
      element(to + 1, { isEnd: true }),
    ]),
  };
}

describe('rules by hand', () => {
  it.each<readonly [string, Rules, string]>([
    ['nothing known to matter', { base: [[destinationPort, isPort(80), verdict('drop')]] }, 'possible drop, accept'],
    ['a limit', { base: [[limit, verdict('drop')]] }, 'possible drop, accept'],
    [
      'a limit before what comes to the same',
      { base: [[limit, verdict('drop')], [verdict('drop')]] },
      'certain drop, drop',
    ],
    ['a limit on what only logs', { base: [[limit, { kind: 'counter', packets: 0n, bytes: 0n }]] }, 'certain accept'],
    ['an instruction of the future', { base: [[unknown], [verdict('accept')]] }, 'possible drop, accept'],
    [
      'one of the future after what does not hold',
      {
        base: [
          [
            { kind: 'meta', dreg: 1, sreg: null, key: 'nfproto' },
            { kind: 'cmp', op: 'eq', sreg: 1, data: Uint8Array.of(10) },
            unknown,
          ],
        ],
      },
      'certain accept',
    ],
    ['a queue', { base: [[verdict('queue')]] }, 'possible drop, accept'],
    [
      'a set that is not there',
      {
        base: [[destinationPort, { kind: 'lookup', set: 'x', sreg: 1, dreg: null, inverted: false }, verdict('drop')]],
      },
      'possible drop, accept',
    ],
    ['a chain that is not there', { base: [[jump('x')]] }, 'certain accept'],
    ['return from where nobody jumped', { base: [[verdict('return')], [verdict('drop')]] }, 'certain accept'],
    [
      'goto does not come back',
      { base: [[jump('a')], [verdict('drop')]], a: [[jump('b', 'goto')], [verdict('accept')]], b: [] },
      'certain drop',
    ],
  ])('%s', (_, rules, expected) => {
    expect(said(rulesetOf(rules))).toBe(expected);
  });

  it('do not go on for ever', () => {
    expect(said(rulesetOf({ base: [[jump('base')]] }))).toMatch(/^possible/);
    expect(said(rulesetOf({ base: [[jump('a', 'goto')]], a: [[jump('a', 'goto')]] }))).toMatch(/^possible/);
    const twice = (next: string): readonly (readonly Expression[])[] => [
      [limit, jump(next)],
      [limit, jump(next)],
      [limit, jump(next)],
    ];
    const deep = Object.fromEntries(
      Array.from({ length: 15 }, (_, at) => [at === 0 ? 'base' : `c${at}`, twice(`c${at + 1}`)]),
    );
    expect(said(rulesetOf(deep))).toMatch(/accept$/);
  });

  it('look a port up among ranges', () => {
    const set = ports([
      [1, 79, { code: 'accept' }],
      [80, 80, { code: 'drop' }],
      [90, 99, { code: 'drop' }],
    ]);
    const ruleset = rulesetOf(
      { base: [[destinationPort, { kind: 'lookup', set: 'ports', sreg: 1, dreg: 0, inverted: false }]] },
      [set],
    );
    const of = (dport: number | null): string => said(ruleset, { dport });
    expect([79, 80, 81, 90, 99, 100, 0].map(of)).toEqual([
      'certain accept',
      'certain drop',
      'certain accept',
      'certain drop',
      'certain drop',
      'certain accept',
      'certain accept',
    ]);
    expect(of(null)).toBe('possible drop, accept');
  });

  it('are not sure where something could not be read, but of a drop', () => {
    const gaps = [{ reason: 'denied', what: 'nftables rules' } as const];
    const open = { ...rulesetOf({ base: [] }), gaps };
    expect(judge(open, 'forward', packet())).toMatchObject({
      verdict: 'accept',
      certain: false,
      doubts: [{ why: 'not read: nftables rules', by: null }],
    });
    expect(judge({ ...rulesetOf({ base: [] }, [], 'drop'), gaps }, 'forward', packet())).toMatchObject({
      verdict: 'drop',
      certain: true,
      by: { isPolicy: true, text: 'policy drop' },
    });
  });

  it('are not asked at other hooks, of other families, or in a table that sleeps', () => {
    const ruleset = rulesetOf({ base: [[verdict('drop')]] });
    expect(judge(ruleset, 'input', packet()).verdict).toBe('accept');
    expect(judge(ruleset, 'bridge forward', packet()).verdict).toBe('accept');
    expect(judge(ruleset, 'forward', { ...packet(), family: 'arp' }).verdict).toBe('accept');
    const asleep = { ...ruleset, tables: ruleset.tables.map((table) => ({ ...table, isDormant: true })) };
    expect(judge(asleep, 'forward', packet())).toMatchObject({ verdict: 'accept', certain: true, by: null });
  });
});
