// unix_diag: the sockets with an abstract name that wait for others. Such names are of the network namespace; a name
// that is a file belongs to the mount namespace that the file is in. Source: unix(7), sock_diag(7),
// linux/unix_diag.h. Since: Linux 3.3, CONFIG_UNIX_DIAG; a kernel without it says ENOENT.

import {
  AF_UNIX,
  TCP_CLOSE,
  TCP_LISTEN,
  UDIAG_SHOW_NAME,
  UDIAG_SHOW_UID,
  UNIX_DIAG_MSG_LENGTH,
  UNIX_DIAG_NAME,
  UNIX_DIAG_REQ_LENGTH,
  UNIX_DIAG_UID,
} from '../abi/sock-diag.ts';
import { value, type NamespaceDoor, type NetlinkRequest, type Reading } from '../host.ts';
import { decodeText } from '../text/text.ts';
import { decodeDump } from './dump.ts';
import { attributeMap, numberOf, view } from './message.ts';
import { diagRequest, SOCKET_TYPES, unlike } from './sock-diag.ts';

export interface UnixListener {
  readonly type: string;
  /** With `@` for the NUL that it starts with, as ss(8) has it. Any bytes: a process chose it. */
  readonly name: string;
  /** Absent (null): before Linux 5.3. */
  readonly uid: number | null;
  readonly inode: number;
}

export function encodeUnixListenerDump(namespace?: NamespaceDoor): NetlinkRequest {
  const query = new Uint8Array(UNIX_DIAG_REQ_LENGTH);
  query[0] = AF_UNIX;
  view(query).setUint32(4, (1 << TCP_LISTEN) | (1 << TCP_CLOSE), true);
  view(query).setUint32(12, UDIAG_SHOW_NAME | UDIAG_SHOW_UID, true);
  return diagRequest(query, namespace);
}

/** Those that listen, and those for datagrams that are bound and not connected. */
export function decodeUnixListeners(datagrams: readonly Uint8Array[], what: string): Reading<readonly UnixListener[]> {
  const messages = decodeDump(datagrams, what);
  if (!messages.ok) return messages;
  const listeners: UnixListener[] = [];
  for (const { body } of messages.value) {
    const [family, type = 0, state] = body;
    if (body.length < UNIX_DIAG_MSG_LENGTH || family !== AF_UNIX) return unlike(what, body);
    const attributes = attributeMap(body.subarray(UNIX_DIAG_MSG_LENGTH), what);
    if (!attributes.ok) return attributes;
    const name = attributes.value.get(UNIX_DIAG_NAME);
    const waits = state === TCP_LISTEN || type === SOCK_DGRAM;
    if (name?.[0] !== 0 || !waits) continue;
    listeners.push({
      type: SOCKET_TYPES.get(type) ?? String(type),
      name: `@${decodeText(name.subarray(1))}`,
      uid: numberOf(attributes.value.get(UNIX_DIAG_UID)),
      inode: view(body).getUint32(4, true),
    });
  }
  return value(listeners);
}

const SOCK_DGRAM = 2;
