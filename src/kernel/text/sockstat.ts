// /proc/PID/net/sockstat. Source: proc_pid_net(5), net/socket.c socket_seq_show(), net/core/sock.c sk_alloc().

import { value, type Reading } from '../host.ts';
import { decodeText, malformed, parseDecimal } from './text.ts';

/**
 * How many sockets of all families programs have in that network namespace; those that the kernel made for itself do not
 * count. A socket counts until it is freed, which is a moment after it was closed. Since: Linux 4.16; before, the number
 * is of the whole host.
 */
export function parseSocketsUsed(bytes: Uint8Array, file: string): Reading<number> {
  const [first = ''] = decodeText(bytes).split('\n');
  const used = parseDecimal(/^sockets: used ([0-9]+)$/.exec(first)?.[1]);
  return used === undefined ? malformed(file, 1, first) : value(used);
}
