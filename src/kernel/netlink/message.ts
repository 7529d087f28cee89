// The frame of netlink messages: header and attributes. Source: netlink(7), include/uapi/linux/netlink.h.
// Numbers are in the machine's byte order, which is little-endian on every machine that nstool is built for.

import { gap, value, type Reading } from '../host.ts';
import { decodeText } from '../text/text.ts';

/** struct nlmsghdr: length, type, flags, sequence number, port id. */
export const NLMSG_HEADER_LENGTH = 16;
/** struct nlattr: length and type. */
const ATTRIBUTE_HEADER_LENGTH = 4;
/** The two top bits of an attribute's type are flags (nested, network byte order). */
const ATTRIBUTE_TYPE_MASK = 0x3fff;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly body: Uint8Array;
}

export interface Attribute {
  readonly type: number;
  readonly body: Uint8Array;
}

export function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const align4 = (length: number): number => (length + 3) & ~3;

export function encodeMessage(type: number, flags: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = NLMSG_HEADER_LENGTH + parts.reduce((sum, part) => sum + align4(part.length), 0);
  const bytes = new Uint8Array(length);
  const header = view(bytes);
  header.setUint32(0, length, true);
  header.setUint16(4, type, true);
  header.setUint16(6, flags, true);
  // One request is under way at a time, so any sequence number will do; 0 is what unsolicited messages have.
  header.setUint32(8, 1, true);
  let offset = NLMSG_HEADER_LENGTH;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += align4(part.length);
  }
  return bytes;
}

export function encodeAttribute(type: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(ATTRIBUTE_HEADER_LENGTH + body.length);
  view(bytes).setUint16(0, bytes.length, true);
  view(bytes).setUint16(2, type, true);
  bytes.set(body, ATTRIBUTE_HEADER_LENGTH);
  return bytes;
}

/** Attributes in an attribute: each begins at a multiple of four bytes. The flag, NLA_F_NESTED, is the caller's. */
export function encodeNested(type: number, parts: readonly Uint8Array[]): Uint8Array {
  const body = new Uint8Array(parts.reduce((sum, part) => sum + align4(part.length), 0));
  let offset = 0;
  for (const part of parts) {
    body.set(part, offset);
    offset += align4(part.length);
  }
  return encodeAttribute(type, body);
}

/** The messages of one datagram. */
export function decodeMessages(bytes: Uint8Array, what: string): Reading<readonly NetlinkMessage[]> {
  const messages: NetlinkMessage[] = [];
  const fields = view(bytes);
  for (let offset = 0; offset < bytes.length;) {
    const rest = bytes.length - offset;
    const length = rest < NLMSG_HEADER_LENGTH ? 0 : fields.getUint32(offset, true);
    if (length < NLMSG_HEADER_LENGTH || length > rest) {
      return gap({ reason: 'malformed', what, text: `message of ${length} bytes at ${offset} of ${bytes.length}` });
    }
    const type = fields.getUint16(offset + 4, true);
    const flags = fields.getUint16(offset + 6, true);
    messages.push({ type, flags, body: bytes.subarray(offset + NLMSG_HEADER_LENGTH, offset + length) });
    offset += align4(length);
  }
  return value(messages);
}

export function decodeAttributes(bytes: Uint8Array, what: string): Reading<readonly Attribute[]> {
  const attributes: Attribute[] = [];
  const flaw = takeAttributes(bytes, what, (type, from, to) =>
    attributes.push({ type, body: bytes.subarray(from, to) }),
  );
  return flaw ?? value(attributes);
}

/** The attributes by type; of one that is repeated the last, as the kernel reads them. */
export function attributeMap(bytes: Uint8Array, what: string): Reading<ReadonlyMap<number, Uint8Array>> {
  const map = new Map<number, Uint8Array>();
  const flaw = takeAttributes(bytes, what, (type, from, to) => map.set(type, bytes.subarray(from, to)));
  return flaw ?? value(map);
}

/** The one of many that is asked for. */
export function attributeOf(bytes: Uint8Array, wanted: number, what: string): Reading<Uint8Array | undefined> {
  let found: Uint8Array | undefined;
  const flaw = takeAttributes(bytes, what, (type, from, to) => {
    if (type === wanted) found = bytes.subarray(from, to);
  });
  return flaw ?? value(found);
}

/** Of a host with many links there are tens of thousands: nothing is made of those that nobody asks for. */
function takeAttributes(
  bytes: Uint8Array,
  what: string,
  take: (type: number, from: number, to: number) => void,
): Reading<never> | undefined {
  const { length: end } = bytes;
  for (let offset = 0; offset < end;) {
    const rest = end - offset;
    const length = rest < ATTRIBUTE_HEADER_LENGTH ? 0 : shortAt(bytes, offset);
    if (length < ATTRIBUTE_HEADER_LENGTH || length > rest) {
      return gap({ reason: 'malformed', what, text: `attribute of ${length} bytes at ${offset} of ${end}` });
    }
    const type = shortAt(bytes, offset + 2) & ATTRIBUTE_TYPE_MASK;
    take(type, offset + ATTRIBUTE_HEADER_LENGTH, offset + length);
    offset += align4(length);
  }
  return undefined;
}

function shortAt(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8);
}

/** A 32-bit number without sign; null where it is missing or has another length. */
export function numberOf(body: Uint8Array | undefined): number | null {
  return body?.length === 4 ? (shortAt(body, 0) | (shortAt(body, 2) << 16)) >>> 0 : null;
}

/** Text up to the NUL that ends it; null where it is missing. */
export function textOf(body: Uint8Array | undefined): string | null {
  if (body === undefined) return null;
  const end = body.indexOf(0);
  return decodeText(end < 0 ? body : body.subarray(0, end));
}
