// A table of iptables-legacy, from the kernel's block of rules. Source: include/uapi/linux/netfilter/x_tables.h,
// netfilter_ipv4/ip_tables.h, netfilter_ipv6/ip6_tables.h. Chains stand one after the other; those of users begin with
// an entry whose target is ERROR and has their name; a jump is the offset of a chain's first rule.

import { gap, value, type Reading } from '../host.ts';
import { textOf, view } from '../netlink/message.ts';
import type { XtFamily } from './match.ts';

/** What a rule asks of the headers before its matches. */
export interface LegacySelector {
  readonly source: Uint8Array;
  readonly sourceMask: Uint8Array;
  readonly destination: Uint8Array;
  readonly destinationMask: Uint8Array;
  /** As many bytes of a name as count. Absent (empty): any. */
  readonly iif: Uint8Array;
  readonly oif: Uint8Array;
  /** 0: any. */
  readonly protocol: number;
  /** IPT_F_FRAG: only what is no beginning of a packet. */
  readonly isFragment: boolean;
  readonly inverted: { readonly [Key in 'source' | 'destination' | 'iif' | 'oif' | 'protocol']: boolean };
}

export interface LegacyExtension {
  readonly name: string;
  readonly revision: number;
  readonly info: Uint8Array;
}

export type LegacyTarget =
  | { readonly code: 'accept' | 'drop' | 'return' | 'queue' | 'continue' }
  | { readonly code: 'jump' | 'goto'; readonly chain: string }
  | { readonly code: 'target'; readonly target: LegacyExtension };

export interface LegacyRule {
  readonly selector: LegacySelector;
  readonly matches: readonly LegacyExtension[];
  readonly target: LegacyTarget;
  readonly packets: bigint;
  readonly bytes: bigint;
}

export interface LegacyChain {
  readonly name: string;
  /** NF_INET_*. Absent (null): others jump to it. */
  readonly hook: number | null;
  readonly rules: readonly LegacyRule[];
  /** Of one with a hook. */
  readonly policy: LegacyRule | null;
}

/** struct ipt_getinfo: name, hooks, where each begins, where its policy is, number and length of entries. */
const INFO_LENGTH = 84;
const VALID_HOOKS_OFFSET = 32;
const FIRST_OFFSET = 36;
const POLICY_OFFSET = 56;
const HOOKS = ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'];

/** Where the parts of an entry stand. */
const LAYOUTS = {
  ip: {
    address: 4,
    names: 16,
    protocol: 80,
    flags: 82,
    inverted: 83,
    target: 88,
    counters: 96,
    matches: 112,
    gotoFlag: 2,
  },
  ip6: {
    address: 16,
    names: 64,
    protocol: 128,
    flags: 131,
    inverted: 132,
    target: 140,
    counters: 152,
    matches: 168,
    gotoFlag: 4,
  },
} as const;
const NAME_LENGTH = 16;
const IPT_F_FRAG = 1;
const INVERTED = { iif: 1, oif: 2, source: 8, destination: 0x10, protocol: 0x40 } as const;
/** struct xt_entry_match and xt_entry_target: length, name, revision. */
const EXTENSION_HEADER = 32;

interface Entry {
  readonly offset: number;
  readonly next: number;
  readonly rule: Omit<LegacyRule, 'target'>;
  readonly isGoto: boolean;
  readonly target: LegacyExtension;
}

export function decodeLegacyTable(bytes: Uint8Array, family: XtFamily, what: string): Reading<readonly LegacyChain[]> {
  const bad = (text: string): Reading<never> => gap({ reason: 'malformed', what, text });
  if (bytes.length < INFO_LENGTH) return bad(`an answer of ${bytes.length} bytes`);
  const info = view(bytes);
  const blob = bytes.subarray(INFO_LENGTH);
  const entries = entriesOf(blob, family);
  if (entries === undefined) return bad(`rules of ${blob.length} bytes that do not follow each other`);
  const hooks = HOOKS.flatMap((name, hook) =>
    (info.getUint32(VALID_HOOKS_OFFSET, true) & (1 << hook)) === 0
      ? []
      : [
          {
            name,
            hook,
            first: info.getUint32(FIRST_OFFSET + 4 * hook, true),
            policy: info.getUint32(POLICY_OFFSET + 4 * hook, true),
          },
        ],
  );
  return value(chainsOf(entries, hooks));
}

/** Undefined: they do not fit into each other. */
function entriesOf(blob: Uint8Array, family: XtFamily): readonly Entry[] | undefined {
  const { matches, target } = LAYOUTS[family];
  const entries: Entry[] = [];
  for (let offset = 0; offset < blob.length;) {
    const rest = blob.subarray(offset);
    if (rest.length < matches + EXTENSION_HEADER) return undefined;
    const [targetAt, length] = [view(rest).getUint16(target, true), view(rest).getUint16(target + 2, true)];
    const isWhole = targetAt >= matches && length >= targetAt + EXTENSION_HEADER && length <= rest.length;
    const entry = isWhole ? entryOf(rest.subarray(0, length), family, offset, targetAt) : undefined;
    if (entry === undefined) return undefined;
    entries.push(entry);
    offset += length;
  }
  return entries;
}

