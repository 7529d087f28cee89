// Reads all that decides in a network namespace which packets pass.

import {
  IFLA_BR_NF_CALL_ARPTABLES,
  IFLA_BR_NF_CALL_IP6TABLES,
  IFLA_BR_NF_CALL_IPTABLES,
  IFLA_GROUP,
  IFLA_INFO_DATA,
  RT_TABLE_MAIN,
  RTM_NEWLINK,
} from '../../kernel/abi/netlink.ts';
import type { Gap, Host, NamespaceDoor, NetlinkRequest, Reading } from '../../kernel/host.ts';
import { value } from '../../kernel/host.ts';
import { decodeAddresses, encodeAddressDump } from '../../kernel/netlink/addresses.ts';
import { decodeEach } from '../../kernel/netlink/dump.ts';
import { attributesOfLink, encodeLinkDump, linkOf } from '../../kernel/netlink/links.ts';
import { attributeMap, numberOf } from '../../kernel/netlink/message.ts';
import { decodeRoutes, encodeRouteDump, type Route } from '../../kernel/netlink/routes.ts';
import { decodeRules, encodeRuleDump } from '../../kernel/netlink/rules.ts';
import {
  decodeChains,
  decodeNftRules,
  decodeObjects,
  decodeSetElements,
  decodeSets,
  decodeTables,
  encodeElementDump,
  encodeNftDump,
  generationsIn,
  type NftListed,
} from '../../kernel/nftables/decode-objects.ts';
import type { NftChain, NftObject, NftRule, NftSet, NftTable } from '../../kernel/nftables/objects.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { decodeLegacyTable } from '../../kernel/xtables/decode-table.ts';
import { more } from '../network-namespace.ts';
import { BRIDGE_CALL_FILES } from './bridge-filter.ts';
import { legacyFirewallTable } from './legacy-table.ts';
import type { PacketFamily } from './packet.ts';
import type { BridgeCalls, FirewallLink, FirewallTable, LocalRoute, Ruleset } from './ruleset.ts';

const TABLE_LOCAL = 255;

/** `door`: to the network namespace; absent: our own. What is not answered is a gap in it. */
export function readRuleset(host: Host, door?: NamespaceDoor): Ruleset {
  const gaps: Gap[] = [];
  const ask: Ask = (request, what, decode) => {
    const reply = host.netlink(more(request));
    const answer = reply.ok ? decode(reply.value, what) : reply;
    if (!answer.ok && !isLacking(answer.gap)) gaps.push({ ...answer.gap, what });
    return answer.ok ? answer.value : null;
  };
  const generations = new Set<number>();
  const noting: Ask = (request, what, decode) =>
    ask(request, what, (datagrams) => {
      for (const generation of generationsIn(datagrams, what)) generations.add(generation);
      return decode(datagrams, what);
    });
  // Who writes rules does it in one go, but they are read in several.
  let nftables = readTables(noting, door);
  for (let again = 0; generations.size > 1 && again < MAX_AGAIN; again += 1) {
    generations.clear();
    nftables = readTables(noting, door);
  }
  if (generations.size > 1) gaps.push({ reason: 'gone', what: 'nftables: the rules changed while they were read' });
  const tables = [...nftables, ...readLegacyTables(host, door, gaps)];
  const links = readLinks(ask, door);
  const isBridged = links.some(({ bridgeCalls }) => bridgeCalls !== null);
  const calls = isBridged ? readBridgeCalls(host, door) : value<Ruleset['bridgeCalls']>('absent');
  if (!calls.ok) gaps.push(calls.gap);
  const routes = host.netlink(encodeRouteDump(door, TABLE_LOCAL));
  const local = routes.ok ? decodeRoutes(routes.value, 'routes') : routes;
  if (!local.ok) gaps.push(local.gap);
  return {
    tables,
    links,
    routes: tables.some(asksRoutes) ? readRoutes(host, door) : null,
    local: local.ok ? local.value.flatMap(localRoute) : [],
    bridgeCalls: calls.ok ? calls.value : null,
    gaps,
  };
}

const LEGACY_NAMES = { ip: 'ip_tables_names', ip6: 'ip6_tables_names' } as const;

