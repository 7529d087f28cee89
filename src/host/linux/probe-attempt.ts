// One probe under way: its socket, and what the next thing that happens to it means. What comes in may be from anybody: it
// counts only if it is about what was asked, and no more is read at a time than bounds say.
// Source: raw(7), icmp(7), ip(7), ipv6(7), connect(2).

import { closeSync } from 'node:fs';
import { getRandomValues } from 'node:crypto';
import { ERRNO } from '../../kernel/abi/errno.ts';
import { formatAddress, parseAddress } from '../../kernel/netlink/address-text.ts';
import { view } from '../../kernel/netlink/message.ts';
import { decodeDnsAnswer, encodeDnsQuestion } from '../../kernel/packets/dns.ts';
import { decodeIcmp, decodeIpv4, ECHO_OVERHEAD, encodeEcho, type IpFamily } from '../../kernel/packets/icmp.ts';
import type { Probe, ProbeAnswer } from '../../kernel/probe.ts';

import { libc, LibcError } from '../ffi/libc.ts';
import { errnoName } from '../gap-of-error.ts';

export interface Attempt {
  readonly fd: number;
  /** POLLIN or POLLOUT. */
  readonly events: number;
  /** What has happened; undefined: nothing that ends it. */
  readonly look: () => ProbeAnswer | undefined;
  /** What it is once the time is over. */
  readonly nothing: ProbeAnswer;
}

type Asked<Kind extends Probe['kind']> = Extract<Probe, { kind: Kind }>;

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const IPPROTO_IP = 0;
const IPPROTO_ICMP = 1;
const IPPROTO_IPV6 = 41;
const IPPROTO_ICMPV6 = 58;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const IP_MTU_DISCOVER = 10;
const IP_RECVERR = 11;
const IP_MTU = 14;
const IPV6_MTU_DISCOVER = 23;
const IPV6_MTU = 24;
const IPV6_RECVERR = 25;
const IPV6_DONTFRAG = 62;
/** No router cuts it, and what was learnt before does not count. */
const PMTUDISC_PROBE = 3;
const POLLIN = 1;
const POLLOUT = 4;

const EPERM = ERRNO.EPERM;
const EACCES = ERRNO.EACCES;
const EAGAIN = ERRNO.EAGAIN;
const EINTR = 4;
const EMSGSIZE = 90;
const EINPROGRESS = 115;

/** struct sockaddr_in6, the longest of them. */
const ADDRESS_LENGTH = 28;
const LONGEST_PACKET = 65_535;
const SMALL_PAYLOAD = 32;
/** At one look: a flood of others' packets must not keep us from the rest. */
const MOST_PACKETS = 256;

const into = new Uint8Array(LONGEST_PACKET);

/** The first call of each function takes a millisecond longer, which is not the network's. */
export function getReady(): void {
  libc().tryPoll(new Uint8Array(), 0);
  libc().tryReceiveFrom(-1, into, new Uint8Array(ADDRESS_LENGTH));
  libc().trySendTo(-1, new Uint8Array(), new Uint8Array());
}

/** Sends it. An answer already: it could not be sent. Errors: LibcError, where there is no socket for it; RangeError. */
export function openAttempt(asked: Probe): Attempt | ProbeAnswer {
  switch (asked.kind) {
    case 'echo':
      return openEcho(asked);
    case 'connect':
      return openConnection(asked);
    case 'dns':
      return openQuestion(asked);
  }
}

interface Target {
  readonly bytes: Uint8Array;
  readonly family: IpFamily;
  /** A struct sockaddr_in or sockaddr_in6. */
  readonly address: Uint8Array;
}

function targetOf(to: string, port: number): Target {
  const bytes = parseAddress(to);
  if (bytes === undefined) throw new RangeError(`no IP address: ${to}`);
  const isIpv4 = bytes.length === 4;
  const address = new Uint8Array(isIpv4 ? 16 : ADDRESS_LENGTH);
  view(address).setUint16(0, isIpv4 ? AF_INET : AF_INET6, true);
  view(address).setUint16(2, port);
  address.set(bytes, isIpv4 ? 4 : 8);
  return { bytes, family: isIpv4 ? 'inet' : 'inet6', address };
}

