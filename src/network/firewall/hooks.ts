// Which chains a packet meets at a hook, and in which order.

import { NFPROTO } from '../../kernel/abi/nftables.ts';
import type { BaseChain, NftChain, NftFamily } from '../../kernel/nftables/objects.ts';
import type { Hook, Packet, PacketFamily } from './packet.ts';
import type { FirewallTable, Ruleset } from './ruleset.ts';

export interface HookedChain {
  readonly table: FirewallTable;
  readonly chain: NftChain;
  readonly base: BaseChain;
}

/** NF_INET_*, NF_BR_* (the same numbers), NF_ARP_*, NF_NETDEV_*. */
const IP_HOOKS: Partial<Record<Hook, number>> = {
  prerouting: 0,
  input: 1,
  forward: 2,
  output: 3,
  postrouting: 4,
};
const BRIDGE_HOOKS: Partial<Record<Hook, number>> = {
  'bridge prerouting': 0,
  'bridge input': 1,
  'bridge forward': 2,
  'bridge output': 3,
  'bridge postrouting': 4,
};
const ARP_HOOKS: Partial<Record<Hook, number>> = { input: 0, output: 1, forward: 2 };
const DEVICE_HOOKS: Partial<Record<Hook, number>> = { ingress: 0, egress: 1 };
const NF_INET_INGRESS = 5;

/** Of chains of a family the number of the hook; undefined: they are not asked. */
function numberOf(family: NftFamily, packet: PacketFamily, hook: Hook): number | undefined {
  switch (family) {
    case 'bridge':
      return BRIDGE_HOOKS[hook];
    case 'netdev':
      return DEVICE_HOOKS[hook];
    case 'arp':
      return packet === 'arp' ? ARP_HOOKS[hook] : undefined;
    case 'inet':
      if (hook === 'ingress') return NF_INET_INGRESS;
      return packet === 'arp' ? undefined : IP_HOOKS[hook];
    case 'ip':
    case 'ip6':
      return packet === family ? IP_HOOKS[hook] : undefined;
  }
}

/** By whom a base chain's hook is called so. */
export function hookName({ family }: { readonly family: NftFamily }, { hook }: BaseChain): string {
  const names = family === 'netdev' ? DEVICE_HOOKS : family === 'arp' ? ARP_HOOKS : IP_HOOKS;
  const found = Object.entries(names).find(([, number]) => number === hook);
  return found?.[0] ?? (family === 'inet' && hook === NF_INET_INGRESS ? 'ingress' : String(hook));
}

/** Where the kernel translates addresses, whatever priority the chains have that say to what. */
const NAT_PRIORITY: Partial<Record<Hook, number>> = { prerouting: -100, output: -100, postrouting: 100, input: 100 };
const BRIDGE_NAT_FAMILIES: readonly NftFamily[] = ['ip', 'ip6', 'inet'];

/** All that are asked, in that order; those for NAT by themselves, as they are one stop on the way. */
export function stopsAt(ruleset: Ruleset, hook: Hook, packet: Packet): readonly (readonly HookedChain[])[] {
  const device = hook === 'egress' ? packet.oif : packet.iif;
  const hooked = ruleset.tables.flatMap((table) =>
    table.isDormant
      ? []
      : [...table.chains.values()].flatMap((chain): readonly HookedChain[] => {
          const { base } = chain;
          if (base === null || base.hook !== numberOf(table.family, packet.family, hook)) return [];
          const isElsewhere = base.devices.length > 0 && (device === null || !base.devices.includes(device));
          return isElsewhere ? [] : [{ table, chain, base }];
        }),
  );
  // Of those with the same priority the last that came is the first that is asked. Source: nf_hook_entries_grow().
  const sorted = hooked.toReversed().toSorted((a, b) => a.base.priority - b.base.priority);
  const isNat = ({ base, table }: HookedChain): boolean =>
    base.type === 'nat' && BRIDGE_NAT_FAMILIES.includes(table.family);
  const nat = sorted.filter(isNat);
  const plain = sorted.filter((one) => !isNat(one));
  const at = NAT_PRIORITY[hook];
  if (nat.length === 0 || at === undefined) return plain.map((one) => [one]);
  // Its hook came with the first of these chains, so others of its priority may be before it or after.
  const before = plain.filter(({ base }) => base.priority < at);
  return [...before.map((one) => [one]), nat, ...plain.slice(before.length).map((one) => [one])];
}

export function isNatStop([first]: readonly HookedChain[]): boolean {
  return first !== undefined && first.base.type === 'nat' && NFPROTO[first.table.family] !== NFPROTO.bridge;
}