function entryOf(bytes: Uint8Array, family: XtFamily, offset: number, targetAt: number): Entry | undefined {
  const layout = LAYOUTS[family];
  const matches: LegacyExtension[] = [];
  for (let at: number = layout.matches; at < targetAt;) {
    const length = view(bytes).getUint16(at, true);
    if (length < EXTENSION_HEADER || at + length > targetAt) return undefined;
    matches.push(extensionOf(bytes.subarray(at, at + length)));
    at += length;
  }
  const counter = (at: number): bigint => view(bytes).getBigUint64(layout.counters + at, true);
  return {
    offset,
    next: offset + bytes.length,
    rule: { selector: selectorOf(bytes, family), matches, packets: counter(0), bytes: counter(8) },
    isGoto: ((bytes[layout.flags] ?? 0) & layout.gotoFlag) !== 0,
    target: extensionOf(bytes.subarray(targetAt)),
  };
}

function extensionOf(bytes: Uint8Array): LegacyExtension {
  const name = textOf(bytes.subarray(2, EXTENSION_HEADER - 1)) ?? '';
  return { name, revision: bytes[EXTENSION_HEADER - 1] ?? 0, info: bytes.slice(EXTENSION_HEADER) };
}

/** Source, destination, their masks; two names, their masks; protocol, flags. */
function selectorOf(bytes: Uint8Array, family: XtFamily): LegacySelector {
  const { address, names, protocol, flags, inverted } = LAYOUTS[family];
  const addressAt = (at: number): Uint8Array => bytes.slice(at * address, (at + 1) * address);
  const nameAt = (at: number): Uint8Array => bytes.slice(names + at * NAME_LENGTH, names + (at + 1) * NAME_LENGTH);
  const counting = (name: Uint8Array, mask: Uint8Array): Uint8Array => {
    const end = mask.findIndex((byte) => byte === 0);
    return end < 0 ? name : name.subarray(0, end);
  };
  const inverse = bytes[inverted] ?? 0;
  const isInverted = (flag: number): boolean => (inverse & flag) !== 0;
  return {
    source: addressAt(0),
    destination: addressAt(1),
    sourceMask: addressAt(2),
    destinationMask: addressAt(3),
    iif: counting(nameAt(0), nameAt(2)),
    oif: counting(nameAt(1), nameAt(3)),
    protocol: view(bytes).getUint16(protocol, true),
    isFragment: family === 'ip' && ((bytes[flags] ?? 0) & IPT_F_FRAG) !== 0,
    inverted: {
      source: isInverted(INVERTED.source),
      destination: isInverted(INVERTED.destination),
      iif: isInverted(INVERTED.iif),
      oif: isInverted(INVERTED.oif),
      protocol: isInverted(INVERTED.protocol),
    },
  };
}

interface HookedAt {
  readonly name: string;
  readonly hook: number;
  readonly first: number;
  readonly policy: number;
}

function chainsOf(entries: readonly Entry[], hooks: readonly HookedAt[]): readonly LegacyChain[] {
  /** By where their first rule is. */
  const names = new Map<number, string>(hooks.map(({ name, first }) => [first, name]));
  for (const { target, next } of entries) if (isHead(target)) names.set(next, errorName(target));
  const chains: LegacyChain[] = [];
  let current: { name: string; hook: HookedAt | null; entries: Entry[] } | undefined;
  const end = (): void => {
    if (current === undefined) return;
    const { name, hook, entries: own } = current;
    // A user's chain ends with a return that nobody wrote, one with a hook with its policy.
    const last = own.at(-1);
    const rules = own.slice(0, -1).map((entry) => ruleOf(entry, names));
    const policy = hook !== null && last !== undefined ? ruleOf(last, names) : null;
    chains.push({ name, hook: hook?.hook ?? null, rules, policy });
  };
  for (const entry of entries) {
    const hook = hooks.find(({ first }) => first === entry.offset);
    if (hook !== undefined || isHead(entry.target)) {
      end();
      current = { name: hook?.name ?? errorName(entry.target), hook: hook ?? null, entries: [] };
    }
    if (!isHead(entry.target)) current?.entries.push(entry);
  }
  // The last entry is an ERROR that begins nothing.
  return chains;
}

const isHead = ({ name }: LegacyExtension): boolean => name === 'ERROR';

function errorName({ info }: LegacyExtension): string {
  return textOf(info) ?? '';
}

/** -(verdict) - 1; -5 is RETURN. Source: XT_RETURN, NF_*. */
const VERDICTS = new Map<number, 'accept' | 'drop' | 'return' | 'queue'>([
  [-1, 'drop'],
  [-2, 'accept'],
  [-4, 'queue'],
  [-5, 'return'],
]);

function ruleOf({ rule, target, isGoto, next }: Entry, names: ReadonlyMap<number, string>): LegacyRule {
  return { ...rule, target: targetOf(target, isGoto, next, names) };
}

function targetOf(
  target: LegacyExtension,
  isGoto: boolean,
  next: number,
  names: ReadonlyMap<number, string>,
): LegacyTarget {
  if (target.name !== '') return { code: 'target', target };
  if (target.info.length < 4) return { code: 'continue' };
  const number = view(target.info).getInt32(0, true);
  // A rule without a target goes on with the next.
  if (number === next) return { code: 'continue' };
  if (number < 0) return { code: VERDICTS.get(number) ?? 'continue' };
  return { code: isGoto ? 'goto' : 'jump', chain: names.get(number) ?? '' };
}
