// A network of one's own: one namespace behind a bridge. What it is called and made of.

import { NsError } from '../kernel/error.ts';
import { isMachineOf, isOrdinary, netText, parseIpv4, parseIpv4Net, type Ipv4Net } from './ipv4.ts';

export interface Lab {
  /** Of the namespace, and of the lab. */
  readonly name: string;
  readonly bridge: string;
  /** The bridge is somebody else's: only a port is added. */
  readonly useBridge: boolean;
  /** Our end of the pair, the port of the bridge. */
  readonly port: string;
  /** Inside. */
  readonly address: Ipv4Net;
  /** The bridge's address, unless that is somebody else's. */
  readonly gateway: string;
  readonly nameservers: readonly string[];
  /** Unit: bytes. null: as the kernel has it. */
  readonly mtu: number | null;
}

/** What was asked for. undefined: the default. */
export interface LabWords {
  readonly name: string | undefined;
  /** All names as the tutorial has them. */
  readonly tutorial: boolean;
  readonly bridge: string | undefined;
  readonly useBridge: boolean;
  readonly address: string | undefined;
  readonly gateway: string | undefined;
  readonly dns: readonly string[];
  readonly mtu: string | undefined;
}

export const DEFAULT_NAME = 'ns1';
/** Inside. */
export const INNER_LINK = 'eth0';

/** Errors: BAD_VALUE. */
export function labOf(words: LabWords): Lab {
  const name = requireLabName(words.name ?? DEFAULT_NAME);
  const bridge = requireLinkName('--bridge', words.bridge ?? (words.tutorial ? 'lxcbr0' : 'nstool0'));
  const port = words.tutorial ? requireLinkName('--bridge', `${bridge}.1`) : portName(name);
  const address = requireNet(words.address ?? '192.168.10.11/24');
  const gateway = words.gateway ?? firstOf(address);
  requireAddress('--gateway', gateway);
  requireMachine(address, '--address', address.address);
  requireMachine(address, '--gateway', gateway);
  if (gateway === address.address)
    throw bad('--gateway', gateway, 'it is the address inside, and nobody routes by itself');
  const nameservers = words.dns.length === 0 ? ['8.8.8.8'] : words.dns;
  for (const server of nameservers) requireAddress('--dns', server);
  return { name, bridge, useBridge: words.useBridge, port, address, gateway, nameservers, mtu: mtuOf(words.mtu) };
}

/** Also a file's name, and a word of an alias. Errors: BAD_VALUE. */
export function requireLabName(name: string): string {
  if (/^[A-Za-z0-9_][\w.-]{0,62}$/.test(name)) return name;
  throw new NsError('BAD_VALUE', {
    what: `'${name}' cannot be the name of a network`,
    why: 'it takes letters, digits, _ . and -, no . or - first, at most 63 of them',
  });
}

/** Source: IFNAMSIZ, dev_valid_name(). Others are legal, and nobody wants them. */
function requireLinkName(option: string, name: string): string {
  if (/^[A-Za-z0-9_][\w.-]{0,14}$/.test(name)) return name;
  throw bad(option, name, 'the name of a link takes letters, digits, _ . and -, at most 15 of them');
}

function requireNet(text: string): Ipv4Net {
  const net = parseIpv4Net(text);
  if (net === undefined)
    throw bad('--address', text, 'it takes an IPv4 address with the length of its net: 10.1.2.3/24');
  if (net.prefixLength < 8 || net.prefixLength > 30)
    throw bad('--address', text, 'a net of 8 to 30 bits has room for both ends, and for the rest of the world');
  return net;
}

function requireAddress(option: string, text: string): void {
  if (parseIpv4(text) === undefined || !isOrdinary(text))
    throw bad(option, text, 'it takes the IPv4 address of a machine: 10.1.2.3');
}

function requireMachine(net: Ipv4Net, option: string, address: string): void {
  if (!isOrdinary(address) || !isMachineOf(net, address))
    throw bad(option, address, `no machine of ${netText(net)} can have it`);
}

function mtuOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const mtu = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (mtu >= 68 && mtu <= 65_535) return mtu;
  throw bad('--mtu', text, 'it takes a number of bytes from 68 to 65535');
}

function bad(option: string, word: string, why: string): NsError {
  return new NsError('BAD_VALUE', { what: `${option} cannot be '${word}'`, why });
}

function firstOf(net: Ipv4Net): string {
  const [first = ''] = netText(net).split('/');
  const bytes = first.split('.').map(Number);
  return [...bytes.slice(0, 3), (bytes[3] ?? 0) + 1].join('.');
}

const LONGEST_LINK = 15;

/** Of a name that is too long a number made of it: the same for the same. */
function portName(name: string): string {
  const whole = `veth-${name}`;
  if (whole.length <= LONGEST_LINK) return whole;
  let hash = 0x811c_9dc5;
  for (const byte of new TextEncoder().encode(name)) hash = Math.imul(hash ^ byte, 0x0100_0193) >>> 0;
  return `veth-${hash.toString(16).padStart(8, '0')}`;
}

/** Of the journal's entry. */
export function labId(name: string): string {
  return `net-${name}`;
}

/** With all that it is made of, so that another one of the same name is told from it. For people, too. */
export function labText({ name, bridge, useBridge, port, address, gateway, nameservers, mtu }: Lab): string {
  const dns = nameservers.map((server) => `--dns ${server}`).join(' ');
  const size = mtu === null ? '' : ` --mtu ${mtu}`;
  const at = `--address ${address.address}/${address.prefixLength} --gateway ${gateway}`;
  return `net up ${name} --bridge ${bridge}${useBridge ? ' --use-bridge' : ''} (${port}) ${at} ${dns}${size}`;
}
