// The steps that set up the links of one namespace: ports, sizes, addresses, up; then its routes and sysctls.

import type { Host } from '../kernel/host.ts';
import type { DetailedLink } from '../kernel/netlink/link-details.ts';
import { isSameRoute, keyWord, type RouteUndo } from '../kernel/setting-undo.ts';
import { familyOf, ipNetText, parseIpNet, netText, type IpNet } from './ip-net.ts';
import type { LabQuestion } from './lab-question.ts';
import type { Sight } from './lab-sight.ts';
import { step, type PlannedStep } from './lab-step.ts';
import { sysctlStep } from './lab-sysctls.ts';
import { bridgeOf, bridgesIn, endsIn, nearAndFar, type Lab, type LabRoute } from './lab.ts';

const IFF_UP = 1;
const MAIN_TABLE = 254;
const LOOPBACK = 'lo';

/** A link as it should be. */
interface Wanted {
  readonly name: string;
  readonly addresses: readonly IpNet[];
  /** The bridge that it is a port of. */
  readonly bridge: string | null;
  /** It becomes one in the message that makes it. */
  readonly isMadePort: boolean;
  /** It gets its size by that message. */
  readonly isMadeSized: boolean;
  readonly mtu: number | null;
}

export function settingSteps(host: Host, question: LabQuestion, sight: Sight): readonly PlannedStep[] {
  const { lab } = question;
  const { sysctls, routes } = sight.node;
  return [
    ...(sight.node.kind === 'namespace' && sight.inode !== null ? loopbackSteps(sight) : []),
    ...wantedIn(lab, sight).flatMap((wanted) => linkSettings(host, question, wanted, sight)),
    ...Array.from(sysctls, ([key, value]) => sysctlStep(host, question, sight, { key, value }, 'as it was asked for')),
    ...routes.map((route) => routeStep(question, route, sight)),
  ];
}

function wantedIn(lab: Lab, { node }: Sight): readonly Wanted[] {
  const bridges = bridgesIn(lab, node.name).filter(({ isForeign }) => !isForeign);
  return [
    ...bridges.map(({ name, addresses, mtu }) => ({
      name,
      addresses,
      bridge: null,
      isMadePort: false,
      isMadeSized: true,
      mtu,
    })),
    ...endsIn(lab, node.name).map(({ end, link }) => ({
      name: end.link,
      addresses: end.addresses,
      bridge: bridgeOf(lab, end)?.name ?? null,
      isMadePort: link.kind === 'veth' && nearAndFar(lab, link.ends)[0] === end,
      isMadeSized: link.kind !== 'physical',
      mtu: link.mtu,
    })),
  ];
}

function where({ node }: Sight): string {
  return node.kind === 'host' ? '' : ` in ${node.name}`;
}

function loopbackSteps(sight: Sight): readonly PlannedStep[] {
  const lo = sight.links.get(LOOPBACK);
  return lo === undefined || isUp(lo) ? [] : [upStep(LOOPBACK, sight)];
}

function linkSettings(host: Host, question: LabQuestion, wanted: Wanted, sight: Sight): readonly PlannedStep[] {
  const { name, addresses, mtu, isMadeSized } = wanted;
  const { at } = sight;
  const found = sight.links.get(name);
  const sizes =
    mtu === null || (found === undefined ? isMadeSized : found.mtu === mtu)
      ? []
      : [
          step(
            { op: 'mtu', at, link: name, mtu },
            `mtu ${mtu} of ${name}`,
            found === undefined ? 'as it was asked for' : `it is ${found.mtu ?? '-'}`,
            NOT_RIGHT,
          ),
        ];
  return [
    ...sizes,
    ...portSteps(wanted, sight, found),
    ...ipv6Steps(host, question, wanted, sight),
    ...addresses.map((net) => addressStep(name, net, sight, found)),
    upStep(name, sight),
  ];
}

