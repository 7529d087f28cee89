// A tun or tap device that stays without a program. rtnetlink makes none.
// Source: Documentation/networking/tuntap.rst, linux/if_tun.h.

import { closeSync, openSync } from 'node:fs';
import type { Reading } from '../../kernel/host.ts';
import { encodeLinkAddress, encodeMark } from '../../kernel/netlink/change.ts';
import { LINK_GROUP, type NetworkOperation } from '../../kernel/network-plan.ts';
import { libc } from '../ffi/libc.ts';
import { inNamespace } from './in-namespace.ts';
import type { NetworkPlaces } from './network-places.ts';

const TUNSETIFF = 0x4004_54ca;
const TUNSETPERSIST = 0x4004_54cb;
const IFF_TUN = 1;
const IFF_TAP = 2;
const IFF_NO_PI = 0x1000;
const IFF_TUN_EXCL = 0x8000;
/** struct ifreq: the name, then flags. */
const IFREQ_LENGTH = 40;
const IFNAMSIZ = 16;

type Tun = Extract<NetworkOperation, { op: 'tun' }>;

/** Until it is told to stay it goes with us. Errors: ENOENT: there is no /dev/net/tun; EBUSY: a link has the name. */
export function makeTun({ at, name, mode, mac, mtu }: Tun, places: NetworkPlaces): Reading<unknown> {
  // Its device will be where it is opened.
  const open = (): number => openSync('/dev/net/tun', 'r+');
  const fd = at === null ? open() : inNamespace('net', places.fd(at), open);
  try {
    const request = new Uint8Array(IFREQ_LENGTH);
    new TextEncoder().encodeInto(name, request);
    const flags = (mode === 'tun' ? IFF_TUN : IFF_TAP) | IFF_NO_PI | IFF_TUN_EXCL;
    new DataView(request.buffer).setUint16(IFNAMSIZ, flags, true);
    libc().ioctlBuffer(fd, TUNSETIFF, request);
    const index = places.indexOf(at, name);
    if (!index.ok) return index;
    const marked = places.ask(at, encodeMark(index.value, { group: LINK_GROUP, mtu }));
    const told = marked.ok && mode === 'tap' ? places.ask(at, encodeLinkAddress(index.value, mac)) : marked;
    if (told.ok) libc().ioctlNumber(fd, TUNSETPERSIST, 1);
    return told;
  } finally {
    closeSync(fd);
  }
}
