// The decision about a packet by rules and tables alone.

import { describe, expect, it } from 'vitest';
import { decideByTables } from '../../../src/inspect/doctor/route-tables.ts';
import type { Route } from '../../../src/kernel/netlink/routes.ts';
import type { Rule } from '../../../src/kernel/netlink/rules.ts';

function route(destination: string, more: Partial<Route> = {}): Route {
  const nextHops = [{ gateway: null, ifindex: 2, weight: 1, encap: null }];
  const known = { table: 254, protocol: 4, scope: 'global', type: 'unicast', priority: null, source: null, nextHops };
  return { family: destination.includes(':') ? 'inet6' : 'inet', destination, ...known, ...more };
}

function rule(priority: number, table: number | null, more: Partial<Rule> = {}): Rule {
  return {
    family: 'inet',
    priority,
    inverted: false,
    source: null,
    destination: null,
    tos: null,
    mark: null,
    iif: null,
    oif: null,
    uids: null,
    ipProtocol: null,
    sourcePorts: null,
    destinationPorts: null,
    sourcePortMask: null,
    destinationPortMask: null,
    tunnel: null,
    action: 'lookup',
    table,
    isOfVrf: false,
    target: null,
    suppressPrefixLength: null,
    suppressGroup: null,
    others: [],
    ...more,
  };
}

const USUAL = [rule(0, 255), rule(32_766, 254), rule(32_767, 253)];
const question = { source: '10.0.0.2', destination: '192.0.2.1', iif: null };
const via = (ifindex: number): Partial<Route> => ({ nextHops: [{ gateway: null, ifindex, weight: 1, encap: null }] });

describe('decideByTables', () => {
  const oif = (rules: readonly Rule[], routes: readonly Route[], more = {}): unknown => {
    const decision = decideByTables(rules, routes, { ...question, ...more });
    return decision.is === 'found' ? decision.route.oif : decision.errno;
  };

  it('takes the longest prefix, then the least metric', () => {
    const routes = [
      route('default', via(3)),
      route('192.0.2.0/24', { ...via(4), priority: 5 }),
      route('192.0.2.0/24', via(5)),
    ];
    expect(oif(USUAL, routes)).toBe(5);
    expect(oif([], routes)).toBe(5);
    expect(oif(USUAL, routes, { destination: '198.51.100.1' })).toBe(3);
  });

  it('refuses as the route says, and where there is none', () => {
    expect(oif(USUAL, [])).toBe('ENETUNREACH');
    expect(oif(USUAL, [route('default', { type: 'blackhole', nextHops: [] })])).toBe('EINVAL');
    expect(oif(USUAL, [route('default', { type: 'prohibit' })])).toBe('EACCES');
    expect(oif(USUAL, [route('default', { type: 'unreachable' })])).toBe('EHOSTUNREACH');
  });

  it('goes through the rules in their order, and on where a table has nothing', () => {
    const routes = [route('default', { ...via(7), table: 100 }), route('default', via(3))];
    expect(oif([rule(50, 100, { source: '10.0.0.0/8' }), ...USUAL], routes)).toBe(7);
    expect(oif([rule(50, 100, { source: '10.1.0.0/16' }), ...USUAL], routes)).toBe(3);
    expect(oif([rule(50, 100, { source: '10.1.0.0/16', inverted: true }), ...USUAL], routes)).toBe(7);
    expect(oif([rule(50, 100, { mark: { value: 1, mask: 1 } }), ...USUAL], routes)).toBe(3);
    expect(oif([rule(50, 100, { iif: 'br0' }), ...USUAL], routes, { iif: 'br0' })).toBe(7);
    expect(oif([rule(50, 200), ...USUAL], routes)).toBe(3);
    expect(oif([rule(50, null, { action: 'prohibit' }), ...USUAL], routes)).toBe('EACCES');
    expect(oif([rule(50, null, { action: 'goto', target: 32_766 }), rule(60, 100), ...USUAL], routes)).toBe(3);
    expect(oif([rule(50, 100, { suppressPrefixLength: 0 }), ...USUAL], routes)).toBe(3);
  });
});