function openSocket(family: IpFamily, type: number, protocol: number): number {
  const domain = family === 'inet' ? AF_INET : AF_INET6;
  return libc().socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

function setNumber(fd: number, level: number, option: number, number: number): void {
  const bytes = new Uint8Array(4);
  view(bytes).setInt32(0, number, true);
  libc().setsockopt(fd, level, option, bytes);
}

/** Of a soft error, as that a router knows no way, a socket hears only so. */
function hearErrors(fd: number, family: IpFamily): void {
  if (family === 'inet') setNumber(fd, IPPROTO_IP, IP_RECVERR, 1);
  else setNumber(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
}

/** What the kernel says to a try, in the words of an answer. `began`: when the packet was sent; null: it was not. */
function refusal(errno: number, began: number | null, from: string | null = null): ProbeAnswer {
  const name = errnoName(errno);
  return { state: stateOf(name), from, rtt: began === null ? null : since(began), errno: name, mtu: null, dns: null };
}

function stateOf(errno: string): ProbeAnswer['state'] {
  if (errno === 'ECONNREFUSED') return 'refused';
  if (errno === 'EMSGSIZE') return 'too big';
  return errno === 'ETIMEDOUT' ? 'timeout' : 'unreachable';
}

function answered(from: string, began: number): ProbeAnswer {
  return { state: 'answered', from, rtt: since(began), errno: null, mtu: null, dns: null };
}

/** Unit: milliseconds, to the microsecond. */
function since(began: number): number {
  return Math.round((performance.now() - began) * 1000) / 1000;
}

const NOTHING: ProbeAnswer = { state: 'timeout', from: null, rtt: null, errno: null, mtu: null, dns: null };

/** What it opens is closed where the rest of it fails. */
function keeping<T>(fd: number, act: () => T): T {
  let isKept = false;
  try {
    const made = act();
    isKept = typeof made === 'object' && made !== null && 'fd' in made;
    return made;
  } finally {
    if (!isKept) closeSync(fd);
  }
}

function openConnection({ to, port }: Asked<'connect'>): Attempt | ProbeAnswer {
  const { family, address } = targetOf(to, port);
  const fd = openSocket(family, SOCK_STREAM, 0);
  return keeping(fd, () => {
    const began = performance.now();
    const result = libc().tryConnect(fd, address);
    if (result === 0) return answered(to, began);
    if (result !== -EINPROGRESS) return refusal(-result, null);
    const look = (): ProbeAnswer => {
      const errno = libc().getsockopt(fd, SOL_SOCKET, SO_ERROR);
      if (errno === 0) return answered(to, began);
      // A router may have said the rest, or our own kernel: it does not tell.
      const said = refusal(errno, began);
      return said.state === 'refused' ? { ...said, from: to } : said;
    };
    return { fd, events: POLLOUT, look, nothing: NOTHING };
  });
}

function randomNumber(): number {
  return getRandomValues(new Uint16Array(1))[0] ?? 0;
}

/** Of a socket that is connected to one address the kernel drops what comes from others. */
function openQuestion({ to, port, name, type }: Asked<'dns'>): Attempt | ProbeAnswer {
  const { family, address } = targetOf(to, port);
  const question = { id: randomNumber(), name, type };
  const fd = openSocket(family, SOCK_DGRAM, 0);
  return keeping(fd, () => {
    hearErrors(fd, family);
    const connected = libc().tryConnect(fd, address);
    if (connected < 0) return refusal(-connected, null);
    const began = performance.now();
    const sent = libc().trySendTo(fd, encodeDnsQuestion(question), address);
    if (sent < 0) return refusal(-sent, null);
    const look = (): ProbeAnswer | undefined =>
      lookAtPackets(fd, (packet) => {
        if (typeof packet === 'number') return refusal(packet, began);
        const dns = decodeDnsAnswer(packet.bytes, question);
        return dns === undefined ? undefined : { ...answered(to, began), dns };
      });
    return { fd, events: POLLIN, look, nothing: NOTHING };
  });
}

interface Packet {
  readonly bytes: Uint8Array;
  /** A struct sockaddr_in or sockaddr_in6. */
  readonly sender: Uint8Array;
}

/** An errno in place of a packet: an error that the socket heard of. */
function lookAtPackets(
  fd: number,
  judge: (packet: Packet | number) => ProbeAnswer | undefined,
): ProbeAnswer | undefined {
  const sender = new Uint8Array(ADDRESS_LENGTH);
  for (let count = 0; count < MOST_PACKETS; count += 1) {
    const length = libc().tryReceiveFrom(fd, into, sender);
    if (length === -EAGAIN || length === -EINTR) return undefined;
    const answer = judge(length < 0 ? -length : { bytes: into.subarray(0, length), sender });
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function openEcho(asked: Asked<'echo'>): Attempt | ProbeAnswer {
  const target = targetOf(asked.to, 0);
  const { fd, isRaw } = openEchoSocket(target.family);
  return keeping(fd, () => sendEcho(asked, target, fd, isRaw));
}

/** Who may have no raw socket may have one for echos alone: then the kernel finds what belongs to it. */
function openEchoSocket(family: IpFamily): { readonly fd: number; readonly isRaw: boolean } {
  const protocol = family === 'inet' ? IPPROTO_ICMP : IPPROTO_ICMPV6;
  try {
    return { fd: openSocket(family, SOCK_RAW, protocol), isRaw: true };
  } catch (error) {
    if (!(error instanceof LibcError) || (error.errno !== EPERM && error.errno !== EACCES)) throw error;
    return { fd: openSocket(family, SOCK_DGRAM, protocol), isRaw: false };
  }
}

function sendEcho({ size }: Asked<'echo'>, target: Target, fd: number, isRaw: boolean): Attempt | ProbeAnswer {
  const { family, address, bytes } = target;
  if (size !== null) forbidCutting(fd, family);
  // A raw socket sees the messages of routers themselves, and so who said it.
  if (!isRaw) hearErrors(fd, family);
  const length = size === null ? SMALL_PAYLOAD : size - ECHO_OVERHEAD[family];
  if (length < 0 || length > LONGEST_PACKET) throw new RangeError(`no size of a packet: ${size}`);
  const echo = { id: randomNumber(), sequence: 1, payload: payloadOf(length) };
  const began = performance.now();
  const sent = libc().trySendTo(fd, encodeEcho(family, echo), address);
  if (sent < 0) return -sent === EMSGSIZE ? tooBigForUs(fd, target) : refusal(-sent, null);
  const wanted = { ...echo, id: isRaw ? echo.id : null, to: bytes };
  const look = (): ProbeAnswer | undefined =>
    lookAtPackets(fd, (packet) => {
      if (typeof packet === 'number') return refusal(packet, began);
      const { from, message } = messageOf(packet, family, isRaw) ?? {};
      const said = message === undefined ? undefined : decodeIcmp(family, message, wanted);
      if (said === undefined || from === undefined) return undefined;
      if (said.type === 'reply') return from === formatAddress(bytes) ? answered(from, began) : undefined;
      const { errno, mtu } = said;
      return { state: stateOf(errno), from, rtt: since(began), errno, mtu, dns: null };
    });
  return { fd, events: POLLIN, look, nothing: NOTHING };
}

function forbidCutting(fd: number, family: IpFamily): void {
  if (family === 'inet') {
    setNumber(fd, IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE);
    return;
  }
  setNumber(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE);
  setNumber(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
}

/** What others send cannot be the same by chance; the kernel's random numbers come in pieces. */
function payloadOf(length: number): Uint8Array {
  const payload = new Uint8Array(length);
  getRandomValues(payload.subarray(0, Math.min(length, SMALL_PAYLOAD)));
  return payload;
}

/** Our own link has no room for it. The kernel tells how much there is to a socket that has a target. */
function tooBigForUs(fd: number, { family, address }: Target): ProbeAnswer {
  const said = refusal(EMSGSIZE, null);
  if (libc().tryConnect(fd, address) < 0) return said;
  const [level, option] = family === 'inet' ? [IPPROTO_IP, IP_MTU] : [IPPROTO_IPV6, IPV6_MTU];
  return { ...said, mtu: libc().getsockopt(fd, level, option) };
}

/** Raw sockets of IPv4 give the packet, all others the message alone. */
function messageOf({ bytes, sender }: Packet, family: IpFamily, isRaw: boolean): ReturnType<typeof decodeIpv4> {
  if (family === 'inet' && isRaw) return decodeIpv4(bytes);
  const from = family === 'inet' ? sender.subarray(4, 8) : sender.subarray(8, 24);
  return { from: formatAddress(from), message: bytes };
}
