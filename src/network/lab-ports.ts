// Is a port of the host free to be published?

import { NsError } from '../kernel/error.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import {
  decodeListeners,
  encodeListenerDump,
  type Listener,
  type ListenerFamily,
} from '../kernel/netlink/sock-diag.ts';
import type { Sight } from './lab-sight.ts';
import type { PublishedPort } from './nat.ts';

/** Errors: BAD_VALUE. What cannot be asked is in nobody's way. */
export function requireFreePort(host: Host, sight: Sight, published: PublishedPort): void {
  requireOwnAddress(sight, published);
  const { protocol, port } = published;
  const taken = listenersOf(host, sight, protocol).find((each) => each.port === port && isHidden(each, published));
  if (taken === undefined) return;
  throw new NsError('BAD_VALUE', {
    what: `port ${port}/${protocol} cannot be published: the host listens on it`,
    why: `uid ${taken.uid} at ${taken.address} would not be heard of any more from outside`,
    tryThis: `another port: --publish ${port === 65_535 ? port - 1 : port + 1}:${published.toPort}; who it is: nstool show port:${port}`,
  });
}

function requireOwnAddress({ addresses, inode, node }: Sight, { address }: PublishedPort): void {
  const isOwn = address === null || address.startsWith('127.') || addresses.some((each) => each.address === address);
  if (isOwn || inode === null) return;
  throw new NsError('BAD_VALUE', {
    what: `cannot publish at ${address}`,
    why: `${node.name === 'host' ? 'the host' : node.name} does not have that address`,
    tryThis: `one of ${addresses
      .map((each) => each.address)
      .slice(0, 4)
      .join(', ')}; or none: all of them`,
  });
}

function listenersOf(host: Host, { at, inode }: Sight, protocol: 'tcp' | 'udp'): readonly Listener[] {
  if (inode === null) return [];
  const families: readonly ListenerFamily[] = protocol === 'tcp' ? ['tcp', 'tcp6'] : ['udp', 'udp6'];
  return families.flatMap((family) => {
    const answer = host.netlink(encodeListenerDump(family, at ?? undefined));
    return (answer.ok ? valueOf(decodeListeners(answer.value, family)) : undefined) ?? [];
  });
}

/** Would what is said to it go elsewhere? `::` also is for IPv4, as a rule. */
function isHidden({ address }: Listener, published: PublishedPort): boolean {
  const isIpv6 = published.toAddress.includes(':');
  if (address === '::') return true;
  if (address.includes(':') !== isIpv6) return false;
  if (address === '0.0.0.0') return true;
  const isLocal = address.startsWith('127.') || address === '::1';
  return published.address === null ? !isLocal : address === published.address;
}