/** Those that are there: who asks for another makes it. */
function readLegacyTables(host: Host, door: NamespaceDoor | undefined, gaps: Gap[]): readonly FirewallTable[] {
  return (['ip', 'ip6'] as const).flatMap((family) => {
    const path = `/proc/thread-self/net/${LEGACY_NAMES[family]}`;
    const text = readThere(host, door, path);
    if (!text.ok) {
      // A kernel without them has no such file.
      if (text.gap.reason !== 'gone') gaps.push(text.gap);
      return [];
    }
    const names = decodeText(text.value)
      .split('\n')
      .filter((name) => name !== '');
    return names.flatMap((table) => {
      const where = door === undefined ? {} : { namespace: door };
      const bytes = host.legacyTable({ family, table, ...where });
      const chains = bytes.ok ? decodeLegacyTable(bytes.value, family, `legacy table ${table}`) : bytes;
      if (!chains.ok) gaps.push(chains.gap);
      return chains.ok ? [legacyFirewallTable(family, table, chains.value)] : [];
    });
  });
}

function readThere(host: Host, door: NamespaceDoor | undefined, path: string): Reading<Uint8Array> {
  return door === undefined ? host.readFile(path) : host.readFileInside({ kind: 'net', door, path });
}

function asksRoutes({ rules }: FirewallTable): boolean {
  const all = [...rules.values()].flat();
  return all.some(({ expressions }) => expressions.some((one) => one.kind === 'fib' && one.result !== 'type'));
}

/** Of the rules that every namespace begins with. */
const FIRST_TABLES: ReadonlySet<number | null> = new Set([TABLE_LOCAL, RT_TABLE_MAIN, 253]);

/** null: not known, or other tables than main count. */
function readRoutes(host: Host, door: NamespaceDoor | undefined): readonly Route[] | null {
  const rules = host.netlink(more(encodeRuleDump(door)));
  const policy = rules.ok ? decodeRules(rules.value, 'rules') : rules;
  if (!policy.ok || !policy.value.every(({ table }) => FIRST_TABLES.has(table))) return null;
  const routes = host.netlink(encodeRouteDump(door, RT_TABLE_MAIN));
  const main = routes.ok ? decodeRoutes(routes.value, 'routes') : routes;
  return main.ok ? main.value.filter(({ table }) => table === RT_TABLE_MAIN) : null;
}

/** Since Linux 5.3 they are the namespace's own. */
function readBridgeCalls(host: Host, door: NamespaceDoor | undefined): Reading<Ruleset['bridgeCalls']> {
  const isOn = (family: PacketFamily): Reading<boolean> => {
    const text = readThere(host, door, BRIDGE_CALL_FILES[family]);
    return text.ok ? value(decodeText(text.value).trim() !== '0') : text;
  };
  const [ip, ip6, arp] = [isOn('ip'), isOn('ip6'), isOn('arp')];
  if (!ip.ok) return ip.gap.reason === 'gone' ? value('absent') : ip;
  if (!ip6.ok) return ip6;
  return arp.ok ? value({ ip: ip.value, ip6: ip6.value, arp: arp.value }) : arp;
}

const MAX_AGAIN = 3;

type Ask = <T>(
  request: NetlinkRequest,
  what: string,
  decode: (datagrams: readonly Uint8Array[], what: string) => Reading<T>,
) => T | null;

/** A kernel without nftables has no rules of it. */
function isLacking({ errno }: Gap): boolean {
  return errno === 'EINVAL' || errno === 'EOPNOTSUPP' || errno === 'EPROTONOSUPPORT';
}

