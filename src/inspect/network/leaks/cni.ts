// Addresses that CNI's host-local has reserved for containers that are no more, and what plugins have noted of them. Source:
// containernetworking/plugins, libcni. Podman before netavark, containerd and CRI-O have theirs here.

import type { GapTally } from '../../../kernel/gap-tally.ts';
import type { Host } from '../../../kernel/host.ts';
import { parseAddress } from '../../../kernel/netlink/address-text.ts';
import { parseCniReservation } from '../../../kernel/text/cni-reservation.ts';
import type { Topology } from '../../../network/topology.ts';
import type { Leak } from './leak.ts';

const NETWORKS = '/var/lib/cni/networks';
const RESULTS = '/var/lib/cni/results';
/** What engines call containers; others may call them as they like. */
export const ENGINES_ID: RegExp = /^[0-9a-f]{64}$/;

/** What is known of those that are alive. */
export interface Living {
  /** The ids of containers that have a process, or a monitor. */
  readonly containers: ReadonlySet<string>;
  /** Could all of them be seen? */
  readonly isComplete: boolean;
}

/** A reservation counts as left only if no namespace has its address either. */
export function leftAddresses(host: Host, topology: Topology, living: Living, gaps: GapTally): readonly Leak[] {
  const used = usedAddresses(topology);
  return list(host, NETWORKS, gaps).flatMap((network) =>
    list(host, `${NETWORKS}/${network}`, gaps).flatMap((file): readonly Leak[] => {
      if (parseAddress(file) === undefined) return [];
      const path = `${NETWORKS}/${network}/${file}`;
      const bytes = host.readFile(path);
      const reservation = bytes.ok ? parseCniReservation(bytes.value, path) : bytes;
      if (!reservation.ok) {
        if (reservation.gap.reason !== 'gone') gaps.add('reserved address', reservation.gap);
        return [];
      }
      const { container, interface: link } = reservation.value;
      const where = used.get(file);
      if (living.containers.has(container) || where !== undefined) return [];
      const evidence = [
        `reserved in the network ${network} for ${link ?? 'an interface'} of container ${container}`,
        'no process of such a container was found',
        'no network namespace that was found has the address',
      ];
      const isCertain = living.isComplete && ENGINES_ID.test(container);
      const of = { network, container, link };
      return [{ kind: 'address', what: file, of, isCertain, evidence, remove: ['rm', path] }];
    }),
  );
}

/** Files `NETWORK-CONTAINER-INTERFACE`. */
export function leftResults(host: Host, living: Living, gaps: GapTally): readonly Leak[] {
  return list(host, RESULTS, gaps).flatMap((file): readonly Leak[] => {
    const [, network = '', container, link = ''] = /^(.*)-([0-9a-f]{64})-([^-]+)$/s.exec(file) ?? [];
    if (container === undefined || living.containers.has(container)) return [];
    const path = `${RESULTS}/${file}`;
    const evidence = [`what a plugin has noted of container ${container}`, 'no process of such a container was found'];
    const of = { network, container, link };
    return [{ kind: 'result', what: path, of, isCertain: living.isComplete, evidence, remove: ['rm', path] }];
  });
}

function list(host: Host, folder: string, gaps: GapTally): readonly string[] {
  const names = host.readDirectory(folder);
  if (names.ok) return names.value.toSorted();
  if (names.gap.reason !== 'gone' && names.gap.errno !== 'ENOTDIR') gaps.add('directory of CNI', names.gap);
  return [];
}

function usedAddresses(topology: Topology): ReadonlyMap<string, string> {
  return new Map(
    topology.namespaces.flatMap((place) =>
      (place.addresses ?? []).map(({ address }) => [address, topology.nameOf(place)] as const),
    ),
  );
}
