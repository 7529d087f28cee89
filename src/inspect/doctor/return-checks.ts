// Can it be answered: is there a way back, and does it lead to where the packet came from?

import { NF_INET_POST_ROUTING } from '../../kernel/abi/netfilter.ts';
import { isIn } from '../../kernel/netlink/address-bytes.ts';
import { parseAddress } from '../../kernel/netlink/address-text.ts';
import { netText } from '../../network/ip-net.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import { advice, finding, fixIn, type Finding, type Fix } from './finding.ts';
import { coversAddress } from './neighbour-checks.ts';
import type { Hop, Path } from './path.ts';
import type { Sight } from './sight.ts';

/** What the checks say of the last hop, where that is no more than that there is no way. */
const ONLY_NO_WAY: ReadonlySet<string> = new Set(['D7', 'D34', 'D16']);

/** `last`: what is wrong with the last hop of the way back. */
export function returnChecks(sight: Sight, there: Path, back: Path, last: readonly Finding[]): readonly Finding[] {
  const [first] = there.hops;
  const end = back.hops.at(-1);
  if (first === undefined || end === undefined) return last;
  const isHome = end.end.is === 'delivered' && end.place === first.place;
  if (isHome || end.end.is === 'unknown' || end.end.is === 'loop' || last.some(({ code }) => !ONLY_NO_WAY.has(code)))
    return last;
  const { source, destination } = end.came;
  const evidence = [...last.flatMap((one) => [one.what, ...one.evidence]), howItEnds(sight, end)];
  const router = natPlace(sight, there, destination, source ?? '');
  const certainty = end.end.is === 'leaves' ? 'possible' : 'certain';
  if (router !== undefined) {
    return [
      finding(
        'D12',
        router.place,
        `${destination} is private, and ${sight.of(router.place).name} sends it on without NAT: ${sight.of(end.place).name} cannot answer`,
        {
          link: router.oif?.name ?? null,
          certainty,
          evidence,
          fix: masquerade(sight, router, destination),
        },
      ),
    ];
  }
  return [
    finding('D13', end.place, `${sight.of(end.place).name} has no way back to ${destination}`, {
      link: end.oif?.name ?? null,
      certainty,
      evidence,
      fix: routeBack(sight, there, end, destination),
    }),
  ];
}

function howItEnds(sight: Sight, { end, place, oif }: Hop): string {
  switch (end.is) {
    case 'delivered':
      return `the answer ends in ${sight.of(place).name}`;
    case 'leaves':
      return `the answer leaves ${sight.of(place).name} by ${end.exit.link.name}`;
    case 'nobody':
      return `the answer goes by ${oif?.name ?? '-'} of ${sight.of(place).name}`;
    case 'next':
    case 'refused':
    case 'loop':
    case 'unknown':
      return `the answer ends at ${sight.of(place).name}`;
  }
}

/** Where a private address should have been changed: the last that sends it on to where such addresses mean nothing. */
function natPlace(sight: Sight, there: Path, source: string, far: string): Hop | undefined {
  if (!isPrivate(source)) return undefined;
  const routers = there.hops.filter((hop) => hop.iif !== null && hop.end.is === 'next' && hop.left.source === source);
  const last = routers.at(-1);
  if (!isPrivate(far)) return routers.findLast(({ nextHop }) => nextHop !== null && !isPrivate(nextHop)) ?? last;
  return routers.findLast(({ place }) => makesNat(sight, place));
}

/** Does it change sources of others? */
function makesNat(sight: Sight, place: NetworkNamespace): boolean {
  const tables = sight.of(place).ruleset()?.tables ?? [];
  return tables.some(({ chains, rules }) =>
    [...chains.values()].some(
      ({ base, name }) =>
        base?.type === 'nat' && base.hook === NF_INET_POST_ROUTING && (rules.get(name)?.length ?? 0) > 0,
    ),
  );
}

const PRIVATE = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
];

function isPrivate(address: string): boolean {
  return parseAddress(address) !== undefined && PRIVATE.some((net) => isIn(net, address));
}

function masquerade(sight: Sight, { place, iif, oif }: Hop, source: string): Fix {
  const own = place.addresses?.find((one) => one.ifindex === iif?.ifindex && coversAddress(one, source));
  const net = own === undefined ? source : netText({ address: source, prefixLength: own.prefixLength });
  const command = source.includes(':') ? 'ip6tables' : 'iptables';
  const out = oif === null ? [] : ['-o', oif.name];
  const words = [command, '-t', 'nat', '-A', 'POSTROUTING', '-s', net, ...out, '-j', 'MASQUERADE'];
  return fixIn(sight, place, words, 'gives what leaves there the address of the link');
}

/** By the one that the packet came from. */
function routeBack(sight: Sight, there: Path, { place }: Hop, destination: string): Fix {
  const before = there.hops.findLast((hop) => hop.end.is === 'next' && hop.end.station.place === place);
  const station = before?.end.is === 'next' ? before.end.station : undefined;
  const own = place.addresses?.find(
    (one) => one.ifindex === station?.link.ifindex && one.family === (destination.includes(':') ? 'inet6' : 'inet'),
  );
  const gateway =
    own === undefined
      ? undefined
      : before?.place.addresses?.find((one) => one.ifindex === before.oif?.ifindex && coversAddress(own, one.address));
  if (gateway === undefined || station === undefined)
    return advice(`ip route add ${destination} via GATEWAY, or NAT before`);
  const [first] = there.hops;
  const net = first?.place.addresses?.find(({ address }) => address === destination);
  const to = net === undefined ? destination : netText(net);
  return fixIn(
    sight,
    place,
    ['ip', 'route', 'add', to, 'via', gateway.address, 'dev', station.link.name],
    'leads back',
  );
}

/** It leaves what can be seen with a private address that a router sent on unchanged. */
export function leavingCheck(sight: Sight, there: Path): readonly Finding[] {
  const last = there.hops.at(-1);
  if (last?.end.is !== 'leaves' || last.iif === null || last.end.exit.why !== 'physical') return [];
  const { source, destination } = last.left;
  if (source === null || !isPrivate(source) || isPrivate(destination)) return [];
  return [
    finding(
      'D12',
      last.place,
      `${source} is private, and ${sight.of(last.place).name} sends it out by ${last.end.exit.link.name} without NAT`,
      {
        link: last.oif?.name ?? null,
        certainty: 'possible',
        evidence: [`to ${destination}, from ${source}`, 'whether a router further on makes NAT for it is not seen'],
        fix: masquerade(sight, last, source),
      },
    ),
  ];
}
