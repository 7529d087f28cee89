// Who gets to know of mounts below a mount, and from whom it does: peers, masters and slaves, in all mount namespaces.
// Source: mount_namespaces(7), Documentation/filesystems/sharedsubtree.rst.

import { discoverNamespaces } from '../../namespaces/discover/discover.ts';
import type { Mount } from '../../kernel/text/mountinfo.ts';
import { readMountTable } from '../mount-table.ts';
import type { NamespaceLook } from './namespace-look.ts';
import { many, plain, type Field } from './report.ts';

/** What happens below the one happens below the other: both ways, from it to us, from us to it. */
type Role = 'peer' | 'master' | 'slave';

interface Peer {
  readonly target: string;
  /** The number of the group that both have to do with. */
  readonly group: number;
  readonly role: Role;
  /** The mount namespace of the other mount, and its place there. */
  readonly ns: bigint;
  readonly there: string;
}

/** People see the first of many. */
const SHOWN = 20;

export function mountPeersField(look: NamespaceLook, mounts: readonly Mount[] | null): Field {
  const key = 'peers';
  if (mounts === null) return plain(key, null);
  const peers = mounts.every((mount) => groupOf(mount, 'shared') === null && groupOf(mount, 'master') === null)
    ? []
    : findPeers(look, mounts);
  const field = many(key, peers, peerValue, peerLine);
  const more = peers.length - SHOWN;
  return more <= 0 ? field : { ...field, lines: [...field.lines.slice(0, SHOWN), `and ${more} more`] };
}

function peerValue({ target, group, role, ns, there }: Peer): Field['value'] {
  return { target, group, role, ns, target_there: there };
}

const ARROW: Record<Role, string> = { peer: '↔', master: '←', slave: '→' };

function peerLine({ target, group, role, ns, there }: Peer): string {
  return `${target} ${ARROW[role]} ${there} of mnt:${ns} (group ${group})`;
}

function groupOf({ optionalFields }: Mount, name: 'shared' | 'master'): number | null {
  const word = optionalFields.find((field) => field.startsWith(`${name}:`));
  return word === undefined ? null : Number(word.slice(name.length + 1));
}

interface Elsewhere {
  readonly ns: bigint;
  readonly mount: Mount;
}

function findPeers(look: NamespaceLook, mounts: readonly Mount[]): readonly Peer[] {
  const sharing = new Map<number, Elsewhere[]>();
  const following = new Map<number, Elsewhere[]>();
  for (const other of allMounts(look, mounts)) {
    note(sharing, groupOf(other.mount, 'shared'), other);
    note(following, groupOf(other.mount, 'master'), other);
  }
  return mounts.flatMap((mount) => {
    const [shared, master] = [groupOf(mount, 'shared'), groupOf(mount, 'master')];
    const peersIn = (group: number | null, role: Role, found: ReadonlyMap<number, Elsewhere[]>): readonly Peer[] => {
      if (group === null) return [];
      const others = (found.get(group) ?? []).filter((other) => other.mount !== mount);
      return others.map(({ ns, mount: there }) => ({
        target: mount.mountPoint,
        group,
        role,
        ns,
        there: there.mountPoint,
      }));
    };
    return [
      ...peersIn(shared, 'peer', sharing),
      ...peersIn(master, 'master', sharing),
      ...peersIn(shared, 'slave', following),
    ];
  });
}

function note(map: Map<number, Elsewhere[]>, group: number | null, mount: Elsewhere): void {
  if (group === null) return;
  const list = map.get(group);
  if (list === undefined) map.set(group, [mount]);
  else list.push(mount);
}

/** Of every mount namespace: those with a process, and what the kernel lists besides. */
function allMounts(look: NamespaceLook, mounts: readonly Mount[]): readonly Elsewhere[] {
  const { host, namespace, gaps } = look;
  const scan = discoverNamespaces(host, new Set(['mnt']));
  const others = new Map([...scan.namespaces.values()].map(({ inode, pids }) => [inode, pids]));
  const listed = host.mountNamespaces();
  if (listed.ok) for (const { inode } of listed.value) if (!others.has(inode)) others.set(inode, []);
  if (!listed.ok) gaps.add('list of mount namespaces without a process', listed.gap);
  others.delete(namespace.inode);
  const all: Elsewhere[] = mounts.map((mount) => ({ ns: namespace.inode, mount }));
  for (const [inode, pids] of others) {
    const table = look.known('mount table', readMountTable(host, inode, pids));
    for (const mount of table ?? []) all.push({ ns: inode, mount });
  }
  return all;
}
