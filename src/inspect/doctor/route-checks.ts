// What is wrong with the decision where a packet goes: no route, one that refuses, forwarding, the filter of sources, rules.

import type { Rule } from '../../kernel/netlink/rules.ts';
import { ruleText, tableName, unusualRules } from '../route-rule.ts';
import { advice, familyOf, finding, fixIn, isUp, linkIn, linksEvidence, type Finding } from './finding.ts';
import { carrierCheck, downCheck, loopbackCheck, outerLinks } from './link-checks.ts';
import { coversAddress } from './neighbour-checks.ts';
import type { Hop } from './path.ts';
import { matchTables, type TableMatch } from './route-tables.ts';
import { segmentOf, type Station } from './segment.ts';
import type { Sight } from './sight.ts';

/** Why it is not routed on from here. Empty: it is. */
export function refusalChecks(sight: Sight, hop: Hop): readonly Finding[] {
  const { answer, iif } = hop;
  if (answer.is !== 'refused') return [];
  const rule = ruleCheck(sight, hop);
  if (rule.length > 0) return rule;
  const named = namedRoute(sight, hop);
  if (named.length > 0) return named;
  if (iif === null) return senderChecks(sight, hop, answer.errno);
  if (forwardingIsOff(sight, hop)) return [forwardingFinding(sight, hop, iif.name)];
  if (answer.errno === 'EINVAL' || answer.errno === 'EXDEV') return [sourceFinding(sight, hop)];
  const down = linkDownFor(sight, hop);
  return down.length > 0 ? down : [noRoute(sight, hop)];
}

function forwardingIsOff(sight: Sight, { place, iif, routed, answer }: Hop): boolean {
  const isRefused = answer.is === 'refused' && (answer.errno === 'EHOSTUNREACH' || answer.errno === 'ENETUNREACH');
  return isRefused && iif !== null && sight.of(place).forwards(iif.name, routed.destination) === false;
}

function forwardingFinding(sight: Sight, { place, routed }: Hop, link: string): Finding {
  const isIpv6 = familyOf(routed.destination) === 'inet6';
  const all = isIpv6 ? 'net.ipv6.conf.all.forwarding' : 'net.ipv4.ip_forward';
  const isAllOn = sight.of(place).number(`net/ipv4/ip_forward`) === 1;
  // One link may be switched off by itself.
  const key = !isIpv6 && isAllOn ? `net/ipv4/conf/${link}/forwarding` : all.replaceAll('.', '/');
  return finding('D9', place, `${sight.of(place).name} does not forward what comes by ${link}`, {
    link,
    evidence: [`/proc/sys/net/${isIpv6 ? 'ipv6/conf/all' : `ipv4/conf/${link}`}/forwarding: 0`],
    fix: fixIn(sight, place, ['sysctl', '-w', `${key}=1`], 'forwards'),
  });
}

interface Matched {
  readonly match: TableMatch | { readonly rule: Rule } | undefined;
  readonly rules: readonly Rule[];
}

/** Which route it is by the tables, as the kernel tells only what becomes of the packet. null: they could not be read. */
function matched(sight: Sight, { place, iif, routed }: Hop, only?: readonly Rule[]): Matched | null {
  const rules = sight.of(place).rules();
  const routes = sight.of(place).routes();
  if (rules === null || routes === null) return null;
  const { source, destination } = routed;
  const match = matchTables(only ?? rules, routes, { source, destination, iif: iif?.name ?? null });
  return { match, rules };
}

