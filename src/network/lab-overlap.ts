// What of the host is in the way of a lab's nets: a route, a nameserver.

import { NsError } from '../kernel/error.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import { parseAddress } from '../kernel/netlink/address-text.ts';
import type { Route } from '../kernel/netlink/routes.ts';
import { parseResolvConf } from '../kernel/text/resolv-conf.ts';
import { netText, overlap, parseIpNet, wholeNet, type IpNet } from './ip-net.ts';
import type { Sight } from './lab-sight.ts';

const RESOLV_CONF = '/etc/resolv.conf';
/** Of addresses of the host itself. */
const LOCAL_TABLE = 255;

/** A net that our own network gets, and by which of its links. */
export interface HostNet {
  readonly net: IpNet;
  /** Its routes are meant where it is there: it is the lab's, or a port of it is wanted. */
  readonly link: string;
}

/** `sight`: of our own network. Errors: BAD_VALUE. */
export function requireFree(
  host: Host,
  nets: readonly HostNet[],
  { links, routes }: Pick<Sight, 'links' | 'routes'>,
): void {
  const names = new Map(Array.from(links.values(), ({ ifindex, name }) => [ifindex, name]));
  const own = new Set(nets.map(({ link }) => link));
  for (const route of routes) {
    const net = netOf(route);
    if (net === undefined || route.table === LOCAL_TABLE) continue;
    const by = route.nextHops.flatMap(({ ifindex }) => names.get(ifindex ?? 0) ?? []);
    const taken = nets.find((each) => overlap(net, each.net));
    if (taken === undefined || by.some((name) => own.has(name))) continue;
    throw inUse(taken.net, `the host has a route to ${netText(net)}${by.length === 0 ? '' : ` by ${by.join(', ')}`}`);
  }
  // Where the link is there, its nameserver may well be in its net.
  const fresh = nets.filter(({ link }) => !links.has(link));
  const bytes = fresh.length === 0 ? undefined : valueOf(host.readFile(RESOLV_CONF));
  for (const server of bytes === undefined ? [] : parseResolvConf(bytes).nameservers) {
    const asked = parseAddress(server) === undefined ? undefined : wholeNet(server);
    const taken = fresh.find(({ net }) => asked !== undefined && overlap(net, asked));
    if (taken !== undefined) throw inUse(taken.net, `the host asks the nameserver ${server}, of ${RESOLV_CONF}`);
  }
}

/** The default route leads everywhere, and is in nobody's way; and link-local nets are on every link. */
function netOf({ destination, type }: Route): IpNet | undefined {
  if (type === 'broadcast' || type === 'local' || type === 'multicast' || type === 'anycast') return undefined;
  const net = destination.includes('/') ? parseIpNet(destination) : undefined;
  const whole = net ?? (destination === 'default' ? undefined : wholeNet(destination));
  return whole === undefined || whole.prefixLength === 0 || /^(?:fe80|ff)/.test(whole.address) ? undefined : whole;
}

function inUse(net: IpNet, why: string): NsError {
  return new NsError('BAD_VALUE', {
    what: `the net ${netText(net)} is in use`,
    why,
    tryThis: 'another one: --address 192.168.77.11/24',
  });
}
