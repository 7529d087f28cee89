// sock_diag: who takes what comes to a port, and how many connections wait there. Source: sock_diag(7),
// include/uapi/linux/inet_diag.h, net/ipv4/inet_diag.c.

import { AF_INET, AF_INET6, INET_DIAG_MSG_LENGTH, INET_DIAG_SKV6ONLY } from '../abi/sock-diag.ts';
import { value, type Reading } from '../host.ts';
import { formatAddress } from './address-text.ts';
import { decodeDump } from './dump.ts';
import { attributeMap, view } from './message.ts';
import { unlike } from './sock-diag.ts';

export interface ListeningPort {
  readonly family: 'inet' | 'inet6';
  readonly address: string;
  readonly port: number;
  /** 0: on every interface. */
  readonly ifindex: number;
  readonly inode: number;
  /** Of a socket of IPv6: does it take no IPv4? Absent (null): it is of IPv4, or the kernel is older than 4.0. */
  readonly onlyIpv6: boolean | null;
  /** Of TCP: connections that nobody has accepted yet, and how many may wait. */
  readonly waiting: number;
  readonly room: number;
}

/** Of the answer to encodeListenerDump. */
export function decodeListeningPorts(
  datagrams: readonly Uint8Array[],
  what: string,
): Reading<readonly ListeningPort[]> {
  const messages = decodeDump(datagrams, what);
  if (!messages.ok) return messages;
  const ports: ListeningPort[] = [];
  for (const { body } of messages.value) {
    const family = body[0];
    if (body.length < INET_DIAG_MSG_LENGTH || (family !== AF_INET && family !== AF_INET6)) return unlike(what, body);
    const attributes = attributeMap(body.subarray(INET_DIAG_MSG_LENGTH), what);
    if (!attributes.ok) return attributes;
    const only = attributes.value.get(INET_DIAG_SKV6ONLY)?.[0];
    const fields = view(body);
    ports.push({
      family: family === AF_INET ? 'inet' : 'inet6',
      address: formatAddress(body.subarray(8, family === AF_INET ? 12 : 24)),
      port: fields.getUint16(4, false),
      ifindex: fields.getUint32(40, true),
      inode: fields.getUint32(68, true),
      onlyIpv6: only === undefined ? null : only !== 0,
      waiting: fields.getUint32(56, true),
      room: fields.getUint32(60, true),
    });
  }
  return value(ports);
}