function readTables(ask: Ask, door: NamespaceDoor | undefined): readonly FirewallTable[] {
  const dump = <T>(
    listed: NftListed,
    what: string,
    decode: (datagrams: readonly Uint8Array[], what: string) => Reading<readonly T[]>,
  ): readonly T[] => ask(encodeNftDump(listed, door), `nftables ${what}`, decode) ?? [];
  const tables = dump<NftTable>('GETTABLE', 'tables', decodeTables);
  if (tables.length === 0) return [];
  const chains = grouped(dump<NftChain>('GETCHAIN', 'chains', decodeChains));
  const rules = grouped(dump<NftRule>('GETRULE', 'rules', decodeNftRules));
  const sets = grouped(dump<NftSet>('GETSET', 'sets', decodeSets));
  const objects = grouped(dump<NftObject>('GETOBJ', 'objects', decodeObjects));
  return tables.map((table): FirewallTable => {
    const key = keyOf(table.family, table.name);
    const ownRules = new Map<string, NftRule[]>();
    for (const rule of rules.get(key) ?? []) {
      const known = ownRules.get(rule.chain);
      if (known === undefined) ownRules.set(rule.chain, [rule]);
      else known.push(rule);
    }
    const withElements = (set: NftSet): NftSet => {
      const what = `nftables set ${set.family} ${set.table} ${set.name}`;
      return { ...set, elements: ask(encodeElementDump(set, door), what, decodeSetElements) };
    };
    return {
      ...table,
      isLegacy: false,
      chains: new Map((chains.get(key) ?? []).map((chain) => [chain.name, chain])),
      rules: ownRules,
      sets: new Map((sets.get(key) ?? []).map((set) => [set.name, withElements(set)])),
      objects: objects.get(key) ?? [],
    };
  });
}

const keyOf = (family: string, table: string): string => `${family} ${table}`;

function grouped<T extends { readonly family: string; readonly table: string }>(
  all: readonly T[],
): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const key = keyOf(one.family, one.table);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [one]);
    else known.push(one);
  }
  return groups;
}

function readLinks(ask: Ask, door: NamespaceDoor | undefined): readonly FirewallLink[] {
  const addresses = ask(encodeAddressDump(door), 'addresses', decodeAddresses) ?? [];
  const links = ask(encodeLinkDump(door), 'links', decodeFirewallLinks) ?? [];
  return links.map((link) => ({
    ...link,
    addresses: addresses.filter(({ ifindex }) => ifindex === link.ifindex).map(({ address }) => address),
  }));
}

function decodeFirewallLinks(
  datagrams: readonly Uint8Array[],
  what: string,
): Reading<readonly Omit<FirewallLink, 'addresses'>[]> {
  return decodeEach(datagrams, RTM_NEWLINK, what, (body) => {
    const attributes = attributesOfLink(body, what);
    if (!attributes.ok) return attributes;
    const link = linkOf(body, attributes.value, what);
    if (!link.ok) return link;
    const { ifindex, name, kind, master } = link.value;
    const { all, info } = attributes.value;
    const bridge = kind === 'bridge' ? attributeMap(info.get(IFLA_INFO_DATA) ?? new Uint8Array(), what) : value(null);
    if (!bridge.ok) return bridge;
    const bridgeCalls = bridge.value === null ? null : bridgeCallsOf(bridge.value);
    return value({ ifindex, name, kind, master, group: numberOf(all.get(IFLA_GROUP)) ?? 0, bridgeCalls });
  });
}

function bridgeCallsOf(of: ReadonlyMap<number, Uint8Array>): BridgeCalls {
  const isOn = (type: number): boolean => (of.get(type)?.[0] ?? 0) !== 0;
  return {
    ip: isOn(IFLA_BR_NF_CALL_IPTABLES),
    ip6: isOn(IFLA_BR_NF_CALL_IP6TABLES),
    arp: isOn(IFLA_BR_NF_CALL_ARPTABLES),
  };
}

/** `default` of table local is what is local for all: `ip route add local default`. */
function localRoute({
  destination,
  table,
  type,
  nextHops,
  family,
}: {
  readonly destination: string;
  readonly table: number;
  readonly type: string;
  readonly family: 'inet' | 'inet6';
  readonly nextHops: readonly { readonly ifindex: number | null }[];
}): readonly LocalRoute[] {
  if (table !== TABLE_LOCAL) return [];
  const whole = family === 'inet' ? 32 : 128;
  const any = family === 'inet' ? '0.0.0.0/0' : '::/0';
  const [address = '', length] = (destination === 'default' ? any : destination).split('/');
  const prefixLength = length === undefined ? whole : Number(length);
  return [{ type, destination: address, prefixLength, ifindex: nextHops[0]?.ifindex ?? null }];
}
