// IP addresses with the length of their net, of both families.

import { formatAddress, parseAddress } from '../kernel/netlink/address-text.ts';

/** An address and the net that it is in: `192.168.10.11/24`, `fd00::1/64`. */
export interface IpNet {
  /** As inet_ntop(3) has it. */
  readonly address: string;
  readonly prefixLength: number;
}

export type Family = 'inet' | 'inet6';

/** undefined: it is none. */
export function parseIpNet(text: string): IpNet | undefined {
  const [address = '', length = '', ...more] = text.split('/');
  const bytes = parseAddress(address);
  if (bytes === undefined || more.length > 0 || !/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined;
  if (Number(length) > bytes.length * 8) return undefined;
  return { address: formatAddress(bytes), prefixLength: Number(length) };
}

/** An address is a net of itself. */
export function wholeNet(address: string): IpNet {
  return { address, prefixLength: bytesOf(address).length * 8 };
}

export function familyOf(address: string): Family {
  return address.includes(':') ? 'inet6' : 'inet';
}

export function ipNetText({ address, prefixLength }: IpNet): string {
  return `${address}/${prefixLength}`;
}

/** Is one in the other? */
export function overlap(a: IpNet, b: IpNet): boolean {
  if (familyOf(a.address) !== familyOf(b.address)) return false;
  const length = Math.min(a.prefixLength, b.prefixLength);
  return firstOf({ ...a, prefixLength: length }) === firstOf({ ...b, prefixLength: length });
}

/** Can a machine of the net have the address: is it in it, and not the net's own, or (IPv4) that of all in it? */
export function isMachineOf(net: IpNet, address: string): boolean {
  if (!overlap(net, wholeNet(address))) return false;
  const width = bytesOf(address).length * 8;
  if (net.prefixLength >= width - 1) return true;
  const at = indexOf({ ...net, address });
  const last = (1n << BigInt(width - net.prefixLength)) - 1n;
  return at !== 0n && (width === 128 || at !== last);
}

/** The net alone: `192.168.10.0/24`. */
export function netText(net: IpNet): string {
  return `${machineOf(net, 0n)}/${net.prefixLength}`;
}

/** The n-th address of the net; the 0-th is the net's own. */
export function machineOf(net: IpNet, index: bigint): string {
  const { length } = bytesOf(net.address);
  const number = firstOf(net) + index;
  return formatAddress(
    Uint8Array.from({ length }, (_, at) => Number((number >> BigInt(8 * (length - 1 - at))) & 0xffn)),
  );
}

/** Which one of its net the address is. */
export function indexOf(net: IpNet): bigint {
  return numberOf(net.address) - firstOf(net);
}

/** May a machine have it? Not what means the host itself, none, or many. */
export function isOrdinary(address: string): boolean {
  const [first = 0, ...rest] = bytesOf(address);
  if (familyOf(address) === 'inet') return first > 0 && first !== 127 && first < 224;
  return first !== 0xff && (first !== 0 || rest.slice(0, 14).some((byte) => byte !== 0));
}

function firstOf(net: IpNet): bigint {
  const bits = BigInt(bytesOf(net.address).length * 8 - net.prefixLength);
  return (numberOf(net.address) >> bits) << bits;
}

function numberOf(address: string): bigint {
  return bytesOf(address).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function bytesOf(address: string): Uint8Array {
  return parseAddress(address) ?? new Uint8Array();
}
