// Messages as tables: which numbers stand where in the fixed part, which attributes there are and how each reads. One
// table makes a message a record of plain values, and the record a message again.

import { gap, value, type Reading } from '../host.ts';
import { formatAddress, formatLinkLayer, parseAddress, parseLinkLayer } from './address-text.ts';
import { tooShort } from './dump.ts';
import { decodeAttributes, encodeAttribute, textOf, view, type Attribute } from './message.ts';

/**
 * How the bytes of an attribute read. u8 to u32: numbers in the machine's byte order, be16 and be32 in that of networks;
 * u64 and be64 are written as text. ip: an address of 4 or 16 bytes. via: one with its family before it (struct rtvia).
 * hex: as it is. A list of rows: attributes in it. `struct`: numbers in it, `length` bytes in all. `hops`: a list of
 * struct rtnexthop, each with attributes.
 */
export type Form =
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64'
  | 'be16'
  | 'be32'
  | 'be64'
  | 'ip'
  | 'via'
  | 'mac'
  | 'text'
  | 'hex'
  | 'flag'
  | { readonly rows: readonly Row[] }
  | { readonly struct: readonly Slot[]; readonly length: number }
  | { readonly hops: readonly Row[] };

export type Row = readonly [key: string, type: number, form: Form];

/** A number of the fixed part, in the machine's byte order. */
export type Slot = readonly [key: string, offset: number, size: 1 | 2 | 4];

export interface Layout {
  /** In the singular, for people. */
  readonly what: string;
  /** Of the fixed part. Unit: bytes. */
  readonly length: number;
  readonly slots: readonly Slot[];
  readonly rows: readonly Row[];
  /** Attributes that only the kernel tells: counters, numbers that it gives. */
  readonly told: readonly number[];
}

export type FieldValue = number | string | boolean | MessageRecord | readonly MessageRecord[];

export interface MessageRecord {
  readonly [key: string]: FieldValue;
}

export interface DecodedRecord {
  readonly record: MessageRecord;
  /** Types of attributes that are in no row. */
  readonly others: readonly number[];
}

/** `body`: of a message, from its fixed part on. */
export function decodeRecord(layout: Layout, body: Uint8Array, what: string): Reading<DecodedRecord> {
  if (body.length < layout.length) return tooShort(body, what);
  const attributes = decodeAttributes(body.subarray(layout.length), what);
  if (!attributes.ok) return attributes;
  const fields = decodeRows(layout.rows, attributes.value, what);
  if (!fields.ok) return fields;
  const known = new Set([...layout.rows.map(([, type]) => type), ...layout.told]);
  const others = attributes.value.map(({ type }) => type).filter((type) => !known.has(type));
  return value({ record: { ...decodeSlots(layout.slots, body), ...fields.value }, others });
}

function decodeSlots(slots: readonly Slot[], bytes: Uint8Array): MessageRecord {
  return Object.fromEntries(slots.map(([key, offset, size]) => [key, numberAt(bytes, offset, size)]));
}

function numberAt(bytes: Uint8Array, offset: number, size: 1 | 2 | 4): number {
  const at = view(bytes);
  if (size === 1) return at.getUint8(offset);
  return size === 2 ? at.getUint16(offset, true) : at.getUint32(offset, true);
}

export function decodeRows(
  rows: readonly Row[],
  attributes: readonly Attribute[],
  what: string,
): Reading<MessageRecord> {
  const bodies = new Map(attributes.map(({ type, body }) => [type, body]));
  const record: Record<string, FieldValue> = {};
  for (const [key, type, form] of rows) {
    const body = bodies.get(type);
    if (body === undefined) continue;
    const field = decodeForm(form, body, what);
    if (!field.ok) return field;
    if (field.value === undefined)
      return gap({ reason: 'malformed', what, text: `attribute ${type} (${key}) of ${body.length} bytes` });
    record[key] = field.value;
  }
  return value(record);
}

/** undefined: the bytes are not of that form. */
function decodeForm(form: Form, body: Uint8Array, what: string): Reading<FieldValue | undefined> {
  if (typeof form === 'string') return value(decodePlain(form, body));
  if ('struct' in form) return value(body.length < form.length ? undefined : decodeSlots(form.struct, body));
  if ('hops' in form) return decodeHops(form.hops, body, what);
  const attributes = decodeAttributes(body, what);
  return attributes.ok ? decodeRows(form.rows, attributes.value, what) : attributes;
}

type PlainForm = Extract<Form, string>;

const SIZES: Partial<Record<PlainForm, number>> = { u8: 1, u16: 2, u32: 4, u64: 8, be16: 2, be32: 4, be64: 8 };

function decodePlain(form: PlainForm, body: Uint8Array): FieldValue | undefined {
  const size = SIZES[form];
  if (size !== undefined && body.length !== size) return undefined;
  const at = view(body);
  switch (form) {
    case 'u8':
      return at.getUint8(0);
    case 'u16':
    case 'be16':
      return at.getUint16(0, form === 'u16');
    case 'u32':
    case 'be32':
      return at.getUint32(0, form === 'u32');
    case 'u64':
    case 'be64':
      return String(at.getBigUint64(0, form === 'u64'));
    case 'ip':
      return body.length === 4 || body.length === 16 ? formatAddress(body) : undefined;
    case 'via':
      return body.length === 6 || body.length === 18 ? formatAddress(body.subarray(2)) : undefined;
    case 'mac':
      return formatLinkLayer(body);
    case 'text':
      return textOf(body) ?? undefined;
    case 'hex':
      return toHex(body);
    case 'flag':
      return true;
  }
}

