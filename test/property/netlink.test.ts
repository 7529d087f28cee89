// The codec of netlink is total: any bytes give a value or a malformed answer. FC_SECONDS goes long.

import fc from 'fast-check';
import { describe, it } from 'vitest';
import { value, type Reading } from '../../src/kernel/host.ts';
import { decodeInotify } from '../../src/kernel/inotify.ts';
import { formatAddress } from '../../src/kernel/netlink/address-text.ts';
import { decodeAddresses } from '../../src/kernel/netlink/addresses.ts';
import { decodeDetailedLinks } from '../../src/kernel/netlink/link-details.ts';
import { decodeLinkConditions, decodePortVlans } from '../../src/kernel/netlink/link-conditions.ts';
import { decodeLinks } from '../../src/kernel/netlink/links.ts';
import { decodeListeningPorts } from '../../src/kernel/netlink/listening-ports.ts';
import { decodeBridgeAddresses, decodeNeighbours } from '../../src/kernel/netlink/neighbours.ts';
import { decodeRouteDecision } from '../../src/kernel/netlink/route-query.ts';
import { decodeNetworkEvents } from '../../src/kernel/netlink/network-events.ts';
import { decodeRoutes } from '../../src/kernel/netlink/routes.ts';
import { decodeRules } from '../../src/kernel/netlink/rules.ts';
import { decodePacketSockets } from '../../src/kernel/netlink/packet-sockets.ts';
import { decodeUnixListeners } from '../../src/kernel/netlink/unix-listeners.ts';
import { decodeListeners, decodeSocketInodes } from '../../src/kernel/netlink/sock-diag.ts';
import { decodeMount } from '../../src/kernel/statmount-mount.ts';
import { decodeStatMount } from '../../src/kernel/statmount.ts';
import { netlinkFixture } from '../support/netlink-fixture.ts';

const seconds = Number(process.env['FC_SECONDS'] ?? 0);
const parameters: fc.Parameters<unknown> =
  seconds > 0
    ? { numRuns: Infinity, interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false }
    : { numRuns: 500, seed: 20_260_702 };

/** A datagram of the kernel with some bytes changed, or cut. */
function changed(datagrams: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 2, 3, 4, 0xff)));
  return fc
    .tuple(fc.nat(datagrams.length - 1), fc.array(change, { maxLength: 8 }), fc.option(fc.nat()))
    .map(([which, changes, cut]) => {
      const bytes = Uint8Array.from(datagrams[which] ?? []);
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      return cut === null ? bytes : bytes.subarray(0, cut % bytes.length);
    });
}

const decoders: readonly (readonly [string, (bytes: Uint8Array) => Reading<unknown>])[] = [
  ['links', (bytes) => decodeLinks([bytes], 'x')],
  ['links-detailed', (bytes) => decodeDetailedLinks([bytes], 'x')],
  ['links', (bytes) => decodeNetworkEvents(bytes, 'x')],
  ['addresses', (bytes) => decodeNetworkEvents(bytes, 'x')],
  ['routes', (bytes) => decodeNetworkEvents(bytes, 'x')],
  ['links', (bytes) => value(decodeInotify(bytes))],
  ['addresses', (bytes) => decodeAddresses([bytes], 'x')],
  ['routes', (bytes) => decodeRoutes([bytes], 'x')],
  ['rules', (bytes) => decodeRules([bytes], 'x')],
  ['sockets-netlink', (bytes) => decodeSocketInodes([bytes], 'x')],
  ['listeners-unix', (bytes) => decodeUnixListeners([bytes], 'x')],
  ['listeners-packet', (bytes) => decodePacketSockets([bytes], 'x')],
  ['listeners-tcp', (bytes) => decodeListeners([bytes], 'x')],
  ['listeners-tcp', (bytes) => decodeListeningPorts([bytes], 'x')],
  ['links', (bytes) => decodeLinkConditions([bytes], 'x')],
  ['links', (bytes) => decodePortVlans([bytes], 'x')],
  ['neighbours', (bytes) => decodeNeighbours([bytes], 'x')],
  ['bridge-addresses', (bytes) => decodeBridgeAddresses([bytes], 'x')],
  ['route-decision', (bytes) => decodeRouteDecision([bytes], 'x')],
  ['statmount', (bytes) => decodeStatMount(bytes, 'x')],
  ['statmount', (bytes) => decodeMount(bytes, 'x')],
];

describe.each(decoders)('%s', (name, decode) => {
  it('gives a value or a malformed answer for any bytes', () => {
    const any = fc.oneof(changed(netlinkFixture(name)), fc.uint8Array({ maxLength: 600 }));
    fc.assert(
      fc.property(any, (bytes) => {
        const answer = decode(bytes);
        return answer.ok || answer.gap.reason === 'malformed';
      }),
      parameters,
    );
  });
});

describe('addresses as text', () => {
  it('name the same address as URL does', () => {
    const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 });
    const withZeros = fc
      .tuple(ipv6, fc.uint8Array({ minLength: 16, maxLength: 16 }))
      .map(([bytes, mask]) => bytes.map((byte, at) => ((mask[at & ~1] ?? 0) < 128 ? 0 : byte)));
    fc.assert(
      fc.property(fc.oneof(ipv6, withZeros), (bytes) => {
        const text = formatAddress(bytes);
        return new URL(`http://[${text}]/`).hostname === new URL(`http://[${plain(bytes)}]/`).hostname;
      }),
      parameters,
    );
  });
});

function plain(bytes: Uint8Array): string {
  return Array.from({ length: 8 }, (_, at) =>
    (((bytes[2 * at] ?? 0) << 8) | (bytes[2 * at + 1] ?? 0)).toString(16),
  ).join(':');
}
