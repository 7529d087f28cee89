// Network namespaces as `net ls` lists them: all that were found, each with its names, then the names that lead to none.

import { IdentityResolver } from '../../containers/identify.ts';
import type { Gap, Host } from '../../kernel/host.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import type { Topology } from '../../network/topology.ts';
import { allNetworkNames, typedName, type NetworkName } from '../network-names.ts';
import { nsidOf } from '../network-ids.ts';
import { residentsOf } from './residents.ts';

/** `used`: processes are in it. `kept`: a name, mount, socket or descriptor keeps it. `stale`: only the name is left. */
export type NetworkState = 'used' | 'kept' | 'stale';

export interface NetworkRow {
  /** Absent (null): the name is stale. */
  readonly place: NetworkNamespace | null;
  /** As a target. */
  readonly name: string;
  /** As they are typed: those of ip-netns(8), then paths of docker's. */
  readonly netns: readonly string[];
  readonly state: NetworkState;
  /** For what is asked only for a column. */
  readonly look: NetworkRowLook;
}

/** What of them is a gap is in that of the topology. */
export function networkRows(host: Host, topology: Topology): readonly NetworkRow[] {
  const { names, gaps } = allNetworkNames(host);
  for (const gap of gaps) topology.gaps.add('name of a network', gap);
  const look = new NetworkRowLook(host, topology);
  const rows = topology.namespaces.map((place): NetworkRow => {
    const own = names.filter(({ inode }) => inode === place.inode);
    const state = place.namespace.pids.length > 0 ? 'used' : 'kept';
    return { place, name: topology.nameOf(place), netns: own.map(typedName), state, look };
  });
  const stale = names.filter(({ inode }) => inode === null);
  return [...rows, ...stale.map((name): NetworkRow => ({ place: null, ...namesOf(name), state: 'stale', look }))];
}

function namesOf(name: NetworkName): Pick<NetworkRow, 'name' | 'netns'> {
  const typed = typedName(name);
  return { name: typed === name.name ? `netns:${typed}` : typed, netns: [typed] };
}

/** What costs a question each, and is asked only for a column. */
export class NetworkRowLook {
  private readonly host: Host;
  readonly topology: Topology;
  private readonly resolver: IdentityResolver;

  constructor(host: Host, topology: Topology) {
    this.host = host;
    this.topology = topology;
    this.resolver = new IdentityResolver(host);
  }

  /** Containers, pods and units with processes in it. */
  residents({ namespace: { pids } }: NetworkNamespace): readonly string[] {
    return residentsOf(this.resolver, pids).flatMap(({ name }) => name ?? []);
  }

  /** What our own network namespace calls it: a number, or `unassigned`. Absent (null): it could not be asked. */
  netnsid({ way }: NetworkNamespace): string | null {
    if (way === undefined) return null;
    const nsid = nsidOf(this.host, way, undefined);
    if (nsid.ok) return nsid.value === null ? 'unassigned' : String(nsid.value);
    this.note(nsid.gap);
    return null;
  }

  private note(gap: Gap): void {
    this.topology.gaps.add('id of a network', gap);
  }
}
