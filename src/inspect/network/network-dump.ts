// All links, addresses and routes of one network namespace at a moment.

import type { GapTally } from '../../kernel/gap-tally.ts';
import { valueOf, type Host, type NamespaceDoor, type Reading } from '../../kernel/host.ts';
import { decodeAddresses, encodeAddressDump } from '../../kernel/netlink/addresses.ts';
import { decodeDetailedLinks } from '../../kernel/netlink/link-details.ts';
import { encodeLinkDump } from '../../kernel/netlink/links.ts';
import { decodeRoutes, encodeRouteDump } from '../../kernel/netlink/routes.ts';
import type { NetworkDump } from './network-record.ts';

/** undefined: it could not be asked, which is a gap. */
export function readNetworkDump(host: Host, door: NamespaceDoor, gaps: GapTally): NetworkDump | undefined {
  const what = 'network namespace';
  const known = <T>(reading: Reading<T>): T | undefined => {
    if (!reading.ok) gaps.add(what, reading.gap);
    return valueOf(reading);
  };
  const asked = <T>(
    request: Parameters<Host['netlink']>[0],
    decode: (datagrams: readonly Uint8Array[], what: string) => Reading<T>,
  ): T | undefined => {
    const reply = host.netlink(request);
    return known(reply.ok ? decode(reply.value, what) : reply);
  };
  const links = asked(encodeLinkDump(door), decodeDetailedLinks);
  const addresses = asked(encodeAddressDump(door), decodeAddresses);
  const routes = asked(encodeRouteDump(door), decodeRoutes);
  return links === undefined || addresses === undefined || routes === undefined
    ? undefined
    : { links, addresses, routes };
}
