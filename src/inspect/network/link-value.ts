// A link and its other end, for JSON and for people.

import type { InterfaceAddress } from '../../kernel/netlink/addresses.ts';
import type { DetailedLink, LinkCounters } from '../../kernel/netlink/link-details.ts';
import { isPair, type LinkEnd } from '../../network/link-end.ts';
import type { NetworkNamespace } from '../../network/network-namespace.ts';
import { endOf, type Topology } from '../../network/topology.ts';
import type { TunOwner } from '../../network/tun-owners.ts';
import type { Value } from '../show/report.ts';

/** Source: include/uapi/linux/if.h. */
const IFF_UP = 1;
const IFF_LOOPBACK = 8;

/** What a person calls its kind: hardware and the loopback have none of the kernel's. */
export function kindOf({ kind, flags }: DetailedLink): string {
  return kind ?? ((flags & IFF_LOOPBACK) === 0 ? 'physical' : 'loopback');
}

export function linkValue(topology: Topology, place: NetworkNamespace, link: DetailedLink): Value {
  const { ifindex, name, altNames, kind, flags, operstate, mtu, address, alias, mode, vlanId, vxlan, device } = link;
  return {
    ifindex,
    ifname: name,
    altnames: altNames,
    kind,
    loopback: (flags & IFF_LOOPBACK) !== 0,
    up: (flags & IFF_UP) !== 0,
    operstate,
    mtu,
    address,
    master: masterOf(place, link),
    port_state: link.portState,
    mode,
    vlan_id: vlanId,
    vxlan: vxlan === null ? null : { ...vxlan },
    device,
    ifalias: alias,
    holders: ownersOf(topology, place, link).map(({ pid, comm }) => ({ pid, comm })),
    end: endValue(topology, endOf(topology, place, ifindex)),
    counters: countersValue(link.counters),
  };
}

function endValue(topology: Topology, end: LinkEnd | undefined): Value {
  if (end === undefined) return null;
  const { state } = end;
  const isHidden = state === 'hidden';
  const link = state === 'lost' || state === 'unseen' ? null : end.link;
  return {
    state,
    ns: isHidden ? null : end.in.inode,
    name: isHidden ? null : topology.nameOf(end.in),
    nsid: isHidden ? end.nsid : null,
    ifindex: state === 'known' ? end.link.ifindex : end.ifindex,
    ifname: link?.name ?? null,
    master: state === 'known' ? masterOf(end.in, end.link) : null,
    port_state: link?.portState ?? null,
    mtu: link?.mtu ?? null,
    operstate: link?.operstate ?? null,
  };
}

function countersValue(counters: LinkCounters | null): Value {
  if (counters === null) return null;
  const side = (bytes: bigint, packets: bigint, errors: bigint, dropped: bigint): Value => {
    return { bytes, packets, errors, dropped };
  };
  return {
    rx: side(counters.rxBytes, counters.rxPackets, counters.rxErrors, counters.rxDropped),
    tx: side(counters.txBytes, counters.txPackets, counters.txErrors, counters.txDropped),
  };
}

/** The name of the bridge or bond that it is a port of; its number where that is not listed. */
function masterOf({ byIndex }: NetworkNamespace, { master }: DetailedLink): string | null {
  return master === null ? null : (byIndex.get(master)?.name ?? String(master));
}

export function ownersOf(
  { tunOwners }: Topology,
  { inode }: NetworkNamespace,
  { name }: DetailedLink,
): readonly TunOwner[] {
  return tunOwners.filter((owner) => owner.inode === inode && owner.interface === name);
}

/** `2: eth0 veth UP mtu 1500 02:42:ac:11:00:02 <-> veth1f3a in host (port of docker0, forwarding)`. */
export function linkLine(topology: Topology, place: NetworkNamespace, link: DetailedLink): string {
  const { ifindex, name, operstate, mtu, address, alias } = link;
  const words = [
    `${ifindex}: ${name}`,
    kindText(link),
    operstate,
    mtu === null ? null : `mtu ${mtu}`,
    address,
    portText(place, link),
    endText(topology, place, link),
    heldText(topology, place, link),
    // Last, as it may be any text.
    alias === null ? null : `alias ${alias}`,
  ];
  return words.filter(Boolean).join(' ');
}

