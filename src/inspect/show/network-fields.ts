// What is in a network namespace: links, addresses, routes, rules.

import type { NamespaceDoor, NetlinkRequest, Reading } from '../../kernel/host.ts';
import { decodeAddresses, encodeAddressDump, type InterfaceAddress } from '../../kernel/netlink/addresses.ts';
import { decodeLinks, encodeLinkDump, type Link } from '../../kernel/netlink/links.ts';
import { decodeRoutes, encodeRouteDump, type NextHop, type Route } from '../../kernel/netlink/routes.ts';
import { decodeRules, encodeRuleDump, type NumberRange, type Rule } from '../../kernel/netlink/rules.ts';
import { readNetFile } from '../net-file.ts';
import { rulesOrNone, ruleText, TABLE_LOCAL, TABLE_MAIN, tableName, unusualRules } from '../route-rule.ts';
import { endsOf, type LinkEnd } from './link-ends.ts';
import { listenersField, readListeners } from './listeners.ts';
import type { NamespaceLook } from './namespace-look.ts';
import { many, plain, type Field, type Value } from './report.ts';

type Encode = (door?: NamespaceDoor) => NetlinkRequest;
type Decode<T> = (datagrams: readonly Uint8Array[], what: string) => Reading<readonly T[]>;

function dump<T>(look: NamespaceLook, what: string, encode: Encode, decode: Decode<T>): readonly T[] | null {
  if (!look.isReachable) return look.needsProcess(what);
  return look.known(what, ask(look, what, encode, decode));
}

function ask<T>(look: NamespaceLook, what: string, encode: Encode, decode: Decode<T>): Reading<readonly T[]> {
  const reply = look.host.netlink(encode(look.door));
  return reply.ok ? decode(reply.value, what) : reply;
}

function readLinks(look: NamespaceLook): readonly Link[] | null {
  return dump(look, 'list of links', encodeLinkDump, decodeLinks);
}

/** Source: include/uapi/linux/if.h. */
const IFF_UP = 1;

export function linksField(look: NamespaceLook): Field {
  const links = readLinks(look);
  const names = namesOf(links);
  const ends = endsOf(look, links ?? []);
  return many<Link>(
    'links',
    links,
    ({ ifindex, name, kind, operstate, flags, mtu, address, master, link, linkNetnsid, alias }) => {
      const up = (flags & IFF_UP) !== 0;
      const end = ends.get(ifindex);
      return {
        ifindex,
        ifname: name,
        kind,
        up,
        operstate,
        mtu,
        address,
        master: master === null ? null : names(master),
        link_index: link,
        link_netnsid: linkNetnsid,
        link_ifname: end?.name ?? null,
        link_ns: end?.inode ?? null,
        ifalias: alias,
      };
    },
    (link) => linkLine(link, names, endText(look, link, ends.get(link.ifindex))),
  );
}

function linkLine(
  { ifindex, name, kind, operstate, mtu, address, master, alias }: Link,
  names: NameOf,
  end: string,
): string {
  const words = [
    `${ifindex}: ${name}`,
    kind,
    operstate,
    mtu === null ? null : `mtu ${mtu}`,
    address,
    master === null ? null : `master ${names(master)}`,
    end,
    // Last, as it may be any text.
    alias === null ? null : `alias ${alias}`,
  ];
  return words.filter(Boolean).join(' ');
}

/** Kinds that come in pairs. */
const PAIRS: ReadonlySet<string | null> = new Set(['veth', 'netkit', 'vxcan']);

function endText(look: NamespaceLook, { kind, link, linkNetnsid }: Link, end: LinkEnd | undefined): string {
  if (end === undefined) return '';
  const where = end.inode === null ? `netns id ${linkNetnsid ?? '-'}` : `net:[${end.inode}]`;
  const elsewhere = end.inode === look.namespace.inode ? '' : ` in ${where}`;
  return `${PAIRS.has(kind) ? 'peer' : 'on'} ${end.name ?? `if${link ?? '-'}`}${elsewhere}`;
}

export function addressesField(look: NamespaceLook): Field {
  const names = namesOf(readLinks(look));
  const addresses = dump(look, 'list of addresses', encodeAddressDump, decodeAddresses);
  return many<InterfaceAddress>(
    'addresses',
    addresses,
    ({ ifindex, family, address, prefixLength, peer, scope, label }) => {
      return { ifindex, ifname: names(ifindex), family, local: address, prefixlen: prefixLength, peer, scope, label };
    },
    ({ ifindex, address, prefixLength, peer, scope }) => {
      const own = peer === null ? `${address}/${prefixLength}` : `${address} peer ${peer}/${prefixLength}`;
      return `${own} on ${names(ifindex)} ${scope}`;
    },
  );
}

