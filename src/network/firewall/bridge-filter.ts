// Do the rules for IP meet what a bridge passes from port to port? Source: net/bridge/br_netfilter_hooks.c.

import type { PacketFamily } from './packet.ts';
import type { Ruleset } from './ruleset.ts';

export const BRIDGE_CALL_FILES: Readonly<Record<PacketFamily, string>> = {
  ip: '/proc/sys/net/bridge/bridge-nf-call-iptables',
  ip6: '/proc/sys/net/bridge/bridge-nf-call-ip6tables',
  arp: '/proc/sys/net/bridge/bridge-nf-call-arptables',
};

export interface BridgeFilter {
  /** Absent (null): it could not be read. */
  readonly isOn: boolean | null;
  /** What switches it on: the sysctl's file, or `nf_call_iptables` of the bridge. Absent (null): nothing. */
  readonly by: string | null;
}

/** A hook of IP is then judged with the bridge for interface, and its ports in `ports` of the packet. */
export function bridgeFilter({ bridgeCalls, links }: Ruleset, bridge: string, family: PacketFamily): BridgeFilter {
  // Where br_netfilter is not loaded no setting of a bridge counts either.
  if (bridgeCalls === 'absent') return { isOn: false, by: null };
  if (bridgeCalls === null) return { isOn: null, by: null };
  if (bridgeCalls[family]) return { isOn: true, by: BRIDGE_CALL_FILES[family] };
  const isOwn = links.find(({ name }) => name === bridge)?.bridgeCalls?.[family] === true;
  return { isOn: isOwn, by: isOwn ? `nf_call_${family}tables of ${bridge}` : null };
}
