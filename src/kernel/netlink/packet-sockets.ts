// packet_diag: the sockets that see the packets of interfaces. Source: packet(7), sock_diag(7), linux/packet_diag.h.
// Since: Linux 3.7, CONFIG_PACKET_DIAG; a kernel without it says ENOENT.

import {
  AF_PACKET,
  PACKET_DIAG_INFO,
  PACKET_DIAG_MSG_LENGTH,
  PACKET_DIAG_REQ_LENGTH,
  PACKET_DIAG_UID,
  PACKET_SHOW_INFO,
} from '../abi/sock-diag.ts';
import { value, type NamespaceDoor, type NetlinkRequest, type Reading } from '../host.ts';
import { decodeDump } from './dump.ts';
import { attributeMap, numberOf, view } from './message.ts';
import { diagRequest, SOCKET_TYPES, unlike } from './sock-diag.ts';

export interface PacketSocket {
  /** `raw`: with the header of the link; `dgram`: without. */
  readonly type: string;
  /** The EtherType that it sees. 3: all; 0: none. */
  readonly etherType: number;
  /** 0: on every interface. */
  readonly ifindex: number;
  /** Absent (null): before Linux 3.10. */
  readonly uid: number | null;
  readonly inode: number;
}

export function encodePacketSocketDump(namespace?: NamespaceDoor): NetlinkRequest {
  const query = new Uint8Array(PACKET_DIAG_REQ_LENGTH);
  query[0] = AF_PACKET;
  view(query).setUint32(8, PACKET_SHOW_INFO, true);
  return diagRequest(query, namespace);
}

export function decodePacketSockets(datagrams: readonly Uint8Array[], what: string): Reading<readonly PacketSocket[]> {
  const messages = decodeDump(datagrams, what);
  if (!messages.ok) return messages;
  const sockets: PacketSocket[] = [];
  for (const { body } of messages.value) {
    if (body.length < PACKET_DIAG_MSG_LENGTH || body[0] !== AF_PACKET) return unlike(what, body);
    const attributes = attributeMap(body.subarray(PACKET_DIAG_MSG_LENGTH), what);
    if (!attributes.ok) return attributes;
    const info = attributes.value.get(PACKET_DIAG_INFO);
    sockets.push({
      type: SOCKET_TYPES.get(body[1] ?? 0) ?? String(body[1]),
      etherType: view(body).getUint16(2, true),
      ifindex: numberOf(info?.subarray(0, 4)) ?? 0,
      uid: numberOf(attributes.value.get(PACKET_DIAG_UID)),
      inode: view(body).getUint32(4, true),
    });
  }
  return value(sockets);
}
