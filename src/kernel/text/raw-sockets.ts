// /proc/PID/net/raw and raw6: the sockets that see all IP packets of a protocol. sock_diag tells of them too, but many
// kernels lack that (CONFIG_INET_DIAG_RAW). Source: raw(7), proc_pid_net(5), net/ipv4/raw.c raw_sock_seq_show().

import { value, type Reading } from '../host.ts';
import { formatAddress } from '../netlink/address-text.ts';
import { decodeText, malformed, parseDecimal } from './text.ts';

export interface RawSocket {
  readonly address: string;
  /** IPPROTO_*: 1 is icmp. */
  readonly ipProtocol: number;
  /** Is there an address that it talks with alone? */
  readonly connected: boolean;
  readonly uid: number;
  readonly inode: number;
}

/** Addresses are 32-bit words as the machine has them, which is little-endian; in the place of the port is the protocol. */
const LINE =
  /^ *[0-9]+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} ([0-9A-F]{2}) [0-9A-F]+:[0-9A-F]+ [0-9A-F]+:[0-9A-F]+ [0-9A-F]+ +([0-9]+) +[0-9]+ ([0-9]+) /;

/** TCP_CLOSE. */
const UNCONNECTED = 7;

export function parseRawSockets(bytes: Uint8Array, file: string): Reading<readonly RawSocket[]> {
  const sockets: RawSocket[] = [];
  const [, ...lines] = decodeText(bytes).split('\n');
  for (const [index, line] of lines.entries()) {
    if (line === '') continue;
    const [, address = '', protocol = '', state = '', ...numbers] = LINE.exec(line) ?? [];
    const [uid, inode] = numbers.map(parseDecimal);
    if (uid === undefined || inode === undefined) return malformed(file, index + 2, line);
    sockets.push({
      address: formatAddress(addressBytes(address)),
      ipProtocol: Number.parseInt(protocol, 16),
      connected: Number.parseInt(state, 16) !== UNCONNECTED,
      uid,
      inode,
    });
  }
  return value(sockets);
}

function addressBytes(hex: string): Uint8Array {
  const words = hex.match(/.{8}/g) ?? [];
  return Uint8Array.from(
    words.flatMap((word) => [6, 4, 2, 0].map((at) => Number.parseInt(word.slice(at, at + 2), 16))),
  );
}
