// The columns of `net ls`: of what `net show` lists, and what tells namespaces and their names.

import type { NetworkRow, NetworkRowLook } from '../../inspect/network/network-rows.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import type { Cell, Column } from '../../render/columns.ts';
import { lowest, reachColumns } from './net-show-columns.ts';

type NetLsColumn = Column<NetworkRow>;

/** Of a stale name nothing is known, as nothing is there. */
function ofPlace(
  key: string,
  type: NetLsColumn['type'],
  help: string,
  get: (place: NetworkNamespace, look: NetworkRowLook) => Cell,
): NetLsColumn {
  const shrinks = type === 'list';
  return { key, type, help, shrinks, get: ({ place, look }) => (place === null ? null : get(place, look)) };
}

export const netLsColumns: readonly NetLsColumn[] = [
  ofPlace('ns', 'number', 'inode', ({ inode }) => inode),
  { key: 'name', type: 'string', help: 'what a person calls it, as a target', shrinks: true, get: ({ name }) => name },
  {
    key: 'netns',
    type: 'list',
    help: 'its names in /run/netns, and paths of those in /run/docker/netns',
    shrinks: true,
    get: ({ netns }) => netns,
  },
  {
    key: 'state',
    type: 'string',
    help: 'used: processes are in it; kept: by a name, mount, socket or descriptor; stale: only the name is left',
    get: ({ state }) => state,
  },
  ofPlace('netnsid', 'string', 'id that our own network namespace gives it', (place, look) => look.netnsid(place)),
  ofPlace('nprocs', 'number', 'processes in it', ({ namespace: { pids } }) => pids.length),
  ofPlace('pid', 'number', 'the lowest of them', ({ namespace: { pids } }) => lowest(pids)),
  ofPlace('residents', 'list', 'containers, pods and units with processes in it', (place, look) =>
    look.residents(place),
  ),
  ofPlace('links', 'number', 'how many links it has', ({ links }) => links?.length ?? null),
  ofPlace('interfaces', 'list', 'their names', ({ links }) => links?.map(({ name }) => name) ?? null),
  ...reachColumns.map(({ key, type, help, get }) =>
    ofPlace(key, type, help, (place, { topology }) => get(place, topology)),
  ),
  ofPlace('nsfs', 'list', 'where it is mounted', ({ namespace: { mounts, foreignMounts } }) =>
    mounts.length > 0 ? mounts : foreignMounts,
  ),
];

export const defaultNetLsColumns: readonly string[] = [
  'ns',
  'name',
  'netns',
  'state',
  'netnsid',
  'nprocs',
  'pid',
  'residents',
  'links',
];
