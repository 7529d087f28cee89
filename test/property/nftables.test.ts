// What is encoded for nftables is decoded as the same instructions.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeExpressions } from '../../src/kernel/nftables/decode-expression.ts';
import { encodeExpression } from '../../src/kernel/nftables/encode.ts';
import type { Expression } from '../../src/kernel/nftables/expression.ts';
import * as match from '../../src/kernel/nftables/matches.ts';
import { passOn, passWithin } from '../../src/kernel/nftables/xtables.ts';
import { isSameRule } from '../../src/network/same-rule.ts';

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part, ...new Uint8Array(-part.length & 3)]));
}

const port = fc.integer({ min: 0, max: 65_535 });
const link = fc.stringMatching(/^[a-z][a-z0-9.-]{0,14}$/);
const address = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
);
const which = fc.constantFrom('saddr', 'daddr');
const operator = fc.constantFrom('eq', 'neq');

const rules: fc.Arbitrary<readonly Expression[]> = fc.oneof(
  fc
    .tuple(which, operator, address, fc.nat(128))
    .map(([side, op, bytes, length]) => [
      ...match.ofFamily(bytes),
      ...match.address(side, op, { address: bytes, prefixLength: Math.min(length, bytes.length * 8) }),
      match.counter(),
      match.masquerade(),
    ]),
  fc
    .tuple(fc.constantFrom('tcp', 'udp'), fc.constantFrom('sport', 'dport'), port, address, port)
    .map(([protocol, side, from, bytes, to]) => [
      ...match.toUs(),
      ...match.port(protocol, side, from),
      ...match.translate(bytes, to),
    ]),
  link.map((name) => [...match.link('iifname', name), ...match.translated(), match.verdict('drop')]),
  fc.tuple(link, link).map(([name, comment]) => [...(passOn(name, comment)[1] ?? []), ...passWithin(name, comment)]),
);

describe('nftables', () => {
  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(rules, (rule) => {
        const decoded = decodeExpressions(joined(rule.map(encodeExpression)), 'rule');
        if (!decoded.ok) throw new Error(JSON.stringify(decoded.gap));
        expect(decoded.value.map(({ kind }) => kind)).toEqual(rule.map(({ kind }) => kind));
        expect(isSameRule(decoded.value, rule)).toBe(true);
        expect(joined(decoded.value.map(encodeExpression))).toEqual(joined(rule.map(encodeExpression)));
      }),
    );
  });

  it('tells rules apart, but for what they counted', () => {
    fc.assert(
      fc.property(rules, rules, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (a, b, packets) => {
        const counted = a.map((each) => (each.kind === 'counter' ? { ...each, packets, bytes: packets } : each));
        expect(isSameRule(counted, a)).toBe(true);
        const isEqual = JSON.stringify(a, plain) === JSON.stringify(b, plain);
        expect(isSameRule(a, b)).toBe(isEqual);
      }),
    );
  });
});

function plain(_: string, each: unknown): unknown {
  return typeof each === 'bigint' ? String(each) : each;
}