/** With what distinguishes links of that kind: `vlan 100`, `vxlan 42 to 192.0.2.7:4789`, `macvlan bridge`. */
export function kindText(link: DetailedLink): string {
  const { mode, vlanId, vxlan, device } = link;
  const kind = kindOf(link);
  if (kind === 'physical') return `physical ${device ?? ''}`.trimEnd();
  if (vlanId !== null) return `vlan ${vlanId}`;
  if (vxlan === null) return mode === null ? kind : `${kind} ${mode}`;
  const to = vxlan.remote === null ? '' : ` to ${vxlan.remote}`;
  return `vxlan ${vxlan.id ?? '-'}${vxlan.local === null ? '' : ` from ${vxlan.local}`}${to} port ${vxlan.port ?? '-'}`;
}

function portText(place: NetworkNamespace, link: DetailedLink): string | null {
  const master = masterOf(place, link);
  if (master === null) return null;
  return `(port of ${master}${link.portState === null ? '' : `, ${link.portState}`})`;
}

/** `<-> vethXYZ in host (port of docker0, forwarding)`, `on eth0`; '' where it leads nowhere. */
export function endText(topology: Topology, place: NetworkNamespace, link: DetailedLink): string {
  const end = endOf(topology, place, link.ifindex);
  if (end === undefined) return '';
  const sign = isPair(link) ? '<->' : 'on';
  if (end.state === 'hidden') {
    return `${sign} ${end.link?.name ?? `if${end.ifindex}`} in a hidden namespace (nsid ${end.nsid})`;
  }
  const where = end.in === place ? '' : ` in ${topology.nameOf(end.in)}`;
  if (end.state === 'unseen') return `${sign} if${end.ifindex}${where}, whose links could not be read`;
  if (end.state === 'lost') return `${sign} if${end.ifindex}${where}, which is not there`;
  return [`${sign} ${end.link.name}${where}`, portText(end.in, end.link)].filter(Boolean).join(' ');
}

function heldText(topology: Topology, place: NetworkNamespace, link: DetailedLink): string {
  const owners = ownersOf(topology, place, link);
  return owners.length === 0 ? '' : `held by ${owners.map(({ pid, comm }) => `${pid} ${comm ?? '-'}`).join(', ')}`;
}

/** `veth1f3a in host (port of docker0, forwarding) <-> eth0 in container:web`: for who knows only the link. */
export function linkSentence(topology: Topology, place: NetworkNamespace, link: DetailedLink): string {
  const words = [
    `${link.name} in ${topology.nameOf(place)}`,
    portText(place, link),
    endText(topology, place, link),
    heldText(topology, place, link),
  ];
  return words.filter(Boolean).join(' ');
}

/** `eth0 rx 1204 bytes 12 packets 0 errors 0 dropped tx …`. */
export function countersLine({ name, counters }: DetailedLink): string {
  if (counters === null) return `${name} -`;
  const { rxBytes, rxPackets, rxErrors, rxDropped, txBytes, txPackets, txErrors, txDropped } = counters;
  return (
    `${name} rx ${rxBytes} bytes ${rxPackets} packets ${rxErrors} errors ${rxDropped} dropped, ` +
    `tx ${txBytes} bytes ${txPackets} packets ${txErrors} errors ${txDropped} dropped`
  );
}

/** In the form of nstool show. */
export function addressValue(
  { ifindex, family, address, prefixLength, peer, scope, label }: InterfaceAddress,
  { byIndex }: NetworkNamespace,
): Value {
  const ifname = byIndex.get(ifindex)?.name ?? String(ifindex);
  return { ifindex, ifname, family, local: address, prefixlen: prefixLength, peer, scope, label };
}