/** A rule that somebody made chose the table, or refused by itself; without it there would be another way. */
export function ruleCheck(sight: Sight, hop: Hop): readonly Finding[] {
  const found = matched(sight, hop);
  const rule = found?.match?.rule;
  if (found === null || rule === undefined || rule === null || found.match === undefined) return [];
  const family = familyOf(hop.routed.destination);
  const unusual = unusualRules(found.rules).filter((one) => one.family === family);
  if (!unusual.includes(rule)) return [];
  const without = matched(
    sight,
    hop,
    found.rules.filter((one) => one !== rule),
  )?.match;
  if (without === undefined || !('route' in without) || REFUSING.has(without.route.type)) return [];
  const { place } = hop;
  const words = ['ip', ...(family === 'inet6' ? ['-6'] : []), 'rule', 'del', 'priority', String(rule.priority)];
  const route = 'route' in found.match ? found.match.route : null;
  return [
    finding(
      'D11',
      place,
      `in ${sight.of(place).name} the rule ${rule.priority} sends ${hop.routed.destination} elsewhere than the other rules would`,
      {
        evidence: [
          `ip rule: ${rule.priority}: ${ruleText(rule)}`,
          ...(route === null ? [] : [`table ${tableName(route.table)}: ${route.type} ${route.destination}`]),
          `without it: ${without.route.type} ${without.route.destination} of table ${tableName(without.route.table)}`,
        ],
        fix: fixIn(sight, place, words, 'removes the rule; or mend its table'),
      },
    ),
  ];
}

const REFUSING: ReadonlySet<string> = new Set(['blackhole', 'unreachable', 'prohibit']);

/** A route that says no. */
function namedRoute(sight: Sight, hop: Hop): readonly Finding[] {
  const match = matched(sight, hop)?.match;
  if (match === undefined || !('route' in match) || !REFUSING.has(match.route.type)) return [];
  const { type, destination, table } = match.route;
  const { place } = hop;
  const words = ['ip', 'route', 'del', type, destination, 'table', tableName(table)];
  return [
    finding(
      'D8',
      place,
      `a route of ${sight.of(place).name} refuses ${hop.routed.destination}: ${type} ${destination}`,
      {
        evidence: [`table ${tableName(table)}: ${type} ${destination}`, `the kernel's answer: ${errnoOf(hop)}`],
        fix: fixIn(sight, place, words, 'removes it'),
      },
    ),
  ];
}

function errnoOf({ answer }: Hop): string {
  return answer.is === 'refused' ? answer.errno : '-';
}

/** Here nothing leads there: because of a link, an address, or a route. */
function senderChecks(sight: Sight, hop: Hop, errno: string): readonly Finding[] {
  const { place, routed } = hop;
  const { destination } = routed;
  const family = familyOf(destination);
  if (isOwn(hop)) return loopbackCheck(sight, hop);
  if (family === 'inet6' && sight.of(place).number('net/ipv6/conf/all/disable_ipv6') === 1)
    return [ipv6Off(sight, hop)];
  const down = linkDownFor(sight, hop);
  if (down.length > 0) return down;
  const links = outerLinks(place);
  if (links.length === 0) {
    return [
      finding('D2', place, `${sight.of(place).name} has no link but its loopback`, {
        evidence: ['links: lo'],
        fix: advice('give it one: nstool net up, or ip link add … type veth peer name eth0 netns …'),
      }),
    ];
  }
  const addresses = (place.addresses ?? []).filter((one) => one.family === family && one.scope !== 'host');
  if (place.addresses !== null && addresses.every(({ scope }) => scope === 'link')) {
    const link = links.find(isUp);
    return [
      finding('D4', place, `${sight.of(place).name} has no ${family === 'inet' ? 'IPv4' : 'IPv6'} address`, {
        link: link?.name ?? null,
        evidence: linksEvidence(links, (name) => `${name}: no ${family} address`),
        fix: advice(`ip address add ADDRESS/LENGTH dev ${link?.name ?? 'LINK'}`),
      }),
    ];
  }
  const narrow = narrowCheck(sight, hop);
  if (narrow.length > 0) return narrow;
  return [noRoute(sight, hop, errno)];
}

function isOwn({ place, routed: { destination } }: Hop): boolean {
  return /^127\.|^::1$/.test(destination) || place.addresses?.some(({ address }) => address === destination) === true;
}