/** struct rtnexthop: length, flags, hops, index. */
const HOP_LENGTH = 8;
const HOP_SLOTS: readonly Slot[] = [
  ['flags', 2, 1],
  ['hops', 3, 1],
  ['ifindex', 4, 4],
];

function decodeHops(rows: readonly Row[], body: Uint8Array, what: string): Reading<readonly MessageRecord[]> {
  const hops: MessageRecord[] = [];
  for (let offset = 0; offset < body.length;) {
    const rest = body.subarray(offset);
    const length = rest.length < HOP_LENGTH ? 0 : view(rest).getUint16(0, true);
    if (length < HOP_LENGTH || length > rest.length)
      return gap({ reason: 'malformed', what, text: `next hop of ${length} bytes at ${offset} of ${body.length}` });
    const attributes = decodeAttributes(rest.subarray(HOP_LENGTH, length), what);
    const fields = attributes.ok ? decodeRows(rows, attributes.value, what) : attributes;
    if (!fields.ok) return fields;
    hops.push({ ...decodeSlots(HOP_SLOTS, rest), ...fields.value });
    offset += (length + 3) & ~3;
  }
  return value(hops);
}

/** The fixed part and the attributes, for encodeMessage(). The record is of this layout. */
export function encodeRecord(layout: Layout, record: MessageRecord): readonly Uint8Array[] {
  return [encodeSlots(layout.slots, layout.length, record), ...encodeRows(layout.rows, record)];
}

function encodeSlots(slots: readonly Slot[], length: number, record: MessageRecord): Uint8Array {
  const bytes = new Uint8Array(length);
  const at = view(bytes);
  for (const [key, offset, size] of slots) {
    const number = Number(record[key] ?? 0);
    if (size === 1) at.setUint8(offset, number);
    else if (size === 2) at.setUint16(offset, number, true);
    else at.setUint32(offset, number, true);
  }
  return bytes;
}

export function encodeRows(rows: readonly Row[], record: MessageRecord): readonly Uint8Array[] {
  return rows.flatMap(([key, type, form]) => {
    const field = record[key];
    return field === undefined ? [] : [encodeAttribute(type, encodeForm(form, field))];
  });
}

function encodeForm(form: Form, field: FieldValue): Uint8Array {
  if (typeof form === 'string') return encodePlain(form, field);
  if ('hops' in form) return joined(hopsOf(field).map((hop) => encodeHop(form.hops, hop)));
  const record = recordOf(field);
  return 'struct' in form ? encodeSlots(form.struct, form.length, record) : joined(encodeRows(form.rows, record));
}

function recordOf(field: FieldValue): MessageRecord {
  return typeof field === 'object' && !isHops(field) ? field : {};
}

function hopsOf(field: FieldValue): readonly MessageRecord[] {
  return typeof field === 'object' && isHops(field) ? field : [];
}

function isHops(field: MessageRecord | readonly MessageRecord[]): field is readonly MessageRecord[] {
  return Array.isArray(field);
}

function encodeHop(rows: readonly Row[], hop: MessageRecord): Uint8Array {
  const bytes = joined([encodeSlots(HOP_SLOTS, HOP_LENGTH, hop), ...encodeRows(rows, hop)]);
  view(bytes).setUint16(0, bytes.length, true);
  return bytes;
}

function encodePlain(form: PlainForm, field: FieldValue): Uint8Array {
  const bytes = new Uint8Array(SIZES[form] ?? 0);
  const at = view(bytes);
  const words = typeof field === 'string' ? field : '';
  switch (form) {
    case 'u8':
      at.setUint8(0, Number(field));
      return bytes;
    case 'u16':
    case 'be16':
      at.setUint16(0, Number(field), form === 'u16');
      return bytes;
    case 'u32':
    case 'be32':
      at.setUint32(0, Number(field), form === 'u32');
      return bytes;
    case 'u64':
    case 'be64':
      at.setBigUint64(0, BigInt(words || '0'), form === 'u64');
      return bytes;
    case 'ip':
      return parseAddress(words) ?? bytes;
    case 'via':
      return viaOf(parseAddress(words) ?? bytes);
    case 'mac':
      return parseLinkLayer(words) ?? bytes;
    case 'text':
      return new TextEncoder().encode(`${words}\0`);
    case 'hex':
      return fromHex(words) ?? bytes;
    case 'flag':
      return bytes;
  }
}

const AF_INET = 2;
const AF_INET6 = 10;

function viaOf(address: Uint8Array): Uint8Array {
  return Uint8Array.of(address.length === 4 ? AF_INET : AF_INET6, 0, ...address);
}

/** Each part begins at a multiple of four bytes. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + ((length + 3) & ~3), 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += (part.length + 3) & ~3;
  }
  return bytes;
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** undefined: it is none. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, at) => Number.parseInt(text.slice(2 * at, 2 * at + 2), 16));
}
