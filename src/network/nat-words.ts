// `--publish 8080:80`: which port of the host leads to which port inside.

import { NsError } from '../kernel/error.ts';
import { formatAddress, parseAddress } from '../kernel/netlink/address-text.ts';
import { isOrdinary } from './ip-net.ts';

export interface PublishWords {
  readonly protocol: 'tcp' | 'udp';
  /** null: all of the host's, but its loopback. */
  readonly address: string | null;
  readonly port: number;
  readonly toPort: number;
}

/** `[ADDR:]PORT:PORT[/udp]`, an IPv6 address in brackets. Errors: BAD_VALUE. */
export function publishOf(text: string): PublishWords {
  const match = /^(?:(\[[^\]]*\]|[^:[\]]*):)?(\d{1,5}):(\d{1,5})(?:\/(tcp|udp))?$/.exec(text);
  if (match === null)
    throw bad(text, 'it takes a port of the host and a port inside: 8080:80, 127.0.0.1:8080:80, [fd00::1]:53:53/udp');
  const [, host, port = '', toPort = '', protocol] = match;
  return {
    protocol: protocol === 'udp' ? 'udp' : 'tcp',
    address: host === undefined ? null : addressOf(text, host),
    port: portOf(text, port),
    toPort: portOf(text, toPort),
  };
}

function portOf(text: string, digits: string): number {
  const port = Number(digits);
  if (port >= 1 && port <= 65_535 && !digits.startsWith('0')) return port;
  throw bad(text, `'${digits}' is no port: they are numbers from 1 to 65535`);
}

function addressOf(text: string, host: string): string {
  const address = host.startsWith('[') ? host.slice(1, -1) : host;
  const bytes = parseAddress(address);
  if (bytes === undefined) throw bad(text, `'${address}' is no address`);
  if (bytes.length === 4 && bytes[0] === 127) return formatAddress(bytes);
  if (bytes.every((byte) => byte === 0)) throw bad(text, `${address} means all addresses: leave it out`);
  if (!isOrdinary(address)) throw bad(text, `no machine has ${address}, or IPv6 does not let it out of the host`);
  return formatAddress(bytes);
}

function bad(text: string, why: string): NsError {
  return new NsError('BAD_VALUE', { what: `--publish cannot be '${text}'`, why });
}

/** As it was asked for. */
export function publishText({ protocol, address, port, toPort }: PublishWords): string {
  const host = address === null ? '' : address.includes(':') ? `[${address}]:` : `${address}:`;
  return `${host}${port}:${toPort}${protocol === 'tcp' ? '' : '/udp'}`;
}
