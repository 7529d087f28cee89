// IPv4 addresses and nets as people write them: four decimal numbers, nothing shorter, nothing octal.

export interface Ipv4Net {
  readonly address: string;
  readonly prefixLength: number;
}

/** undefined: it is none. Source: inet_pton(3), which takes no other form either. */
export function parseIpv4(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
    return undefined;
  return parts.reduce((all, part) => all * 256 + Number(part), 0);
}

/** `192.168.10.11/24`. */
export function parseIpv4Net(text: string): Ipv4Net | undefined {
  const [address = '', length = '', ...more] = text.split('/');
  const isLength = /^(?:0|[1-9]\d?)$/.test(length) && Number(length) <= 32;
  if (parseIpv4(address) === undefined || !isLength || more.length > 0) return undefined;
  return { address, prefixLength: Number(length) };
}

export function overlap(a: Ipv4Net, b: Ipv4Net): boolean {
  const size = 2 ** (32 - Math.min(a.prefixLength, b.prefixLength));
  return Math.floor((parseIpv4(a.address) ?? 0) / size) === Math.floor((parseIpv4(b.address) ?? 0) / size);
}

/** Can a machine of the net have the address: is it in it, neither its first nor its last? */
export function isMachineOf(net: Ipv4Net, address: string): boolean {
  if (!overlap(net, { address, prefixLength: 32 })) return false;
  if (net.prefixLength >= 31) return true;
  const size = 2 ** (32 - net.prefixLength);
  const at = (parseIpv4(address) ?? 0) % size;
  return at !== 0 && at !== size - 1;
}

/** `192.168.10.0/24`. */
export function netText({ address, prefixLength }: Ipv4Net): string {
  const size = 2 ** (32 - prefixLength);
  const first = Math.floor((parseIpv4(address) ?? 0) / size) * size;
  return `${[24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join('.')}/${prefixLength}`;
}

/** 0 and 127 are the host's own, from 224 on no machine's. */
export function isOrdinary(address: string): boolean {
  const first = Number(address.split('.')[0]);
  return first > 0 && first !== 127 && first < 224;
}
