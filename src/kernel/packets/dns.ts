// One question to a name server, and its answer, as they travel by UDP. Source: RFC 1035, RFC 3596.

import { formatAddress } from '../netlink/address-text.ts';
import { view } from '../netlink/message.ts';

/** 1 and 28. */
export type DnsType = 'A' | 'AAAA';

export interface DnsQuestion {
  readonly id: number;
  readonly name: string;
  readonly type: DnsType;
}

export interface DnsAnswer {
  /** NOERROR, NXDOMAIN, SERVFAIL, REFUSED; RCODE11 is one that has no name here. */
  readonly rcode: string;
  /** Of the type that was asked for, at most 64, in the server's order; what is an alias is followed by the server. */
  readonly addresses: readonly string[];
  /** There are more than the answer had room for, or than we read. */
  readonly cut: boolean;
}

const HEADER = 12;
const TYPES: Readonly<Record<DnsType, { readonly number: number; readonly length: number }>> = {
  A: { number: 1, length: 4 },
  AAAA: { number: 28, length: 16 },
};
const CLASS_IN = 1;
const IS_ANSWER = 0x8000;
const OPCODE = 0x7800;
const IS_CUT = 0x0200;
const RECURSION_DESIRED = 0x0100;
const MOST_RECORDS = 64;
const LONGEST_NAME = 253;
const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

/** Can it be asked for? Labels of letters, digits, - and _, with dots between. */
export function isDnsName(name: string): boolean {
  return name.length <= LONGEST_NAME && /^[\w-]{1,63}(?:\.[\w-]{1,63})*$/.test(name);
}

/** `question.name`: as isDnsName() has it. */
export function encodeDnsQuestion({ id, name, type }: DnsQuestion): Uint8Array {
  const labels = name.split('.').flatMap((label) => [label.length, ...new TextEncoder().encode(label)]);
  const { number } = TYPES[type];
  const bytes = new Uint8Array([...Array<number>(HEADER).fill(0), ...labels, 0, 0, number, 0, CLASS_IN]);
  const fields = view(bytes);
  fields.setUint16(0, id);
  fields.setUint16(2, RECURSION_DESIRED);
  fields.setUint16(4, 1);
  return bytes;
}

/** undefined: it is no answer to this question, or not as documented. */
export function decodeDnsAnswer(bytes: Uint8Array, question: DnsQuestion): DnsAnswer | undefined {
  const asked = encodeDnsQuestion(question);
  if (bytes.length < HEADER) return undefined;
  const fields = view(bytes);
  const flags = fields.getUint16(2);
  if (fields.getUint16(0) !== question.id || (flags & IS_ANSWER) === 0 || (flags & OPCODE) !== 0) return undefined;
  const code = flags & 0xf;
  const rcode = RCODES[code] ?? `RCODE${code}`;
  // A server that could not read the question may leave it out.
  if (fields.getUint16(4) === 0 && code !== 0) return { rcode, addresses: [], cut: false };
  if (fields.getUint16(4) !== 1 || !isSameQuestion(bytes.subarray(HEADER, asked.length), asked.subarray(HEADER)))
    return undefined;
  const count = fields.getUint16(6);
  const found = addressesOf(bytes, asked.length, Math.min(count, MOST_RECORDS), question.type);
  if (found === undefined) return undefined;
  return { rcode, addresses: found, cut: (flags & IS_CUT) !== 0 || count > MOST_RECORDS };
}

/** Servers may answer a name in capitals of their own. Lengths of labels are below 64, so no letters. */
function isSameQuestion(a: Uint8Array, b: Uint8Array): boolean {
  const small = (byte: number | undefined): number | undefined =>
    byte !== undefined && byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte;
  return a.length === b.length && b.every((byte, at) => small(a[at]) === small(byte));
}

function addressesOf(bytes: Uint8Array, start: number, count: number, asked: DnsType): readonly string[] | undefined {
  const fields = view(bytes);
  const { number, length: wanted } = TYPES[asked];
  const found: string[] = [];
  let at = start;
  for (let record = 0; record < count; record += 1) {
    const end = afterName(bytes, at);
    // Type, class, time to live, length of the data.
    if (end === undefined || end + 10 > bytes.length) return undefined;
    const length = fields.getUint16(end + 8);
    const data = bytes.subarray(end + 10, end + 10 + length);
    if (data.length < length) return undefined;
    const isAddress = fields.getUint16(end) === number && fields.getUint16(end + 2) === CLASS_IN;
    if (isAddress && length === wanted) found.push(formatAddress(data));
    at = end + 10 + length;
  }
  return found;
}

/** A name is passed over, not read: a pointer to another place ends it, and is not followed. */
function afterName(bytes: Uint8Array, start: number): number | undefined {
  for (let at = start; at < bytes.length;) {
    const length = bytes[at] ?? 0;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    if (length >= 0x40) return undefined;
    at += 1 + length;
  }
  return undefined;
}
