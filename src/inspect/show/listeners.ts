// Who waits for others in a network namespace: for connections, datagrams, or packets of any kind.

import type { GapTally } from '../../kernel/gap-tally.ts';
import type { Gap, Host, NamespaceDoor, NetlinkRequest, Reading } from '../../kernel/host.ts';
import { decodePacketSockets, encodePacketSocketDump } from '../../kernel/netlink/packet-sockets.ts';
import { decodeListeners, encodeListenerDump, type ListenerFamily } from '../../kernel/netlink/sock-diag.ts';
import { decodeUnixListeners, encodeUnixListenerDump } from '../../kernel/netlink/unix-listeners.ts';
import { parseRawSockets } from '../../kernel/text/raw-sockets.ts';
import { many, type Field, type Value } from './report.ts';
import { findHolders, type SocketHolder } from '../socket-holders.ts';

const FAMILIES: readonly ListenerFamily[] = ['tcp', 'tcp6', 'udp', 'udp6'];

export interface ListeningSocket {
  readonly protocol: 'tcp' | 'udp' | 'raw' | 'packet' | 'unix';
  /** `stream`, `dgram`, `raw` ... */
  readonly type: string;
  /** Of unix an abstract name with its `@`. Absent (null): of packet. */
  readonly address: string | null;
  readonly port: number | null;
  /** Of raw the IP protocol, of packet the EtherType. */
  readonly number: number | null;
  /** 0: on every interface. */
  readonly ifindex: number;
  readonly uid: number | null;
  readonly inode: number;
}

/** Where a network namespace is asked. */
export interface ListenerPlace {
  readonly host: Host;
  /** Absent: our own namespace. */
  readonly door: NamespaceDoor | undefined;
  /** A file of /proc/PID/net, as those in the namespace read it. */
  readonly readNet: (name: string) => Reading<Uint8Array>;
  /** Also raw sockets that take packets of one peer only. */
  readonly withConnected?: boolean;
}

/** Absent (null): nothing was answered at all. */
export function readListeners(place: ListenerPlace, gaps: GapTally): readonly ListeningSocket[] | null {
  const readings = [
    ...FAMILIES.map((family) => inetListeners(place, family)),
    ...['raw', 'raw6'].map((name) => rawSockets(place, name)),
    packetSockets(place),
    unixListeners(place),
  ];
  const answered = readings.some(({ ok }) => ok);
  for (const reading of readings) {
    if (!reading.ok) gaps.add('list of listening sockets', answered ? lacking(reading.gap) : reading.gap);
  }
  return answered ? readings.flatMap((reading) => (reading.ok ? reading.value : [])) : null;
}

/** The namespace is there: what has no answer is not known to this kernel. */
function lacking(gap: Gap): Gap {
  return gap.reason === 'gone' ? { ...gap, reason: 'unsupported' } : gap;
}

function asked<T>(
  { host }: ListenerPlace,
  what: string,
  request: NetlinkRequest,
  decode: (datagrams: readonly Uint8Array[], what: string) => Reading<readonly T[]>,
): Reading<readonly T[]> {
  const reply = host.netlink(request);
  return reply.ok ? decode(reply.value, `listeners of ${what}`) : reply;
}

type Sockets = Reading<readonly ListeningSocket[]>;

function mapped<T>(reading: Reading<readonly T[]>, toSocket: (one: T) => ListeningSocket): Sockets {
  return reading.ok ? { ok: true, value: reading.value.map(toSocket) } : reading;
}

function inetListeners(place: ListenerPlace, family: ListenerFamily): Sockets {
  const isTcp = family.startsWith('tcp');
  const kind = { protocol: isTcp ? 'tcp' : 'udp', type: isTcp ? 'stream' : 'dgram', number: null } as const;
  const listeners = asked(place, family, encodeListenerDump(family, place.door), decodeListeners);
  return mapped(listeners, (listener) => ({ ...kind, ...listener }));
}

