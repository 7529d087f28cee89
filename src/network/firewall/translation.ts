// NAT of a connection's first packet, as far as the rules tell to what.

import { formatAddress } from '../../kernel/netlink/address-text.ts';
import { isKnown, type Bits } from './bits.ts';
import { originalEnds } from './connection.ts';
import { linkNamed, type Place } from './meta.ts';
import type { Packet } from './packet.ts';
import type { State } from './state.ts';
import type { Decider, NatEffect } from './verdict.ts';

/** `null`: it stays, or the interface tells it; bits that are not known: one of several. */
export interface Wanted {
  readonly kind: NatEffect['kind'];
  readonly address: Bits | null;
  readonly port: Bits | null;
}

export function translate(place: Place, state: State, wanted: Wanted, by: Decider): State {
  const isSource = wanted.kind === 'snat' || wanted.kind === 'masquerade';
  const { packet } = state;
  const address = addressOf(place, packet, wanted);
  const port = wanted.port === null ? null : isKnown(wanted.port) ? portOf(wanted.port) : undefined;
  const unknown = new Set(state.unknown);
  if (address === undefined) unknown.add(isSource ? 'source' : 'destination');
  if (port === undefined) unknown.add(isSource ? 'sport' : 'dport');
  const end = isSource
    ? { source: address ?? packet.source, sport: port ?? packet.sport }
    : { destination: address ?? packet.destination, dport: port ?? packet.dport };
  const isChanged =
    unknown.size > state.unknown.size ||
    (isSource
      ? end.source !== packet.source || end.sport !== packet.sport
      : end.destination !== packet.destination || end.dport !== packet.dport);
  const status = isSource ? 'snat' : 'dnat';
  const translated: Packet = {
    ...packet,
    ...end,
    original: originalEnds(packet),
    ctStatus: isChanged ? [...packet.ctStatus, status] : packet.ctStatus,
  };
  const nat = { kind: wanted.kind, address: address ?? null, port: port ?? null, by };
  return { ...state, packet: translated, unknown, nat };
}

function portOf({ bytes }: Bits): number {
  return ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
}

/** null: it stays; undefined: not known. */
function addressOf(place: Place, packet: Packet, { kind, address }: Wanted): string | null | undefined {
  if (address !== null) return isKnown(address) ? formatAddress(address.bytes) : undefined;
  if (kind === 'masquerade') return onlyAddress(place, packet, packet.oif);
  if (kind !== 'redirect') return null;
  if (place.hook === 'output') return packet.family === 'ip6' ? '::1' : '127.0.0.1';
  return onlyAddress(place, packet, packet.iif);
}

/** Where an interface has several the kernel chooses, by the route. */
function onlyAddress({ ruleset }: Place, { family }: Packet, name: string | null): string | undefined {
  const all = linkNamed(ruleset, name)?.addresses ?? [];
  const global = all.filter((text) => text.includes(':') === (family === 'ip6') && !text.startsWith('fe80:'));
  return global.length === 1 ? global[0] : undefined;
}
