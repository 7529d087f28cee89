// A table of iptables-legacy, as one of nftables: its rules are walked by the same steps.

import type { Expression } from '../../kernel/nftables/expression.ts';
import type { BaseChain, NftChain, NftRule } from '../../kernel/nftables/objects.ts';
import type { LegacyChain, LegacyRule, LegacySelector } from '../../kernel/xtables/decode-table.ts';
import type { XtFamily } from '../../kernel/xtables/match.ts';
import { savedRule } from '../../kernel/xtables/saved-rule.ts';
import type { FirewallTable } from './ruleset.ts';

/** NF_IP_PRI_*. Source: include/uapi/linux/netfilter_ipv4.h. */
const PRIORITIES: Readonly<Record<string, number>> = { raw: -300, mangle: -150, filter: 0, security: 50 };
const NAT_DST = -100;
const NAT_SRC = 100;
/** NF_INET_LOCAL_IN and NF_INET_POST_ROUTING: what they translate is the source. */
const SOURCE_HOOKS: ReadonlySet<number> = new Set([1, 4]);

/** Its rules have the numbers that `iptables --line-numbers` shows for handles. */
export function legacyFirewallTable(family: XtFamily, name: string, chains: readonly LegacyChain[]): FirewallTable {
  const asRule = ({ name: chain }: LegacyChain, rule: LegacyRule, index: number): NftRule => ({
    family,
    table: name,
    chain,
    handle: BigInt(index + 1),
    expressions: expressionsOf(rule, family),
    comment: null,
    saved: savedRule(rule, family),
  });
  const asChain = (chain: LegacyChain): NftChain => ({
    family,
    table: name,
    name: chain.name,
    handle: 0n,
    base: baseOf(name, chain),
    comment: null,
  });
  return {
    family,
    name,
    handle: 0n,
    isLegacy: true,
    isDormant: false,
    isOwned: false,
    comment: null,
    chains: new Map(chains.map((chain) => [chain.name, asChain(chain)])),
    rules: new Map(chains.map((chain) => [chain.name, chain.rules.map((rule, at) => asRule(chain, rule, at))])),
    sets: new Map(),
    objects: [],
  };
}

function baseOf(table: string, { hook, policy }: LegacyChain): BaseChain | null {
  if (hook === null || policy === null) return null;
  const { packets, bytes } = policy;
  return {
    hook,
    priority: table === 'nat' ? (SOURCE_HOOKS.has(hook) ? NAT_SRC : NAT_DST) : (PRIORITIES[table] ?? 0),
    type: table === 'nat' ? 'nat' : 'filter',
    policy: policy.target.code === 'drop' ? 'drop' : 'accept',
    devices: [],
    counters: { packets, bytes },
  };
}

const REGISTER = 1;

/** Where the addresses stand in the headers. */
const ADDRESSES = { ip: { source: 12, destination: 16 }, ip6: { source: 8, destination: 24 } } as const;

function expressionsOf(rule: LegacyRule, family: XtFamily): readonly Expression[] {
  const { selector, matches, target, packets, bytes } = rule;
  const asked = [
    ...addressTest(selector, 'source', family),
    ...addressTest(selector, 'destination', family),
    ...nameTest(selector, 'iif'),
    ...nameTest(selector, 'oif'),
    ...protocolTest(selector),
    ...fragmentTest(selector),
    ...matches.map((match): Expression => ({ kind: 'match', ...match })),
    { kind: 'counter', packets, bytes } as const,
  ];
  return [...asked, ...targetOf(target)];
}

function targetOf(target: LegacyRule['target']): readonly Expression[] {
  if (target.code === 'target') return [{ kind: 'target', ...target.target }];
  if (target.code === 'continue') return [];
  return [{ kind: 'immediate', dreg: 0, data: { verdict: target } }];
}

function compared(data: Uint8Array, isInverted: boolean): Expression {
  return { kind: 'cmp', op: isInverted ? 'neq' : 'eq', sreg: REGISTER, data };
}

function addressTest(selector: LegacySelector, end: 'source' | 'destination', family: XtFamily): readonly Expression[] {
  const mask = selector[`${end}Mask`];
  if (mask.every((byte) => byte === 0)) return [];
  const { length } = mask;
  const offset = ADDRESSES[family][end];
  const registers = { sreg: REGISTER, dreg: REGISTER };
  return [
    { kind: 'payload', dreg: REGISTER, sreg: null, base: 'network', offset, length },
    { kind: 'bitwise', op: 'mask', ...registers, length, mask, xor: new Uint8Array(length), shift: 0, sreg2: null },
    compared(selector[end], selector.inverted[end]),
  ];
}

function nameTest(selector: LegacySelector, which: 'iif' | 'oif'): readonly Expression[] {
  const name = selector[which];
  if (name.length === 0) return [];
  return [{ kind: 'meta', dreg: REGISTER, sreg: null, key: `${which}name` }, compared(name, selector.inverted[which])];
}

function protocolTest({ protocol, inverted }: LegacySelector): readonly Expression[] {
  if (protocol === 0) return [];
  const data = Uint8Array.of(protocol & 0xff);
  return [{ kind: 'meta', dreg: REGISTER, sreg: null, key: 'l4proto' }, compared(data, inverted.protocol)];
}

/** The offset of a fragment, which is not 0 of one that is no beginning. */
function fragmentTest({ isFragment }: LegacySelector): readonly Expression[] {
  if (!isFragment) return [];
  const mask = Uint8Array.of(0x1f, 0xff);
  const zero = new Uint8Array(2);
  const registers = { sreg: REGISTER, dreg: REGISTER };
  return [
    { kind: 'payload', dreg: REGISTER, sreg: null, base: 'network', offset: 6, length: 2 },
    { kind: 'bitwise', op: 'mask', ...registers, length: 2, mask, xor: zero, shift: 0, sreg2: null },
    compared(zero, true),
  ];
}
