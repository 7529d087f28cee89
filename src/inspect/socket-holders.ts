// Which processes have a socket open: any process may, in whatever namespaces it is. Threads with a table of descriptors
// of their own are looked at by `nstool holders` only.

import type { GapTally } from '../kernel/gap-tally.ts';
import { value, valueOf, type Host, type Reading } from '../kernel/host.ts';
import { statOf } from '../kernel/process-stat.ts';
import { parseDecimal } from '../kernel/text/text.ts';

export interface SocketHolder {
  readonly pid: number;
  /** Absent (null): it has ended meanwhile. */
  readonly comm: string | null;
}

export interface SocketHolders {
  /** By the inode of the socket; ascending by pid. */
  readonly known: ReadonlyMap<number, readonly SocketHolder[]>;
  /** Could all tables of descriptors be read? If not, what nobody is known to hold has a holder that is unknown. */
  readonly isWhole: boolean;
}

/** One look at the descriptors of all processes. What is closed to us is a gap. */
export function findHolders(host: Host, inodes: ReadonlySet<number>, gaps: GapTally): SocketHolders {
  const known = new Map<number, SocketHolder[]>();
  // Nobody need be disturbed for nothing.
  if (inodes.size === 0) return { known, isWhole: true };
  const entries = host.readDirectory('/proc');
  if (!entries.ok) {
    gaps.add('list of processes', entries.gap);
    return { known, isWhole: false };
  }
  let isWhole = true;
  for (const pid of entries.value.flatMap((name) => parseDecimal(name) ?? []).toSorted((a, b) => a - b)) {
    const held = heldSockets(host, pid);
    if (!held.ok) {
      gaps.add('table of descriptors', held.gap);
      isWhole = false;
      continue;
    }
    const wanted = [...held.value].filter((inode) => inodes.has(inode));
    if (wanted.length === 0) continue;
    const holder = { pid, comm: valueOf(statOf(host, pid))?.comm ?? null };
    for (const inode of wanted) {
      const holders = known.get(inode);
      if (holders === undefined) known.set(inode, [holder]);
      else holders.push(holder);
    }
  }
  return { known, isWhole };
}

/** The inodes of the sockets of a process; of one that has ended none. Errors: denied. */
export function heldSockets(host: Host, pid: number): Reading<ReadonlySet<number>> {
  const folder = `/proc/${pid}/fd`;
  const names = host.readDirectory(folder);
  if (!names.ok) return names.gap.reason === 'gone' ? value(new Set()) : names;
  const held = new Set<number>();
  for (const name of names.value) {
    const link = host.readLink(`${folder}/${name}`);
    // Root may list the descriptors of a process that it may not look into.
    if (!link.ok && link.gap.reason !== 'gone') return link;
    if (!link.ok || !link.value.startsWith('socket:[')) continue;
    const inode = parseDecimal(link.value.slice('socket:['.length, -1));
    if (inode !== undefined) held.add(inode);
  }
  return value(held);
}
