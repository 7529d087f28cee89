// The network of a process, as a node of a lab: what our link is called in it, and whether it has a way out already.

import { NsError } from '../kernel/error.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import type { JournalEntry } from '../kernel/journal.ts';
import type { Family } from './ip-net.ts';
import { decodeLab } from './lab-memory.ts';
import { lookInto } from './lab-sight.ts';
import type { Attached } from './lab-words.ts';

const MAIN_TABLE = 254;

/** `name`: of the node. Errors: BAD_VALUE, where it is our own; as of the questions to the host. */
export function attachedOf(
  host: Host,
  { name, path, inode }: { readonly name: string; readonly path: string; readonly inode: bigint },
  standing: JournalEntry | null,
): Attached {
  if (valueOf(host.stat('/proc/thread-self/ns/net'))?.ino === inode)
    throw new NsError('BAD_VALUE', { what: 'this network is our own', why: 'a link of both ends here leads nowhere' });
  const { links, routes } = lookInto(host, path);
  // What was attached before is so again.
  const before = decodeLab(standing?.note);
  const node = before?.nodes.find((each) => each.kind === 'attached' && each.inode === inode);
  const ends = before?.links.flatMap((link) => (link.kind === 'veth' ? link.ends : [])) ?? [];
  const own = node === undefined ? undefined : ends.find((end) => end.node === name)?.link;
  const families: readonly Family[] = ['inet', 'inet6'];
  const others = routes.filter(
    ({ destination, table, nextHops }) =>
      destination === 'default' &&
      table === MAIN_TABLE &&
      nextHops.some(({ ifindex }) => own === undefined || ifindex !== links.get(own)?.ifindex),
  );
  return {
    path,
    inode,
    link: own ?? freeName(new Set(links.keys())),
    routed: new Set(families.filter((family) => others.some((route) => route.family === family))),
  };
}

function freeName(names: ReadonlySet<string>): string {
  for (let number = 0; ; number += 1) if (!names.has(`eth${number}`)) return `eth${number}`;
}
