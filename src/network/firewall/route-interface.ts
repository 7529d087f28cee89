// By which interface an address is reached, as rules ask it (`fib ... oif`). Source: net/ipv4/netfilter/nft_fib_ipv4.c.

import { isSamePrefix } from '../../kernel/netlink/address-bytes.ts';
import { parseAddress } from '../../kernel/netlink/address-text.ts';
import type { Route } from '../../kernel/netlink/routes.ts';
import { addressType } from './address-type.ts';
import type { Ruleset } from './ruleset.ts';

const RTN_UNICAST = 1;
const RTN_LOCAL = 2;

/** Its index, 0 where none leads there; `only`: 0 unless it is that one. null: not known. */
export function routeInterface(ruleset: Ruleset, address: string, only: number | null): number | null {
  const bytes = parseAddress(address);
  if (ruleset.routes === null || bytes === undefined) return null;
  const own = addressType(ruleset, address, null);
  // Its own is reached by none. Of IPv6 it is not told which of the others an address is.
  const type = own.choices === undefined ? own.bytes[0] : RTN_UNICAST;
  if (type !== RTN_UNICAST) return type === RTN_LOCAL ? 0 : null;
  const all = ruleset.routes.flatMap((route): readonly (readonly [length: number, route: Route])[] => {
    const net = netOf(route, bytes.length);
    return net !== undefined && isSamePrefix(bytes, net.bytes, net.length) ? [[net.length, route]] : [];
  });
  const longest = Math.max(...all.map(([length]) => length));
  const best = all.filter(([length]) => length === longest).map(([, route]) => route);
  const [first, ...others] = best;
  if (first === undefined) return 0;
  const [hop] = first.nextHops;
  if (others.length > 0 || first.type !== 'unicast' || first.nextHops.length !== 1 || hop === undefined) return null;
  if (hop.ifindex === null) return null;
  return only === null || only === hop.ifindex ? hop.ifindex : 0;
}

/** Undefined: it is of the other family. */
function netOf({ destination, family }: Route, size: number): { bytes: Uint8Array; length: number } | undefined {
  if ((family === 'inet' ? 4 : 16) !== size) return undefined;
  if (destination === 'default') return { bytes: new Uint8Array(size), length: 0 };
  const [text = '', length] = destination.split('/');
  const bytes = parseAddress(text);
  return bytes === undefined ? undefined : { bytes, length: length === undefined ? 8 * size : Number(length) };
}
