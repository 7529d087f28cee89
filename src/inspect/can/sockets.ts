// Acts with sockets. Source: ip(7), net/ipv4/af_inet.c __inet_bind() and inet_create().

import { CAPABILITY } from '../../kernel/abi/capability.ts';
import { valueOf, type Reading } from '../../kernel/host.ts';
import { decodeText, parseDecimal } from '../../kernel/text/text.ts';
import { inodeOf } from '../initial-namespace.ts';
import { capableIn, doorTo, ownerOf, type Actor } from './actor.ts';
import { allOf, anyOf, hidden, type Check, type Verdict } from './check.ts';

const OWNS = 'which owns its network namespace';

/** May it bind a TCP or UDP socket to the port? That the port is taken is another matter. */
export function canBind(actor: Actor, port: number): Verdict {
  const owner = ownerOf(doorTo(actor.pid, 'net'));
  const capable = capableIn(actor, CAPABILITY.NET_BIND_SERVICE, owner, OWNS, 'EACCES');
  return allOf([anyOf([unprivileged(actor, port), capable])]);
}

const SYSCTL = 'net.ipv4.ip_unprivileged_port_start';

/** Since: Linux 4.11; before, 1024. */
function unprivileged(actor: Actor, port: number): Check {
  const start = sysctlOfNetwork(actor, `/proc/sys/${SYSCTL.replaceAll('.', '/')}`);
  if (!start.ok) {
    if (start.gap.reason !== 'gone') actor.gaps.add('sysctl', start.gap);
    if (start.gap.reason !== 'gone') return hidden('sysctl', `${SYSCTL} of its network namespace`, start.gap);
  }
  const first = start.ok ? (parseDecimal(decodeText(start.value).trim()) ?? DEFAULT_START) : DEFAULT_START;
  const text =
    port >= first || port === 0
      ? `port ${port} needs no capability (${SYSCTL} is ${first})`
      : `port ${port} is below ${SYSCTL}, ${first}`;
  return { by: 'sysctl', holds: port >= first || port === 0, errno: 'EACCES', text };
}

const DEFAULT_START = 1024;

/** /proc/sys/net shows the reader's network namespace. */
function sysctlOfNetwork({ host, pid }: Actor, path: string): Reading<Uint8Array> {
  const door = `/proc/${pid}/ns/net`;
  const [theirs, ours] = [inodeOf(host, door), inodeOf(host, '/proc/self/ns/net')].map(valueOf);
  return theirs !== undefined && theirs === ours
    ? host.readFile(path)
    : host.readFileInside({ kind: 'net', door, path });
}

/** May it open a raw or packet socket? */
export function canOpenRaw(actor: Actor): Verdict {
  return allOf([capableIn(actor, CAPABILITY.NET_RAW, ownerOf(doorTo(actor.pid, 'net')), OWNS)]);
}
