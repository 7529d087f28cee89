// The processes of each namespace, or of each container, and what they use together. Memory of a cgroup cannot be split
// among namespaces: what cgroups count is told of those only that have processes of one alone.

import { listedProcesses } from '../../cgroups/processes.ts';
import type { Sample } from '../../cgroups/sample.ts';
import type { Place, WalkedGroup } from '../../cgroups/walk.ts';
import { displayName } from '../../containers/display-name.ts';
import { IdentityResolver } from '../../containers/identify.ts';
import { containerKey } from '../../containers/identity.ts';
import { USER_HZ } from '../../kernel/abi/process.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';
import { valueOf, type Host, type Reading } from '../../kernel/host.ts';
import { statOf } from '../../kernel/process-stat.ts';
import { parseNetDev } from '../../kernel/text/net-dev.ts';
import { parseProcessIo } from '../../kernel/text/process-io.ts';
import { parseStatus } from '../../kernel/text/status.ts';
import { parseDecimal } from '../../kernel/text/text.ts';
import { discoverNamespaces } from '../../namespaces/discover/discover.ts';
import { Naming } from '../../namespaces/naming.ts';

export const sorts = ['net', 'pid', 'user', 'container'] as const;

export type Sort = (typeof sorts)[number];

/** Processes that belong together. */
export interface Party {
  /** Of a namespace. null: of a container. */
  readonly ns: bigint | null;
  /** In a form that is a target. null: it has none; of containers, what is in none. */
  readonly name: string | null;
  readonly pids: readonly number[];
}

export function partiesOf(host: Host, sort: Sort, gaps: GapTally): readonly Party[] {
  return sort === 'container' ? containers(host, gaps) : namespaces(host, sort, gaps);
}

function namespaces(host: Host, kind: Exclude<Sort, 'container'>, gaps: GapTally): readonly Party[] {
  const scan = discoverNamespaces(host, new Set([kind]));
  for (const gap of scan.gaps.list()) gaps.addUncounted(gap);
  const naming = new Naming(host);
  return [...scan.namespaces.values()]
    .filter(({ pids }) => pids.length > 0)
    .toSorted((a, b) => (a.inode < b.inode ? -1 : 1))
    .map((namespace) => {
      const { inode, pids } = namespace;
      return { ns: inode, name: naming.nameOf(namespace, Math.min(...pids)), pids };
    });
}

function containers(host: Host, gaps: GapTally): readonly Party[] {
  const resolver = new IdentityResolver(host);
  const found = new Map<string, { name: string | null; pids: number[] }>();
  for (const entry of valueOf(host.readDirectory('/proc')) ?? []) {
    const pid = parseDecimal(entry);
    if (pid === undefined) continue;
    const identity = resolver.identify(pid);
    if (!identity.ok) {
      gaps.add('process', identity.gap);
      continue;
    }
    const isInside = identity.value.role === 'payload';
    const key = isInside ? containerKey(identity.value) : '';
    const party = found.get(key) ?? { name: isInside ? displayName(identity.value) : null, pids: [] };
    party.pids.push(pid);
    found.set(key, party);
  }
  return [...found.values()]
    .map(({ name, pids }) => ({ ns: null, name, pids: pids.toSorted((a, b) => a - b) }))
    .toSorted((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1));
}

/** What a process used at one moment. null: closed to us. */
export interface ProcessUse {
  readonly startTicks: bigint;
  /** Unit: seconds. */
  readonly cpu: number;
  /** Unit: bytes. */
  readonly rss: number | null;
  readonly read: number | null;
  readonly written: number | null;
}

export interface UseQuery {
  readonly rss: boolean;
  readonly io: boolean;
}

const KIB = 1024;

/** undefined: it is gone, or has ended. */
export function useOf(host: Host, pid: number, query: UseQuery, gaps: GapTally): ProcessUse | undefined {
  const stat = statOf(host, pid);
  if (!stat.ok || stat.value.state === 'Z' || stat.value.state === 'X') {
    if (!stat.ok && stat.gap.reason !== 'gone') gaps.add('process', stat.gap);
    return undefined;
  }
  const { startTicks, userTicks, systemTicks } = stat.value;
  const status = query.rss ? read(host, `/proc/${pid}/status`, parseStatus, gaps) : null;
  const io = query.io ? read(host, `/proc/${pid}/io`, parseProcessIo, gaps) : null;
  return {
    startTicks,
    cpu: (userTicks + systemTicks) / USER_HZ,
    rss: status === null ? null : status.residentKib * KIB,
    read: io === null ? null : Number(io.readBytes),
    written: io === null ? null : Number(io.writtenBytes),
  };
}

function read<T>(
  host: Host,
  path: string,
  parse: (bytes: Uint8Array, file: string) => Reading<T>,
  gaps: GapTally,
): T | null {
  const bytes = host.readFile(path);
  const parsed = bytes.ok ? parse(bytes.value, path) : bytes;
  if (parsed.ok) return parsed.value;
  gaps.add('figure of a process', parsed.gap);
  return null;
}

