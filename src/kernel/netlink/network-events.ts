// What the kernel tells of a network namespace as it changes: the messages of its multicast groups. Source: rtnetlink(7),
// include/uapi/linux/rtnetlink.h.

import { RTM_DELADDR, RTM_DELLINK, RTM_DELROUTE, RTM_NEWADDR, RTM_NEWLINK, RTM_NEWROUTE } from '../abi/netlink.ts';
import { value, type Reading } from '../host.ts';
import { decodeAddress, type InterfaceAddress } from './addresses.ts';
import { decodeDetailedLink, type DetailedLink } from './link-details.ts';
import { decodeMessages, type NetlinkMessage } from './message.ts';
import { decodeRoute, type Route } from './routes.ts';

/** RTNLGRP_LINK, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE. */
export const NETWORK_GROUPS: readonly number[] = [1, 5, 7, 9, 11];

/** A link, address or route that is there (new, or with something changed), or no longer is. */
export type NetworkEvent = { readonly isGone: boolean } & (
  | { readonly type: 'link'; readonly link: DetailedLink }
  | { readonly type: 'address'; readonly address: InterfaceAddress }
  | { readonly type: 'route'; readonly route: Route }
);

const AF_UNSPEC = 0;

/** Of one datagram; what is of other families is left out, as bridges tell of their ports in the group of links. */
export function decodeNetworkEvents(datagram: Uint8Array, what: string): Reading<readonly NetworkEvent[]> {
  const messages = decodeMessages(datagram, what);
  if (!messages.ok) return messages;
  const events: NetworkEvent[] = [];
  for (const message of messages.value) {
    const event = eventOf(message, what);
    if (!event.ok) return event;
    if (event.value !== null) events.push(event.value);
  }
  return value(events);
}

function eventOf({ type, body }: NetlinkMessage, what: string): Reading<NetworkEvent | null> {
  switch (type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      if (body[0] !== AF_UNSPEC) return value(null);
      const link = decodeDetailedLink(body, what);
      return link.ok ? value({ type: 'link', isGone: type === RTM_DELLINK, link: link.value }) : link;
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = decodeAddress(body, what);
      if (!address.ok) return address;
      return value(
        address.value === null ? null : { type: 'address', isGone: type === RTM_DELADDR, address: address.value },
      );
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const route = decodeRoute(body, what);
      if (!route.ok) return route;
      return value(route.value === null ? null : { type: 'route', isGone: type === RTM_DELROUTE, route: route.value });
    }
    default:
      return value(null);
  }
}
