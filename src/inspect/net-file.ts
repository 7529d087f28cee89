// Files of /proc/PID/net, as who is in a network namespace reads them.

import type { Host, NamespaceDoor, Reading } from '../kernel/host.ts';
import type { Namespace } from '../namespaces/discover/scan.ts';
import { insideOf, readInside } from '../namespaces/inside.ts';

/** Through a process in it, which needs no rights, or from inside. `door`: absent for our own. */
export function readNetFile(
  host: Host,
  { pids: [pid], inode }: Pick<Namespace, 'pids' | 'inode'>,
  door: NamespaceDoor | undefined,
  name: string,
): Reading<Uint8Array> {
  if (pid !== undefined) return host.readFile(`/proc/${pid}/net/${name}`);
  const inside = insideOf(host, 'net', `net:[${inode}]`, door);
  return inside.ok ? readInside(inside.value, `/proc/thread-self/net/${name}`) : inside;
}