/** The defaults of a new link are those of its namespace, which may have it off. It goes with the link. */
function ipv6Steps(
  host: Host,
  question: LabQuestion,
  { name, addresses }: Wanted,
  sight: Sight,
): readonly PlannedStep[] {
  if (!addresses.some(({ address }) => familyOf(address) === 'inet6')) return [];
  return [
    sysctlStep(
      host,
      question,
      sight,
      { key: `net.ipv6.conf.${keyWord(name)}.disable_ipv6`, value: '0' },
      'it gets an address',
    ),
  ];
}

const NOT_RIGHT = { isRight: false };

function portSteps(
  { name, bridge, isMadePort }: Wanted,
  { at, links }: Sight,
  found: DetailedLink | undefined,
): readonly PlannedStep[] {
  if (bridge === null || (found === undefined && isMadePort)) return [];
  const isPort = found !== undefined && found.master !== null && found.master === links.get(bridge)?.ifindex;
  if (isPort) return [];
  const reason = found === undefined ? 'what comes in by one goes out by the others' : 'somebody took it out';
  return [step({ op: 'port', at, link: name, bridge }, `${name} a port of ${bridge}`, reason, NOT_RIGHT)];
}

function addressStep(link: string, net: IpNet, sight: Sight, found: DetailedLink | undefined): PlannedStep {
  const { address, prefixLength } = net;
  const isRight =
    found !== undefined &&
    sight.addresses.some(
      (each) => each.ifindex === found.ifindex && each.address === address && each.prefixLength === prefixLength,
    );
  const operation = { op: 'address', at: sight.at, link, address, prefixLength } as const;
  const reason = sight.node.kind === 'host' ? 'the gateway of those behind it' : 'inside';
  return step(operation, `address ${ipNetText(net)} on ${link}${where(sight)}`, reason, { isRight });
}

function upStep(link: string, sight: Sight): PlannedStep {
  const found = sight.links.get(link);
  return step({ op: 'up', at: sight.at, link }, `${link} up${where(sight)}`, 'a link that is down carries nothing', {
    isRight: found !== undefined && isUp(found),
  });
}

function isUp({ flags }: DetailedLink): boolean {
  return (flags & IFF_UP) !== 0;
}

/** In a namespace that we make it goes with that. */
function routeStep({ standing }: LabQuestion, route: LabRoute, sight: Sight): PlannedStep {
  const { destination, gateway, link } = route;
  const by = gateway === null ? '' : ` by ${gateway}`;
  const on = link === null ? '' : ` on ${link}`;
  const name = destination === 'default' ? 'default route' : `route to ${destination}`;
  const reason = destination === 'default' ? 'all else goes there' : 'the way to that net';
  const isOurs = sight.node.kind === 'namespace';
  const undo: RouteUndo = { op: 'route', ...route, network: 0n, door: sight.at };
  const isJournalled = standing?.undo.some((each) => each.op === 'route' && isSameRoute(each, undo)) === true;
  return step({ op: 'route', at: sight.at, ...route, replaces: isOurs }, `${name}${by}${on}${where(sight)}`, reason, {
    isRight: hasRoute(route, sight),
    undo: isOurs || isJournalled ? null : undo,
  });
}

export function hasRoute({ destination, gateway, link, metric, table }: LabRoute, { routes, links }: Sight): boolean {
  const net = parseIpNet(destination);
  const text = net === undefined ? destination : netText(net);
  const family = familyOf(gateway ?? destination);
  const ifindex = link === null ? undefined : links.get(link)?.ifindex;
  return routes.some((route) => {
    const [hop] = route.nextHops;
    const isTo = route.destination === text || `${route.destination}/${family === 'inet' ? 32 : 128}` === text;
    const isBy = (hop?.gateway ?? null) === gateway && (link === null || hop?.ifindex === ifindex);
    const isIn = route.table === (table ?? MAIN_TABLE) && (metric === null || route.priority === metric);
    return isTo && isBy && isIn && route.family === family && route.type === 'unicast';
  });
}