/** What the interfaces of a network namespace carried, but for the loopback. Unit: bytes. */
export interface Traffic {
  readonly received: number;
  readonly sent: number;
}

/** By the file of whichever process is still there. null: none is, or it is closed to us. */
export function trafficOf(host: Host, pids: readonly number[], gaps: GapTally): Traffic | null {
  for (const pid of pids) {
    const path = `/proc/${pid}/net/dev`;
    const bytes = host.readFile(path);
    const parsed = bytes.ok ? parseNetDev(bytes.value, path) : bytes;
    if (!parsed.ok && (parsed.gap.reason === 'gone' || parsed.gap.errno === 'EINVAL')) continue;
    if (!parsed.ok) {
      gaps.add('traffic of a network namespace', parsed.gap);
      return null;
    }
    const others = parsed.value.filter(({ name }) => name !== 'lo');
    return {
      received: others.reduce((sum, { received }) => sum + Number(received), 0),
      sent: others.reduce((sum, { sent }) => sum + Number(sent), 0),
    };
  }
  return null;
}

/** What cgroups count of one party alone. */
export interface Counted {
  /** Of cgroups that have, with all below, processes of it alone. Unit: bytes. null: there are none. */
  readonly mem: number | null;
  /** Processes of it in cgroups that have others, too: their memory is not in `mem`. */
  readonly shared: number;
  /** Of the quotas of its own cgroups. */
  readonly periods: number | null;
  readonly throttled: number | null;
  readonly oom_kills: number | null;
}

interface Sums {
  mem: number | null;
  shared: number;
  periods: number | null;
  throttled: number | null;
  oom_kills: number | null;
}

const MIXED = 'mixed';

/** The position of the party. */
type Whose = number | typeof MIXED;

/** By the position of the party. */
export function countGroups(
  groups: readonly WalkedGroup[],
  samples: ReadonlyMap<string, Sample>,
  parties: readonly Party[],
  gaps: GapTally,
): readonly Counted[] {
  const partyOf = new Map(parties.flatMap(({ pids }, index) => pids.map((pid): [number, number] => [pid, index])));
  const sums = parties.map((): Sums => ({ mem: null, shared: 0, periods: null, throttled: null, oom_kills: null }));
  const add = (index: number, key: Exclude<keyof Sums, 'shared'>, amount: number | null): void => {
    const of = sums[index];
    if (of !== undefined && amount !== null) of[key] = (of[key] ?? 0) + amount;
  };
  eachOwned(groups, 'memory', partyOf, gaps, ({ place, pids, whose, above }) => {
    if (whose === MIXED) {
      for (const pid of pids) {
        const of = sums[partyOf.get(pid) ?? -1];
        if (of !== undefined) of.shared += 1;
      }
      return;
    }
    const sample = samples.get(place.path);
    // The root's figure is that of the whole machine.
    const isUppermost = above !== whose || place.parent?.parent === null;
    if (place.parent !== null && isUppermost) add(whose, 'mem', sample?.memory ?? null);
    add(whose, 'oom_kills', sample?.oom_kills ?? null);
  });
  eachOwned(groups, 'cpu', partyOf, gaps, ({ place, whose }) => {
    if (whose === MIXED) return;
    const sample = samples.get(place.path);
    add(whose, 'periods', sample?.periods ?? null);
    add(whose, 'throttled', sample?.throttled ?? null);
  });
  return sums;
}

interface Owned {
  readonly place: Place;
  /** Its own processes. */
  readonly pids: readonly number[];
  readonly whose: Whose;
  /** Whose those of the cgroup above are. Absent: of what we see it is the top. */
  readonly above: Whose | undefined;
}

/** Each cgroup of the controller's hierarchy that has processes, or that one below it has, and whose these are. */
function eachOwned(
  groups: readonly WalkedGroup[],
  controller: string,
  partyOf: ReadonlyMap<number, number>,
  gaps: GapTally,
  visit: (owned: Owned) => void,
): void {
  const places = groups.flatMap((group) => group.places.filter(({ controllers }) => controllers.includes(controller)));
  const owner = new Map<Place, Whose>();
  const members = new Map<Place, readonly number[]>();
  const note = (place: Place, whose: Whose): void => {
    const before = owner.get(place);
    owner.set(place, before === undefined || before === whose ? whose : MIXED);
  };
  // What is below a cgroup comes after it.
  for (const place of places.toReversed()) {
    const pids = listedProcesses(place, gaps);
    members.set(place, pids);
    for (const pid of pids) note(place, partyOf.get(pid) ?? MIXED);
    const whose = owner.get(place);
    if (whose !== undefined && place.parent !== null) note(place.parent, whose);
  }
  for (const place of places) {
    const whose = owner.get(place);
    const above = place.parent === null ? undefined : owner.get(place.parent);
    if (whose !== undefined) visit({ place, pids: members.get(place) ?? [], whose, above });
  }
}
