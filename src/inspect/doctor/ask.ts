// All that the doctor could come to ask of a network namespace, for a recording: which ways will be followed there, nobody
// knows yet. What its kernel would decide about a packet is not among it: of a recorded host its tables are read instead.

import { examine } from './doctor.ts';
import { hostsOf } from './name-checks.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import type { Sight } from './sight.ts';
import { tableChecks } from './socket-checks.ts';

/** Below /proc/sys. */
const SETTINGS = [
  'net/ipv4/ip_forward',
  'net/ipv4/icmp_echo_ignore_all',
  'net/ipv6/icmp/echo_ignore_all',
  'net/ipv6/conf/all/disable_ipv6',
  'net/ipv6/conf/all/forwarding',
];
const OF_LINKS = [
  'net/ipv4/conf/LINK/forwarding',
  'net/ipv4/conf/LINK/rp_filter',
  'net/ipv4/conf/LINK/arp_ignore',
].concat(['net/ipv4/conf/LINK/proxy_arp', 'net/ipv6/conf/LINK/proxy_ndp', 'net/ipv6/conf/LINK/accept_ra']);

export function askForDoctor(sight: Sight, place: NetworkNamespace): void {
  const seen = sight.of(place);
  seen.rules();
  seen.routes();
  seen.neighbours();
  seen.conditions();
  seen.bridgeAddresses();
  seen.portVlans();
  seen.listeners('tcp');
  seen.listeners('udp');
  seen.ruleset();
  tableChecks(sight, place);
  const links = ['all', ...(place.links ?? []).map(({ name }) => name)];
  const paths = OF_LINKS.flatMap((path) => links.map((link) => path.replace('LINK', link)));
  for (const path of [...SETTINGS, ...paths]) seen.setting(path);
  hostsOf(sight, place);
  examine(sight, { from: place, to: null, aim: null });
}
