// Who has the descriptor of a tun device: the program at the other end of that link. Source: drivers/net/tun.c.

import { valueOf } from '../kernel/host.ts';
import type { Link } from '../kernel/netlink/links.ts';
import { statOf } from '../kernel/process-stat.ts';
import type { Scan } from '../namespaces/discover/scan.ts';

export interface TunOwner {
  /** The namespace that the device is in, which may be another than that in which the descriptor was opened. */
  readonly inode: bigint;
  readonly interface: string;
  readonly pid: number;
  /** Absent (null): it has ended meanwhile. */
  readonly comm: string | null;
}

export function isTun({ kind }: Link): boolean {
  return kind === 'tun' || kind === 'tap';
}

/** Needs a deep scan. The device is told since Linux 5.2; before, it is taken to be where its descriptor was opened. */
export function tunOwners({ host, namespaces }: Scan): readonly TunOwner[] {
  const found: TunOwner[] = [];
  for (const namespace of namespaces.values()) {
    for (const holder of namespace.holders) {
      if (holder.type !== 'tun' || holder.interface === null) continue;
      const { pid, tid, fd } = holder;
      const device = host.askNamespace({ pid: tid, fd, ask: 'TUNGETDEVNETNS' }, []);
      const comm = valueOf(statOf(host, pid))?.comm ?? null;
      found.push({ inode: valueOf(device) ?? namespace.inode, interface: holder.interface, pid, comm });
    }
  }
  return found.toSorted((a, b) => a.pid - b.pid);
}
