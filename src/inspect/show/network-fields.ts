// What is in a network namespace: links, addresses, routes.

import type { NamespaceDoor, NetlinkRequest, Reading } from '../../kernel/host.ts';
import { decodeAddresses, encodeAddressDump, type InterfaceAddress } from '../../kernel/netlink/addresses.ts';
import { decodeLinks, encodeLinkDump, type Link } from '../../kernel/netlink/links.ts';
import { decodeRoutes, encodeRouteDump, type Route } from '../../kernel/netlink/routes.ts';
import { listenersField, readListeners } from './listeners.ts';
import type { NamespaceLook } from './namespace-look.ts';
import { many, plain, type Field } from './report.ts';

type Encode = (door?: NamespaceDoor) => NetlinkRequest;
type Decode<T> = (datagrams: readonly Uint8Array[], what: string) => Reading<readonly T[]>;

function dump<T>(look: NamespaceLook, what: string, encode: Encode, decode: Decode<T>): readonly T[] | null {
  if (!look.isReachable) return look.needsProcess(what);
  const reply = look.host.netlink(encode(look.door));
  return look.known(what, reply.ok ? decode(reply.value, what) : reply);
}

function readLinks(look: NamespaceLook): readonly Link[] | null {
  return dump(look, 'list of links', encodeLinkDump, decodeLinks);
}

/** Source: include/uapi/linux/if.h. */
const IFF_UP = 1;

export function linksField(look: NamespaceLook): Field {
  const links = readLinks(look);
  const names = namesOf(links);
  return many(
    'links',
    links,
    ({ ifindex, name, kind, operstate, flags, mtu, address, master, link, linkNetnsid, alias }) => {
      const up = (flags & IFF_UP) !== 0;
      return {
        ifindex,
        ifname: name,
        kind,
        up,
        operstate,
        mtu,
        address,
        master: master === null ? null : names(master),
        link_index: link,
        link_netnsid: linkNetnsid,
        ifalias: alias,
      };
    },
    ({ ifindex, name, kind, operstate, mtu, address }) =>
      [`${ifindex}: ${name}`, kind, operstate, mtu === null ? null : `mtu ${mtu}`, address].filter(Boolean).join(' '),
  );
}

export function addressesField(look: NamespaceLook): Field {
  const names = namesOf(readLinks(look));
  const addresses = dump(look, 'list of addresses', encodeAddressDump, decodeAddresses);
  return many<InterfaceAddress>(
    'addresses',
    addresses,
    ({ ifindex, family, address, prefixLength, peer, scope, label }) => {
      return { ifindex, ifname: names(ifindex), family, local: address, prefixlen: prefixLength, peer, scope, label };
    },
    ({ ifindex, address, prefixLength, scope }) => `${address}/${prefixLength} on ${names(ifindex)} ${scope}`,
  );
}

/** The table of a namespace's own addresses. */
const TABLE_LOCAL = 255;

/** People are spared the routes that the kernel makes of each address. */
export function routesField(look: NamespaceLook): Field {
  const names = namesOf(readLinks(look));
  const routes = dump(look, 'list of routes', encodeRouteDump, decodeRoutes);
  const field = many<Route>(
    'routes',
    routes,
    ({ family, destination, table, protocol, scope, type, priority, source, nextHops }) => {
      const nexthops = nextHops.map(({ gateway, ifindex, weight }) => ({
        gateway,
        dev: ifindex === null ? null : names(ifindex),
        weight,
      }));
      return { family, type, dst: destination, table, protocol, scope, metric: priority, prefsrc: source, nexthops };
    },
    String,
  );
  if (routes === null) return field;
  const main = routes.filter(({ table }) => table !== TABLE_LOCAL);
  const lines = main.map(({ type, destination, nextHops }) => {
    const hops = nextHops.map(({ gateway, ifindex }) =>
      [gateway === null ? '' : ` via ${gateway}`, ifindex === null ? '' : ` dev ${names(ifindex)}`].join(''),
    );
    return `${type === 'unicast' ? '' : `${type} `}${destination}${hops.join(',')}`;
  });
  return { ...field, lines };
}

export function netListenersField(look: NamespaceLook): Field {
  if (look.isReachable) return listenersField(readListeners(look.host, look.door, look.gaps));
  return plain('listeners', look.needsProcess('list of listening sockets'));
}

function namesOf(links: readonly Link[] | null): (ifindex: number) => string {
  const names = new Map(links?.map(({ ifindex, name }) => [ifindex, name]));
  return (ifindex) => names.get(ifindex) ?? String(ifindex);
}
