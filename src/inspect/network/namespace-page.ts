// One network namespace in full: who lives there, its links with their other ends, addresses, routes, listeners.

import { IdentityResolver } from '../../containers/identify.ts';
import { GapTally, type CountedGap } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import type { DetailedLink } from '../../kernel/netlink/link-details.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import type { Topology } from '../../network/topology.ts';
import { nameOfPath } from '../../namespaces/discover/names.ts';
import { NamespaceLook } from '../show/namespace-look.ts';
import { addressesField, netListenersField, routesField } from '../show/network-fields.ts';
import { many, plain, type Field } from '../show/report.ts';
import { countersLine, linkLine, linkValue } from './link-value.ts';
import { residentsOf, type Resident } from './residents.ts';

export interface NetworkPage {
  readonly fields: readonly Field[];
  readonly gaps: readonly CountedGap[];
}

/** Of each field its name and what it is. */
export const networkFields: readonly { readonly key: string; readonly help: string }[] = [
  { key: 'ns', help: 'its inode' },
  { key: 'name', help: 'what a person calls it' },
  { key: 'netns', help: 'its names of ip netns and docker, of our own mount namespace' },
  { key: 'residents', help: 'who lives there: containers, pods and units, and how many processes of each' },
  { key: 'links', help: 'its links, each with the other end, or with what it lies on' },
  { key: 'counters', help: 'what each link has received and sent' },
  { key: 'addresses', help: 'the addresses of its links' },
  { key: 'routes', help: 'its routes; text leaves out those of table local' },
  { key: 'listeners', help: 'who listens in it, with the processes' },
];

export function networkPage(host: Host, topology: Topology, place: NetworkNamespace): NetworkPage {
  const gaps = new GapTally();
  for (const counted of topology.gaps.list()) gaps.addUncounted(counted);
  const look = new NamespaceLook({ ...topology.scan, host }, place.namespace, gaps);
  const names = [...new Set(place.namespace.mounts.flatMap((path) => nameOfPath(path) ?? []))];
  const fields = [
    plain('ns', place.inode),
    plain('name', topology.nameOf(place)),
    many('netns', names, String, String),
    residentsField(host, place),
    many<DetailedLink>(
      'links',
      place.links,
      (link) => linkValue(topology, place, link),
      (link) => linkLine(topology, place, link),
    ),
    // In JSON they stand with their link.
    { key: 'counters', value: null, lines: place.links?.map(countersLine) ?? ['-'] },
    addressesField(look),
    routesField(look),
    netListenersField(look),
  ];
  return { fields, gaps: gaps.list() };
}

function residentsField(host: Host, { namespace: { pids } }: NetworkNamespace): Field {
  return many<Resident>(
    'residents',
    residentsOf(new IdentityResolver(host), pids),
    ({ name, pids: of }) => ({ name, processes: of.length, pid: of[0] ?? null }),
    ({ name, pids: of }) =>
      `${name ?? 'no container or unit'}: ${of.length} ${of.length === 1 ? 'process' : 'processes'}, pid ${of[0] ?? '-'}`,
  );
}