function ipv6Off(sight: Sight, { place }: Hop): Finding {
  return finding('D35', place, `IPv6 is switched off in ${sight.of(place).name}`, {
    evidence: ['/proc/sys/net/ipv6/conf/all/disable_ipv6: 1'],
    fix: fixIn(
      sight,
      place,
      ['sysctl', '-w', 'net/ipv6/conf/all/disable_ipv6=0'],
      'switches it on; addresses and routes have to be set again',
    ),
  });
}

/** Routes go with the link that is switched off: one that has an address, or the only one. */
function linkDownFor(sight: Sight, { place, routed }: Hop): readonly Finding[] {
  const family = familyOf(routed.destination);
  const links = outerLinks(place);
  const down = links.filter((link) => !isUp(link));
  const meant = down.filter((link) =>
    place.addresses?.some((one) => one.ifindex === link.ifindex && one.family === family),
  );
  const near = meant.find((link) =>
    place.addresses?.some((one) => one.ifindex === link.ifindex && coversAddress(one, routed.destination)),
  );
  const [first] = near !== undefined ? [near] : meant.length > 0 ? meant : down.length === links.length ? down : [];
  return first === undefined ? [] : downCheck(sight, { place, link: first });
}

/** Who is on the same link layer has it, and our net leaves it out. */
function narrowCheck(sight: Sight, { place, routed: { destination } }: Hop): readonly Finding[] {
  for (const link of outerLinks(place)) {
    const own = place.addresses?.find(
      (one) => one.ifindex === link.ifindex && one.family === familyOf(destination) && one.scope === 'global',
    );
    if (own === undefined) continue;
    const { stations } = segmentOf(sight.topology, { place, link });
    const station = stations.find((one) => one.place !== place && hasAddress(one, destination));
    const theirs = station?.place.addresses?.find((one) => one.address === destination);
    if (station === undefined || theirs === undefined || !coversAddress(theirs, own.address)) continue;
    if (coversAddress(own, destination)) continue;
    const words = ['ip', 'address', 'add', `${own.address}/${theirs.prefixLength}`, 'dev', link.name];
    return [
      finding(
        'D6',
        place,
        `the net ${own.address}/${own.prefixLength} of ${linkIn(sight, place, link)} leaves out ${destination}, which is on that link`,
        {
          link: link.name,
          evidence: [
            `${link.name}: ${own.address}/${own.prefixLength}`,
            `${linkIn(sight, station.place, station.link)}: ${theirs.address}/${theirs.prefixLength}`,
          ],
          fix: fixIn(sight, place, words, `then remove ${own.address}/${own.prefixLength}`),
        },
      ),
    ];
  }
  return [];
}

function hasAddress({ place, link }: Station, address: string): boolean {
  return place.addresses?.some((one) => one.address === address && one.ifindex === link.ifindex) === true;
}

function noRoute(sight: Sight, hop: Hop, errno = errnoOf(hop)): Finding {
  const { place, routed } = hop;
  const { destination } = routed;
  // Which one it is, the tables did not tell: rules may look at users, ports and marks.
  if (errno === 'EACCES')
    return finding('D8', place, `a rule or a route of ${sight.of(place).name} prohibits ${destination}`, {
      evidence: [`the kernel's answer: ${errno}`],
      fix: advice('look for prohibit: ip rule; ip route show table all type prohibit'),
    });
  const carriers = outerLinks(place).flatMap((link) => carrierCheck(sight, { place, link }));
  const family = familyOf(destination);
  const isNoDefault = place.defaults?.every((one) => one.family !== family) === true;
  const gateway = isNoDefault ? gatewayFor(sight, hop) : undefined;
  const isUnadvertised =
    family === 'inet6' &&
    isNoDefault &&
    outerLinks(place).some(
      (link) => sight.of(place).number(`net/ipv6/conf/${link.name}/accept_ra`) === 0 && hasMulticastRouter(sight, hop),
    );
  return finding(isUnadvertised ? 'D36' : 'D7', place, `${sight.of(place).name} has no route to ${destination}`, {
    evidence: [
      `the kernel's answer: ${errno}`,
      `default routes: ${place.defaults === null ? '-' : isNoDefault ? 'none' : 'some'}`,
      ...carriers.map(({ what }) => what),
    ],
    fix:
      gateway === undefined
        ? advice(`ip route add ${destination} via GATEWAY`)
        : fixIn(
            sight,
            place,
            ['ip', 'route', 'add', 'default', 'via', gateway.address, 'dev', gateway.link],
            `${gateway.who} forwards`,
          ),
  });
}

