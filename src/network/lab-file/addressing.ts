// Addresses for those ends and bridges of a lab file that say none: each net of the lab, a bridge with its ports or a pair
// without one, gets a piece of the pool, and its members the first addresses of that, in the order of the file. So the
// same file gives the same addresses.

import { familyOf, isMachineOf, machineOf, netText, overlap, type Family, type IpNet } from '../ip-net.ts';
import type { FileBridge, FileEnd, LabFile } from './lab-file.ts';
import { wrong, type Place } from './tree.ts';

/** Those that were given, too. */
export type Addresses = ReadonlyMap<Member, readonly IpNet[]>;

export type Member = FileBridge | FileEnd;

/** Who hears each other without a router. */
interface Segment {
  readonly at: Place;
  /** Bridges first, then ends in the order of the file. */
  readonly members: readonly Member[];
  readonly hasBridge: boolean;
  /** It is somebody else's net: nothing is known of it. */
  readonly isForeign: boolean;
}

/** Bridges in the order of the file, those that are linked as one; then pairs. */
function segmentsOf({ nodes, links }: LabFile): readonly Segment[] {
  const bridges = nodes.filter((node) => node.kind === 'bridge');
  const leaders = new Map(bridges.map(({ name }) => [name, name]));
  const pairs = links.filter((link) => link.kind === 'veth');
  for (const { ends } of pairs) {
    const [one, other] = ends.map(({ node }) => leaders.get(node.text));
    if (one === undefined || other === undefined) continue;
    for (const [name, leader] of leaders) if (leader === other) leaders.set(name, one);
  }
  const isPlace = ({ node }: FileEnd): boolean => !leaders.has(node.text);
  const ofBridges = bridges
    .filter(({ name }) => leaders.get(name) === name)
    .map((bridge): Segment => {
      const own = bridges.filter(({ name }) => leaders.get(name) === bridge.name);
      const ends = pairs
        .filter((pair) => pair.ends.some(({ node }) => leaders.get(node.text) === bridge.name))
        .flatMap((pair) => pair.ends.filter(isPlace));
      const isForeign = own.some((each) => each.isForeign);
      return {
        at: bridge.at,
        members: [...own.filter((each) => !each.isForeign), ...ends],
        hasBridge: true,
        isForeign,
      };
    });
  const ofPairs = pairs
    .filter((pair) => pair.ends.every(isPlace))
    .map((pair): Segment => ({ at: pair.at, members: pair.ends, hasBridge: false, isForeign: false }));
  return [...ofBridges, ...ofPairs];
}

/** `pool`: null: none is free. `taken`: nets that no pool may give away. Errors: BAD_VALUE. */
export function giveAddresses(file: LabFile, pool: readonly IpNet[] | null, taken: readonly IpNet[]): Addresses {
  const given = new Map<Member, readonly IpNet[]>();
  const segments = segmentsOf(file);
  for (const { members } of segments)
    for (const member of members) if (member.addresses !== null) given.set(member, member.addresses);
  const used = [...taken, ...[...given.values()].flat()];
  const cursors = new Map<IpNet, bigint>();
  for (const segment of segments) {
    const wanting = segment.members.filter((member) => member.addresses === null);
    if (wanting.length === 0) continue;
    if (segment.isForeign)
      throw wrong(
        placeOf(segment, wanting),
        'what the net of a foreign bridge is, nobody knows here',
        'web 10.0.0.9/24, with an address',
      );
    for (const net of netsOf(segment, pool, cursors, used)) assign(net, segment, wanting, given);
  }
  for (const link of file.links) if (link.kind !== 'veth') given.set(link.end, link.end.addresses ?? []);
  return given;
}

function placeOf({ at }: Segment, [first]: readonly Member[]): Place {
  return first !== undefined && 'node' in first ? first.node.at : at;
}

/** Of each family the net that somebody in it has; if nobody has any, new ones. */
function netsOf(
  segment: Segment,
  pool: readonly IpNet[] | null,
  cursors: Map<IpNet, bigint>,
  used: readonly IpNet[],
): readonly IpNet[] {
  const explicit = segment.members.flatMap(({ addresses }) => addresses ?? []);
  const families = ['inet', 'inet6'] as const;
  if (explicit.length > 0)
    return families.flatMap((family) => explicit.find(({ address }) => familyOf(address) === family) ?? []);
  if (pool === null) throw wrong(segment.at, 'no net of 10.0.0.0/8 is free for it', 'pool: 192.168.200.0/24');
  return families.flatMap((family) => {
    const from = pool.filter(({ address }) => familyOf(address) === family);
    if (from.length === 0) return [];
    const length = prefixLength(family, segment);
    const found = from.map((net) => nextNet(net, length, cursors, used)).find((net) => net !== undefined);
    if (found !== undefined) return [found];
    throw wrong(
      segment.at,
      `the pool ${from.map(netText).join(', ')} has no room for another net`,
      'pool: a larger one',
    );
  });
}

const PAIR_LENGTH = 30;
const BRIDGE_LENGTH = 24;
const IPV6_LENGTH = 64;

/** Of a bridge with room for those that come later. */
function prefixLength(family: Family, { hasBridge, members }: Segment): number {
  if (family === 'inet6') return IPV6_LENGTH;
  if (!hasBridge) return PAIR_LENGTH;
  return Math.min(BRIDGE_LENGTH, 31 - Math.floor(Math.log2(members.length + 2)));
}

function nextNet(pool: IpNet, length: number, cursors: Map<IpNet, bigint>, used: readonly IpNet[]): IpNet | undefined {
  const width = familyOf(pool.address) === 'inet' ? 32 : 128;
  const size = 1n << BigInt(width - length);
  const end = 1n << BigInt(width - pool.prefixLength);
  const start = cursors.get(pool) ?? 0n;
  for (let at = ((start + size - 1n) / size) * size; at + size <= end; at += size) {
    const net = { address: machineOf(pool, at), prefixLength: length };
    if (used.some((each) => overlap(each, net))) continue;
    cursors.set(pool, at + size);
    return net;
  }
  return undefined;
}

function assign(net: IpNet, segment: Segment, wanting: readonly Member[], given: Map<Member, readonly IpNet[]>): void {
  const used = new Set(segment.members.flatMap((member) => given.get(member) ?? []).map(({ address }) => address));
  let index = 0n;
  for (const member of wanting) {
    do index += 1n;
    while (used.has(machineOf(net, index)));
    const address = machineOf(net, index);
    if (!isMachineOf(net, address))
      throw wrong(placeOf(segment, [member]), `${netText(net)} has no room for all that are in it`, 'a larger net');
    given.set(member, [...(given.get(member) ?? []), { address, prefixLength: net.prefixLength }]);
  }
}

const FIRST_POOL = 64;
const POOLS = 192;

/** A net of 16 bits among 10.64.0.0 to 10.255.0.0 that is in nobody's way; by its name always the same, if it is free. */
export function freePool(name: string, taken: readonly IpNet[]): IpNet | undefined {
  let hash = 0;
  for (const byte of new TextEncoder().encode(name)) hash = (hash * 31 + byte) % POOLS;
  for (let step = 0; step < POOLS; step += 1) {
    const net = { address: `10.${FIRST_POOL + ((hash + step) % POOLS)}.0.0`, prefixLength: 16 };
    if (!taken.some((each) => overlap(each, net))) return net;
  }
  return undefined;
}
