// What is in a network namespace: links, addresses, routes, rules, and more (network-more.ts).

import { gap, value, type NamespaceDoor, type NetlinkRequest, type Reading } from '../../kernel/host.ts';
import { decodeAddresses, encodeAddressDump, type InterfaceAddress } from '../../kernel/netlink/addresses.ts';
import { decodeDump, isInterrupted } from '../../kernel/netlink/dump.ts';
import { decodeLinks, encodeLinkDump, type Link } from '../../kernel/netlink/links.ts';
import { decodeRoutes, encodeRouteDump, type NextHop, type Route } from '../../kernel/netlink/routes.ts';
import { decodeRules, encodeRuleDump, type Rule } from '../../kernel/netlink/rules.ts';
import { rulesOrNone, ruleText, TABLE_LOCAL, TABLE_MAIN, tableName } from '../route-rule.ts';
import type { Fact, Section } from './fact.ts';
import { moreNetworkSections } from './network-more.ts';
import { isOurs, type SeenNamespace, type Side } from './side.ts';

/** Source: rtnetlink(7). Indexes are left out: they count in one namespace only. */
export function networkSections(side: Side, namespace: SeenNamespace): readonly Section[] {
  const links = dump(side, namespace, encodeLinkDump, decodeLinks);
  const named = (facts: (nameOf: NameOf) => Reading<readonly Fact[]>): Reading<readonly Fact[]> =>
    links.ok ? facts(namesOf(links.value)) : links;
  return [
    { subject: 'link list', facts: named((nameOf) => (links.ok ? value(linkFacts(links.value, nameOf)) : links)) },
    {
      subject: 'address list',
      facts: named((nameOf) => {
        const addresses = dump(side, namespace, encodeAddressDump, decodeAddresses);
        return addresses.ok ? value(addressFacts(addresses.value, nameOf)) : addresses;
      }),
    },
    {
      subject: 'route list',
      facts: named((nameOf) => {
        const routes = dump(side, namespace, encodeRouteDump, decodeRoutes);
        return routes.ok ? value(routeFacts(routes.value, nameOf)) : routes;
      }),
    },
    { subject: 'rule list', facts: rulesOf(side, namespace) },
    ...moreNetworkSections(side, namespace, links.ok ? namesOf(links.value) : String),
  ];
}

function rulesOf(side: Side, namespace: SeenNamespace): Reading<readonly Fact[]> {
  const rules = rulesOrNone(dump(side, namespace, encodeRuleDump, decodeRules));
  return rules.ok ? value(ruleFacts(rules.value)) : rules;
}

type NameOf = (ifindex: number) => string;

function namesOf(links: readonly Link[]): NameOf {
  const names = new Map(links.map(({ ifindex, name }) => [ifindex, name]));
  return (ifindex) => names.get(ifindex) ?? `if${ifindex}`;
}

function dump<T>(
  side: Side,
  namespace: SeenNamespace,
  encode: (namespace?: NamespaceDoor) => NetlinkRequest,
  decode: (datagrams: readonly Uint8Array[], what: string) => Reading<readonly T[]>,
): Reading<readonly T[]> {
  const { door, inode } = namespace;
  const what = door ?? `net:${inode.ok ? inode.value : '?'}`;
  const ours = isOurs(side.host, namespace);
  if (!ours && door === null) return gap({ reason: 'unsupported', what: `${what}: no way to it was found` });
  const reply = side.host.netlink(ours || door === null ? encode() : encode(door));
  if (!reply.ok) return reply;
  const messages = decodeDump(reply.value, what);
  if (messages.ok && isInterrupted(messages.value)) return gap({ reason: 'gone', what: `${what}: it kept changing` });
  return decode(reply.value, what);
}

const IFF_UP = 1;

function linkFacts(links: readonly Link[], nameOf: NameOf): readonly Fact[] {
  return links.map((link) => ({ what: 'link', name: link.name, value: linkValue(link, nameOf) }));
}

function linkValue(link: Link, nameOf: NameOf): readonly string[] {
  const { kind, flags, operstate, mtu, address, master, alias } = link;
  // The other end of a veth has an index, too, but lies in no layer below.
  const below = kind === 'veth' || link.linkNetnsid !== null ? null : link.link;
  return [
    kind,
    (flags & IFF_UP) === 0 ? 'down' : 'up',
    `operstate ${operstate}`,
    mtu === null ? null : `mtu ${mtu}`,
    address === null ? null : `address ${address}`,
    master === null ? null : `master ${nameOf(master)}`,
    below === null || below === link.ifindex ? null : `on ${nameOf(below)}`,
    alias === null ? null : `alias ${alias}`,
  ].filter((part) => part !== null);
}

function addressFacts(addresses: readonly InterfaceAddress[], nameOf: NameOf): readonly Fact[] {
  return grouped(
    'address',
    addresses.map((one) => [nameOf(one.ifindex), addressText(one)]),
  );
}

function addressText({ address, peer, prefixLength, scope }: InterfaceAddress): string {
  const ends = peer === null ? address : `${address} peer ${peer}`;
  return `${ends}/${prefixLength}${scope === 'global' ? '' : ` scope ${scope}`}`;
}

function routeFacts(routes: readonly Route[], nameOf: NameOf): readonly Fact[] {
  return grouped(
    'route',
    routes.filter(({ table }) => table !== TABLE_LOCAL).map((route) => [routeName(route), routeText(route, nameOf)]),
  );
}

function routeName({ family, destination, table, type }: Route): string {
  const default6 = destination === 'default' && family === 'inet6';
  const named = default6 ? 'inet6 default' : destination;
  return `${type === 'unicast' ? '' : `${type} `}${named}${table === TABLE_MAIN ? '' : ` table ${tableName(table)}`}`;
}

function routeText({ nextHops, priority, source, scope }: Route, nameOf: NameOf): string {
  const hops = nextHops.map((hop) => hopText(hop, nameOf, nextHops.length > 1));
  const words = [
    ...hops,
    source === null ? '' : `src ${source}`,
    scope === 'global' ? '' : `scope ${scope}`,
    priority === null ? '' : `metric ${priority}`,
  ].filter((word) => word !== '');
  return words.length === 0 ? 'present' : words.join(' ');
}

function hopText({ gateway, ifindex, weight, encap }: NextHop, nameOf: NameOf, several: boolean): string {
  const wrapped = encap === null ? [] : [`encap ${encap}`];
  const via = gateway === null ? [] : [`via ${gateway}`];
  const dev = ifindex === null ? [] : [`dev ${nameOf(ifindex)}`];
  return [...(several ? ['nexthop'] : []), ...wrapped, ...via, ...dev, ...(several ? [`weight ${weight}`] : [])].join(
    ' ',
  );
}

function ruleFacts(rules: readonly Rule[]): readonly Fact[] {
  return grouped(
    'rule',
    rules.map((rule) => [`${rule.family === 'inet6' ? 'inet6 ' : ''}${rule.priority}`, ruleText(rule)]),
  );
}

/** A fact for each name, with all texts that belong to it. */
function grouped(what: string, pairs: readonly (readonly [string, string])[]): readonly Fact[] {
  const lists = new Map<string, string[]>();
  for (const [name, text] of pairs) {
    const list = lists.get(name);
    if (list === undefined) lists.set(name, [text]);
    else list.push(text);
  }
  return [...lists].map(([name, list]) => ({ what, name, value: list }));
}