/** People are spared the routes that the kernel makes of each address. */
export function routesField(look: NamespaceLook): Field {
  const names = namesOf(readLinks(look));
  const routes = dump(look, 'list of routes', encodeRouteDump, decodeRoutes);
  const field = many<Route>(
    'routes',
    routes,
    ({ family, destination, table, protocol, scope, type, priority, source, nextHops }) => {
      const nexthops = nextHops.map(({ gateway, ifindex, weight, encap }) => ({
        gateway,
        dev: ifindex === null ? null : names(ifindex),
        weight,
        encap,
      }));
      return { family, type, dst: destination, table, protocol, scope, metric: priority, prefsrc: source, nexthops };
    },
    String,
  );
  if (routes === null) return field;
  const shown = routes.filter(({ table }) => table !== TABLE_LOCAL);
  return { ...field, lines: shown.map((route) => routeLine(route, names)) };
}

function routeLine({ type, destination, nextHops, table, priority }: Route, names: NameOf): string {
  const hops = nextHops.map((hop) => hopText(hop, names, nextHops.length > 1));
  const words = [
    `${type === 'unicast' ? '' : `${type} `}${destination}`,
    hops.join(', '),
    table === TABLE_MAIN ? '' : `table ${tableName(table)}`,
    priority === null ? '' : `metric ${priority}`,
  ];
  return words.filter((word) => word !== '').join(' ');
}

function hopText({ gateway, ifindex, weight, encap }: NextHop, names: NameOf, several: boolean): string {
  const words = [
    encap === null ? '' : `encap ${encap}`,
    gateway === null ? '' : `via ${gateway}`,
    ifindex === null ? '' : `dev ${names(ifindex)}`,
    several ? `weight ${weight}` : '',
  ];
  return words.filter((word) => word !== '').join(' ');
}

/** People are spared the rules that every network namespace has. */
export function rulesField(look: NamespaceLook): Field {
  const what = 'list of rules';
  const rules = look.isReachable
    ? look.known(what, rulesOrNone(ask(look, what, encodeRuleDump, decodeRules)))
    : look.needsProcess(what);
  const field = many<Rule>('rules', rules, ruleValue, String);
  if (rules === null) return field;
  const lines = unusualRules(rules).map(
    (rule) => `${rule.family === 'inet6' ? 'inet6 ' : ''}${rule.priority}: ${ruleText(rule)}`,
  );
  return { ...field, lines: lines.length === 0 && rules.length > 0 ? ['the usual ones'] : lines };
}

function ruleValue(rule: Rule): Value {
  return {
    family: rule.family,
    priority: rule.priority,
    not: rule.inverted,
    src: rule.source,
    dst: rule.destination,
    tos: rule.tos,
    fwmark: rule.mark?.value ?? null,
    fwmask: rule.mark?.mask ?? null,
    iif: rule.iif,
    oif: rule.oif,
    uids: rangeValue(rule.uids),
    ipproto: rule.ipProtocol,
    sports: rangeValue(rule.sourcePorts),
    sport_mask: rule.sourcePortMask,
    dports: rangeValue(rule.destinationPorts),
    dport_mask: rule.destinationPortMask,
    tun_id: rule.tunnel,
    action: rule.action,
    table: rule.table,
    l3mdev: rule.isOfVrf,
    goto: rule.target,
    suppress_prefixlength: rule.suppressPrefixLength,
    suppress_ifgroup: rule.suppressGroup,
    other_attributes: rule.others,
  };
}

function rangeValue(range: NumberRange | null): Value {
  return range === null ? null : { first: range.first, last: range.last };
}

export function netListenersField(look: NamespaceLook): Field {
  if (!look.isReachable) return plain('listeners', look.needsProcess('list of listening sockets'));
  const { host, door, gaps } = look;
  const readNet = (name: string): Reading<Uint8Array> => readNetFile(host, look.namespace, door, name);
  return listenersField(host, gaps, readListeners({ host, door, readNet }, gaps));
}

type NameOf = (ifindex: number) => string;

function namesOf(links: readonly Link[] | null): NameOf {
  const names = new Map(links?.map(({ ifindex, name }) => [ifindex, name]));
  return (ifindex) => names.get(ifindex) ?? String(ifindex);
}
