// What sort of address it is to a namespace: its own, everybody's, another's. Source: net/ipv4/fib_frontend.c
// __inet_dev_addr_type(), which looks in table local alone.

import { isSamePrefix } from '../../kernel/netlink/address-bytes.ts';
import { parseAddress } from '../../kernel/netlink/address-text.ts';
import { choiceOf, knownBytes, unknownBytes, type Bits } from './bits.ts';
import type { Ruleset } from './ruleset.ts';
import { u32 } from './state.ts';

/** RTN_*. Source: include/uapi/linux/rtnetlink.h. */
const RTN: Readonly<Record<string, number>> = { unicast: 1, local: 2, broadcast: 3, anycast: 4, multicast: 5 };
const NO_ROUTE = [6, 7, 8];

/** RTN_* in the machine's order. `ifindex`: only addresses of that link count. */
export function addressType({ local }: Ruleset, address: string, ifindex: number | null): Bits {
  const bytes = parseAddress(address);
  if (bytes === undefined) return unknownBytes(4);
  const [first = 0] = bytes;
  if (bytes.length === 4) {
    if (first === 0 || bytes.every((byte) => byte === 0xff)) return numberBits('broadcast');
    if (first >= 224 && first < 240) return numberBits('multicast');
  } else if (first === 0xff) return numberBits('multicast');
  const routes = local.filter(({ destination, prefixLength }) => {
    const prefix = parseAddress(destination);
    return prefix !== undefined && isSamePrefix(bytes, prefix, prefixLength);
  });
  const best = routes.toSorted((a, b) => b.prefixLength - a.prefixLength)[0];
  if (best !== undefined && (ifindex === null || best.ifindex === ifindex)) return numberBits(best.type);
  // Of IPv6 the whole table is asked: it may be that no route leads there.
  return bytes.length === 4 ? numberBits('unicast') : choiceOf([1, ...NO_ROUTE].map(u32));
}

function numberBits(type: string): Bits {
  const number = RTN[type];
  return number === undefined ? unknownBytes(4) : knownBytes(u32(number));
}
