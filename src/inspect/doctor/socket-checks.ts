// What is wrong where a packet has come to: nobody listens, or not for this; and tables that are full on the way.

import { valueOf } from '../../kernel/host.ts';
import type { ListeningPort } from '../../kernel/netlink/listening-ports.ts';
import { decodeText } from '../../kernel/text/text.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import { readNetFile } from '../net-file.ts';
import { advice, finding, fixIn, type Finding } from './finding.ts';
import { loopbackCheck } from './link-checks.ts';
import type { Hop } from './path.ts';
import type { Sight } from './sight.ts';

/** Of the last hop on the way there. */
export function arrivalChecks(sight: Sight, hop: Hop): readonly Finding[] {
  if (hop.end.is !== 'delivered') return [];
  const { place, iif, routed } = hop;
  const { protocol, port } = routed;
  // What is made here and is for here goes by the loopback.
  const own = iif === null ? loopbackCheck(sight, { place }) : [];
  if (own.length > 0) return own;
  return protocol === 'icmp' || port === null ? echoCheck(sight, hop) : listenerChecks(sight, hop, protocol, port);
}

function echoCheck(sight: Sight, { place, routed: { destination } }: Hop): readonly Finding[] {
  const key = destination.includes(':') ? 'net/ipv6/icmp/echo_ignore_all' : 'net/ipv4/icmp_echo_ignore_all';
  if (sight.of(place).number(key) !== 1) return [];
  return [
    finding('D40', place, `${sight.of(place).name} answers no ping`, {
      evidence: [`/proc/sys/${key}: 1`],
      fix: fixIn(sight, place, ['sysctl', '-w', `${key}=0`], 'answers pings again; connections are not concerned'),
    }),
  ];
}

const ANY: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

function listenerChecks(
  sight: Sight,
  { place, iif, routed }: Hop,
  protocol: 'tcp' | 'udp',
  port: number,
): readonly Finding[] {
  const all = sight.of(place).listeners(protocol);
  if (all === null) return [];
  const { destination } = routed;
  const onPort = all.filter((one) => one.port === port);
  const here = { ifindex: iif?.ifindex ?? null, destination };
  const taking = onPort.filter((one) => takes(one, here));
  const name = sight.of(place).name;
  const text = `${destination.includes(':') ? `[${destination}]` : destination}:${port}`;
  if (taking.length > 0) return taking.flatMap((one) => backlogCheck(place, name, protocol, one));
  const evidence = onPort.map(
    (one) =>
      `${protocol} ${one.address}:${port}${one.ifindex === 0 ? '' : ` on if${one.ifindex}`}${one.onlyIpv6 === true ? ' (IPv6 only)' : ''}`,
  );
  if (onPort.length === 0) {
    const others = [...new Set(all.map((one) => one.port))].toSorted((a, b) => a - b).slice(0, MOST_PORTS);
    return [
      finding('D24', place, `nobody in ${name} listens on ${protocol} port ${port}`, {
        evidence: [
          others.length === 0
            ? `no ${protocol} socket listens there`
            : `${protocol} ports that are listened on: ${others.join(', ')}`,
        ],
        fix: advice('start what should listen, or use one of the ports that are listened on'),
      }),
    ];
  }
  const only = onPort.find((one) => one.address === '::' && one.onlyIpv6 === true);
  if (only !== undefined && !destination.includes(':')) {
    return [
      finding('D26', place, `who listens on ${protocol} port ${port} in ${name} takes only IPv6`, {
        evidence,
        fix: advice('let it listen on 0.0.0.0 too, or clear IPV6_V6ONLY on its socket'),
      }),
    ];
  }
  const isLoopback = onPort.every(({ address }) => /^127\.|^::1$|^::ffff:127\./.test(address));
  return [
    finding(
      'D25',
      place,
      `in ${name} ${protocol} port ${port} is listened on, but not for ${text}${isLoopback ? ': only for itself' : ''}`,
      {
        evidence,
        fix: advice('let it listen on 0.0.0.0 (and ::), or on that address'),
      },
    ),
  ];
}

const MOST_PORTS = 12;

function takes(one: ListeningPort, here: { readonly ifindex: number | null; readonly destination: string }): boolean {
  const { destination, ifindex } = here;
  if (one.ifindex !== 0 && one.ifindex !== ifindex) return false;
  const isIpv6 = destination.includes(':');
  const mapped = `::ffff:${destination}`;
  if (one.address === destination || one.address === mapped) return true;
  if (!ANY.has(one.address)) return false;
  if (isIpv6) return one.family === 'inet6';
  return one.family === 'inet' || one.onlyIpv6 !== true;
}

function backlogCheck(place: NetworkNamespace, name: string, protocol: string, one: ListeningPort): readonly Finding[] {
  if (protocol !== 'tcp' || one.waiting <= one.room) return [];
  return [
    finding(
      'D27',
      place,
      `in ${name} ${one.waiting} connections to port ${one.port} wait to be accepted, and no more may`,
      {
        evidence: [`tcp ${one.address}:${one.port}: ${one.waiting} wait, room for ${one.room}`],
        fix: advice('the program accepts too slowly, or hangs; a larger backlog only lets more of them wait'),
      },
    ),
  ];
}

/** Of each namespace on the way: what holds for all packets. */
export function tableChecks(sight: Sight, place: NetworkNamespace): readonly Finding[] {
  return [...connectionCheck(sight, place), ...neighbourTableCheck(sight, place)];
}

function connectionCheck(sight: Sight, place: NetworkNamespace): readonly Finding[] {
  const seen = sight.of(place);
  const count = seen.number('net/netfilter/nf_conntrack_count');
  const most = seen.number('net/netfilter/nf_conntrack_max');
  if (count === null || most === null || most === 0 || count < most) return [];
  return [
    finding('D30', place, `the table of connections of ${seen.name} is full: new ones are dropped`, {
      evidence: [`nf_conntrack_count ${count}`, `nf_conntrack_max ${most}`],
      fix: {
        words: ['sysctl', '-w', `net.netfilter.nf_conntrack_max=${most * 2}`],
        why: 'makes room; on the host, as all namespaces share the limit',
      },
    }),
  ];
}

/** The table is one for all namespaces, and so is its limit. */
function neighbourTableCheck(sight: Sight, place: NetworkNamespace): readonly Finding[] {
  const most = sight.of(place).number('net/ipv4/neigh/default/gc_thresh3');
  if (most === null || most === 0) return [];
  const bytes = valueOf(readNetFile(sight.host, place.namespace, place.door, 'stat/arp_cache'));
  const [heads = '', numbers = ''] = bytes === undefined ? [] : decodeText(bytes).split('\n');
  const at = heads.trim().split(/\s+/).indexOf('entries');
  const entries = at < 0 ? Number.NaN : Number.parseInt(numbers.trim().split(/\s+/)[at] ?? '', 16);
  if (!(entries >= most)) return [];
  return [
    finding('D31', place, 'the table of neighbours is full: nobody new is asked for a link address', {
      evidence: [`/proc/net/stat/arp_cache: ${entries} entries`, `gc_thresh3 ${most}`],
      fix: { words: ['sysctl', '-w', `net.ipv4.neigh.default.gc_thresh3=${most * 2}`], why: 'makes room, on the host' },
    }),
  ];
}
