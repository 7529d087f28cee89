// The table of `net show`: a row a network namespace.

import type { NetworkNamespace } from '../../network/network-namespace.ts';
import { endOf, type Topology } from '../../network/topology.ts';
import type { Cell, Column } from '../../render/columns.ts';

type NetColumn = Omit<Column<NetworkNamespace>, 'get'> & {
  readonly get: (place: NetworkNamespace, topology: Topology) => Cell;
};

/** What `net ls` has, too: who it is connected with. */
export const reachColumns: readonly NetColumn[] = [
  {
    key: 'addresses',
    help: 'but for those that count on the host or one link alone',
    type: 'list',
    shrinks: true,
    get: globalAddresses,
  },
  { key: 'default', help: 'its default routes: GATEWAY@LINK', type: 'list', shrinks: true, get: defaultsOf },
  {
    key: 'leads_to',
    help: 'the other namespaces that its links lead to',
    type: 'list',
    shrinks: true,
    get: (place, topology) => leadsTo(topology, place),
  },
];

const columns: readonly NetColumn[] = [
  { key: 'ns', help: 'inode', type: 'number', get: ({ inode }) => inode },
  {
    key: 'name',
    help: 'what a person calls it, as a target',
    type: 'string',
    shrinks: true,
    get: (place, topology) => topology.nameOf(place),
  },
  { key: 'nprocs', help: 'processes in it', type: 'number', get: ({ namespace: { pids } }) => pids.length },
  { key: 'pid', help: 'the lowest of them', type: 'number', get: ({ namespace: { pids } }) => lowest(pids) },
  { key: 'links', help: 'how many links it has', type: 'number', get: ({ links }) => links?.length ?? null },
  ...reachColumns,
];

export const netColumnHelp: readonly { readonly key: string; readonly help: string }[] = columns;

export function netColumns(topology: Topology): readonly Column<NetworkNamespace>[] {
  return columns.map((column) => ({ ...column, get: (place) => column.get(place, topology) }));
}

export function lowest(pids: readonly number[]): number | null {
  return pids.reduce<number | null>((least, pid) => (least === null || pid < least ? pid : least), null);
}

function leadsTo(topology: Topology, place: NetworkNamespace): readonly string[] | null {
  if (place.links === null) return null;
  const names = place.links.flatMap(({ ifindex }) => {
    const end = endOf(topology, place, ifindex);
    if (end === undefined || (end.state !== 'hidden' && end.in === place)) return [];
    return end.state === 'hidden' ? `hidden(nsid ${end.nsid})` : topology.nameOf(end.in);
  });
  return [...new Set(names)];
}

function globalAddresses({ addresses }: NetworkNamespace): readonly string[] | null {
  if (addresses === null) return null;
  return addresses
    .filter(({ scope }) => scope !== 'host' && scope !== 'link')
    .map(({ address, prefixLength }) => `${address}/${prefixLength}`);
}

export function defaultsOf({ defaults, byIndex }: NetworkNamespace): readonly string[] | null {
  if (defaults === null) return null;
  return defaults.flatMap(({ nextHops }) =>
    nextHops.map(({ gateway, ifindex }) => {
      const dev = ifindex === null ? '-' : (byIndex.get(ifindex)?.name ?? String(ifindex));
      return gateway === null ? dev : `${gateway}@${dev}`;
    }),
  );
}
