// Numbers in the attributes of nfnetlink, which are in network byte order.

import { view } from '../netlink/message.ts';

/** Absent (undefined): it is not there, or of another length. */
export function be32(body: Uint8Array | undefined): number | undefined {
  return body?.length === 4 ? view(body).getUint32(0, false) : undefined;
}

export function signed32(body: Uint8Array | undefined): number | undefined {
  return body?.length === 4 ? view(body).getInt32(0, false) : undefined;
}

export function be16(body: Uint8Array | undefined): number | undefined {
  return body?.length === 2 ? view(body).getUint16(0, false) : undefined;
}

export function toBe32(number: number): Uint8Array {
  const bytes = new Uint8Array(4);
  view(bytes).setInt32(0, number, false);
  return bytes;
}

export function toBe64(number: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  view(bytes).setBigUint64(0, number, false);
  return bytes;
}

export function be64(body: Uint8Array | undefined): bigint | undefined {
  return body?.length === 8 ? view(body).getBigUint64(0, false) : undefined;
}
