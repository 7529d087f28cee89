// What of the host is in the way of a new net: a route, a nameserver.

import { NsError } from '../kernel/error.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import type { Link } from '../kernel/netlink/links.ts';
import type { Route } from '../kernel/netlink/routes.ts';
import { parseResolvConf } from '../kernel/text/resolv-conf.ts';
import { netText, overlap, parseIpv4, parseIpv4Net, type Ipv4Net } from './ipv4.ts';
import type { Lab } from './lab.ts';

const RESOLV_CONF = '/etc/resolv.conf';
/** Of addresses of the host itself. */
const LOCAL_TABLE = 255;

/** `own`: the index of the lab's bridge, whose routes are meant. Errors: BAD_VALUE. */
export function requireFree(
  host: Host,
  { address }: Lab,
  routes: readonly Route[],
  links: readonly Link[],
  own: number | null,
): void {
  for (const route of routes) {
    const net = netOf(route);
    if (net === undefined || route.table === LOCAL_TABLE || !overlap(net, address)) continue;
    const ifindexes = route.nextHops.map(({ ifindex }) => ifindex);
    if (own !== null && ifindexes.includes(own)) continue;
    const names = links.filter(({ ifindex }) => ifindexes.includes(ifindex)).map(({ name }) => name);
    throw taken(
      address,
      `the host has a route to ${netText(net)}${names.length === 0 ? '' : ` by ${names.join(', ')}`}`,
    );
  }
  // Where the bridge is somebody else's, its nameserver may well be in its net.
  if (own !== null) return;
  const bytes = valueOf(host.readFile(RESOLV_CONF));
  const servers = bytes === undefined ? [] : parseResolvConf(bytes).nameservers;
  const server = servers.find(
    (each) => parseIpv4(each) !== undefined && overlap(address, { address: each, prefixLength: 32 }),
  );
  if (server !== undefined) throw taken(address, `the host asks the nameserver ${server}, of ${RESOLV_CONF}`);
}

/** The default route leads everywhere, and is in nobody's way. */
function netOf({ family, destination, type }: Route): Ipv4Net | undefined {
  if (family !== 'inet' || type === 'broadcast' || type === 'local') return undefined;
  const net = parseIpv4Net(destination.includes('/') ? destination : `${destination}/32`);
  return net?.prefixLength === 0 ? undefined : net;
}

function taken(net: Ipv4Net, why: string): NsError {
  return new NsError('BAD_VALUE', {
    what: `the net ${netText(net)} is in use`,
    why,
    tryThis: 'another one: --address 192.168.77.11/24',
  });
}