function rawSockets({ readNet, withConnected = false }: ListenerPlace, name: string): Sockets {
  const bytes = readNet(name);
  // A kernel without IPv6 has no such file.
  if (!bytes.ok && bytes.gap.reason === 'gone' && name === 'raw6') return { ok: true, value: [] };
  const sockets = bytes.ok ? parseRawSockets(bytes.value, `net/${name}`) : bytes;
  const waiting = sockets.ok
    ? { ok: true as const, value: sockets.value.filter((one) => withConnected || !one.connected) }
    : sockets;
  return mapped(waiting, ({ address, ipProtocol, uid, inode }) => {
    return { protocol: 'raw', type: 'raw', address, port: null, number: ipProtocol, ifindex: 0, uid, inode };
  });
}

function packetSockets(place: ListenerPlace): Sockets {
  const sockets = asked(place, 'packet', encodePacketSocketDump(place.door), decodePacketSockets);
  return mapped(sockets, ({ type, etherType, ifindex, uid, inode }) => {
    return { protocol: 'packet', type, address: null, port: null, number: etherType, ifindex, uid, inode };
  });
}

function unixListeners(place: ListenerPlace): Sockets {
  const sockets = asked(place, 'unix', encodeUnixListenerDump(place.door), decodeUnixListeners);
  return mapped(sockets, ({ type, name, uid, inode }) => {
    return { protocol: 'unix', type, address: name, port: null, number: null, ifindex: 0, uid, inode };
  });
}

/** `held`: the inodes of the sockets that the shown process has open; absent: no process is shown. */
export function listenersField(
  host: Host,
  gaps: GapTally,
  sockets: readonly ListeningSocket[] | null,
  held?: ReadonlySet<number> | null,
): Field {
  const { known, isWhole } = findHolders(host, new Set(sockets?.map(({ inode }) => inode)), gaps);
  const holdersOf = ({ inode }: ListeningSocket): readonly SocketHolder[] | null =>
    known.get(inode) ?? (isWhole ? [] : null);
  return many(
    'listeners',
    sockets,
    (socket): Value => {
      const { inode, ifindex } = socket;
      const holders = holdersOf(socket)?.map(({ pid, comm }) => ({ pid, comm })) ?? null;
      const mine = held === undefined ? {} : { own: held === null ? null : held.has(inode) };
      return { ...socket, ifindex: ifindex === 0 ? null : ifindex, holders, ...mine };
    },
    (socket) => {
      const own = held?.has(socket.inode) === true ? ' (its own)' : '';
      const on = socket.ifindex === 0 ? '' : ` on if${socket.ifindex}`;
      return `${socketText(socket)}${on}${own} by ${holdersText(holdersOf(socket))}`;
    },
  );
}

/** Source: linux/if_ether.h. */
const ETH_P_ALL = 3;

function socketText({ protocol, type, address, port, number }: ListeningSocket): string {
  const shown = address?.includes(':') === true && protocol !== 'unix' ? `[${address}]` : (address ?? '');
  switch (protocol) {
    case 'tcp':
    case 'udp':
      return `${protocol} ${shown}:${port ?? '-'}`;
    case 'raw':
      return `raw ${shown} protocol ${number ?? '-'}`;
    case 'packet':
      return `packet ${type} ${number === ETH_P_ALL ? 'all' : `0x${(number ?? 0).toString(16).padStart(4, '0')}`}`;
    case 'unix':
      return `unix ${type} ${oneWord(shown)}`;
  }
}

const MAX_SHOWN = 4;

function holdersText(holders: readonly SocketHolder[] | null): string {
  if (holders === null) return '-';
  if (holders.length === 0) return 'no process';
  const shown = holders.slice(0, MAX_SHOWN).map(({ pid, comm }) => `${pid} ${oneWord(comm ?? '-')}`);
  const more = holders.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** A name that others chose: it shall not look like what follows it. */
function oneWord(text: string): string {
  return text.replaceAll(/[ ,\\]/g, (character) => `\\x${character.charCodeAt(0).toString(16)}`);
}
