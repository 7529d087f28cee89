// Who waits for connections in a network namespace, by protocol and address.

import type { GapTally } from '../../kernel/gap-tally.ts';
import type { Host, NamespaceDoor } from '../../kernel/host.ts';
import {
  decodeListeners,
  encodeListenerDump,
  type Listener,
  type ListenerFamily,
} from '../../kernel/netlink/sock-diag.ts';
import { many, type Field } from './report.ts';

const FAMILIES: readonly ListenerFamily[] = ['tcp', 'tcp6', 'udp', 'udp6'];

export interface ListeningSocket extends Listener {
  readonly protocol: 'tcp' | 'udp';
}

/** Without a door those of our own namespace. Absent (null): the kernel answered for no family. */
export function readListeners(host: Host, door: NamespaceDoor | undefined, gaps: GapTally): ListeningSocket[] | null {
  const sockets: ListeningSocket[] = [];
  let answered = false;
  for (const family of FAMILIES) {
    const reply = host.netlink(encodeListenerDump(family, door));
    const listeners = reply.ok ? decodeListeners(reply.value, `listeners of ${family}`) : reply;
    if (!listeners.ok) {
      gaps.add('list of listening sockets', listeners.gap);
      continue;
    }
    answered = true;
    const protocol = family.startsWith('tcp') ? 'tcp' : 'udp';
    for (const listener of listeners.value) sockets.push({ ...listener, protocol });
  }
  return answered ? sockets : null;
}

/** `held`: the inodes of the sockets that the shown process has open; absent: no process is shown. */
export function listenersField(sockets: readonly ListeningSocket[] | null, held?: ReadonlySet<number> | null): Field {
  return many(
    'listeners',
    sockets,
    ({ protocol, address, port, ifindex, uid, inode }) => {
      const mine = held === undefined ? {} : { own: held === null ? null : held.has(inode) };
      return { protocol, address, port, ifindex: ifindex === 0 ? null : ifindex, uid, inode, ...mine };
    },
    ({ protocol, address, port, inode }) => {
      const shown = address.includes(':') ? `[${address}]` : address;
      return `${protocol} ${shown}:${port}${held?.has(inode) === true ? ' (its own)' : ''}`;
    },
  );
}