function hasMulticastRouter(sight: Sight, hop: Hop): boolean {
  return gatewayFor(sight, hop) !== undefined;
}

/** Somebody on one of its links who forwards, by an address of the same net. */
function gatewayFor(
  sight: Sight,
  { place, routed: { destination } }: Hop,
): { readonly address: string; readonly link: string; readonly who: string } | undefined {
  for (const link of outerLinks(place).filter(isUp)) {
    const own = place.addresses?.find(
      (one) => one.ifindex === link.ifindex && one.family === familyOf(destination) && one.scope === 'global',
    );
    if (own === undefined) continue;
    for (const station of segmentOf(sight.topology, { place, link }).stations) {
      if (station.place === place || sight.of(station.place).forwards(station.link.name, destination) !== true)
        continue;
      const theirs = station.place.addresses?.find(
        (one) => one.ifindex === station.link.ifindex && coversAddress(own, one.address),
      );
      // Who has many links is a router; a container that inherited the setting is none.
      if (theirs !== undefined && outerLinks(station.place).length > 1)
        return { address: theirs.address, link: link.name, who: linkIn(sight, station.place, station.link) };
    }
  }
  return undefined;
}

/** The kernel refuses a source that it would not answer by that link, or that cannot come by any. */
function sourceFinding(sight: Sight, hop: Hop): Finding {
  const { place, iif, came } = hop;
  const seen = sight.of(place);
  const name = iif?.name ?? '';
  const source = came.source ?? '-';
  const filter = (of: string): number => seen.number(`net/ipv4/conf/${of}/rp_filter`) ?? 0;
  const strictness = Math.max(filter('all'), filter(name));
  const back = seen.route({ ...came, source: null, destination: source }, null);
  const backLink =
    back.is === 'found' && back.route.oif !== null ? (place.byIndex.get(back.route.oif)?.name ?? '-') : null;
  const isLocal = place.addresses?.some(({ address }) => address === source) === true;
  const isFiltered = strictness > 0 && familyOf(source) === 'inet' && !isLocal;
  const evidence = [
    `the kernel's answer for a packet from ${source} by ${name}: ${errnoOf(hop)}`,
    `rp_filter: all ${filter('all')}, ${name} ${filter(name)}`,
    backLink === null ? `no route back to ${source}` : `the way back to ${source} is by ${backLink}`,
  ];
  if (!isFiltered) {
    const why = isLocal
      ? `it is an address of its own`
      : 'no such source, or destination, may come from outside (martian)';
    return finding('D10', place, `${seen.name} refuses what comes from ${source} by ${name}: ${why}`, {
      link: name,
      evidence,
      fix: advice('route_localnet lets 127.0.0.0/8 pass; else change the address'),
    });
  }
  const key = filter('all') >= filter(name) ? 'all' : name;
  const words = ['sysctl', '-w', `net/ipv4/conf/${key}/rp_filter=${strictness === 1 && backLink !== null ? 2 : 0}`];
  return finding(
    'D10',
    place,
    `${seen.name} refuses what comes from ${source} by ${name}: it would answer ${backLink === null ? 'nowhere' : `by ${backLink}`} (rp_filter)`,
    {
      link: name,
      evidence,
      fix: fixIn(sight, place, words, 'takes sources that it has any route to; or give it a route back by that link'),
    },
  );
}
