// RTM_GETADDR: the IP addresses of a network namespace. Source: rtnetlink(7), include/uapi/linux/if_addr.h.

import { IFA_ADDRESS, IFA_FLAGS, IFA_LABEL, IFA_LOCAL, RTM_GETADDR, RTM_NEWADDR } from '../abi/netlink.ts';
import { AF_INET, AF_INET6 } from '../abi/sock-diag.ts';
import { value, type NamespaceDoor, type NetlinkRequest, type Reading } from '../host.ts';
import { formatAddress } from './address-text.ts';
import { decodeEach, dumpRequest, tooShort } from './dump.ts';
import { attributeMap, numberOf, textOf, view } from './message.ts';

/** struct ifaddrmsg: family, length of the prefix, flags, scope, index. */
const IFADDRMSG_LENGTH = 8;

export interface InterfaceAddress {
  readonly ifindex: number;
  readonly family: 'inet' | 'inet6';
  readonly address: string;
  readonly prefixLength: number;
  /** The other end, on a link of two. */
  readonly peer: string | null;
  /** As `ip addr` has it. */
  readonly scope: string;
  /** IFA_F_*: 0x80 permanent, 0x40 tentative, 0x20 deprecated, 0x08 duplicate. */
  readonly flags: number;
  readonly label: string | null;
}

export function encodeAddressDump(namespace?: NamespaceDoor): NetlinkRequest {
  return dumpRequest(RTM_GETADDR, [new Uint8Array(IFADDRMSG_LENGTH)], namespace);
}

export function decodeAddresses(datagrams: readonly Uint8Array[], what: string): Reading<readonly InterfaceAddress[]> {
  const all = decodeEach(datagrams, RTM_NEWADDR, what, decodeAddress);
  return all.ok ? value(all.value.filter((one) => one !== null)) : all;
}

/** null: of another family (AF_DECNET, AF_MCTP). */
export function decodeAddress(body: Uint8Array, what: string): Reading<InterfaceAddress | null> {
  if (body.length < IFADDRMSG_LENGTH) return tooShort(body, what);
  const [family, prefixLength = 0, flags = 0, scope = 0] = body;
  if (family !== AF_INET && family !== AF_INET6) return value(null);
  const attributes = attributeMap(body.subarray(IFADDRMSG_LENGTH), what);
  if (!attributes.ok) return attributes;
  const far = attributes.value.get(IFA_ADDRESS);
  // Of IPv4 addresses the local one, of which IFA_ADDRESS is the other end where they differ; IPv6 may have one only.
  const near = attributes.value.get(IFA_LOCAL) ?? far;
  if (near === undefined) return tooShort(body, what);
  const address = formatAddress(near);
  const peer = far === undefined ? address : formatAddress(far);
  return value({
    ifindex: view(body).getUint32(4, true),
    family: family === AF_INET ? 'inet' : 'inet6',
    address,
    prefixLength,
    peer: peer === address ? null : peer,
    scope: formatScope(scope),
    flags: numberOf(attributes.value.get(IFA_FLAGS)) ?? flags,
    label: textOf(attributes.value.get(IFA_LABEL)),
  });
}

/** Source: include/uapi/linux/rtnetlink.h, enum rt_scope_t. */
const SCOPES = new Map([
  [0, 'global'],
  [200, 'site'],
  [253, 'link'],
  [254, 'host'],
  [255, 'nowhere'],
]);

/** The name of a scope, of addresses and routes; its number where it has none. */
export function formatScope(scope: number): string {
  return SCOPES.get(scope) ?? String(scope);
}
