// The rows of `cgroup ls --by`: a party each, looked at once or twice.

import type { Topic } from '../../cgroups/sample.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { GroupLook } from './group-rows.ts';
import {
  countGroups,
  partiesOf,
  trafficOf,
  useOf,
  type Counted,
  type Party,
  type ProcessUse,
  type Sort,
  type Traffic,
  type UseQuery,
} from './members-by.ts';

export interface PartyRow extends Party, Counted {
  /** Sums over its processes. null: of one it is not known. Units: seconds, bytes. */
  readonly cpu: number | null;
  readonly rss: number | null;
  readonly read: number | null;
  readonly written: number | null;
  /** Of a network namespace. */
  readonly traffic: Traffic | null;
  /** null: there was one look only. */
  readonly rates: PartyRates | null;
}

/** Of the processes that were there at both looks, or started in between. Units: processors, bytes a second, percent. */
export interface PartyRates {
  readonly cpu: number;
  readonly read: number | null;
  readonly written: number | null;
  readonly received: number | null;
  readonly sent: number | null;
  readonly throttled: number | null;
}

export interface PartyQuery {
  readonly sort: Sort;
  /** Of each process, beside its processor time. */
  readonly use: UseQuery;
  readonly traffic: boolean;
  readonly topics: ReadonlySet<Topic>;
  readonly now: () => number;
}

interface Moment {
  readonly at: number;
  readonly uses: ReadonlyMap<number, ProcessUse>;
  /** By the namespace's inode. */
  readonly traffic: ReadonlyMap<bigint | null, Traffic | null>;
  readonly counted: ReadonlyMap<string, Counted>;
}

export class PartyLook {
  readonly gaps: GapTally;
  private readonly host: Host;
  private readonly query: PartyQuery;
  private readonly groups: GroupLook;
  private parties: readonly Party[];
  private before: Moment | undefined;
  private moment: Moment;

  /** Errors: UNSUPPORTED, where no hierarchy is mounted. */
  constructor(host: Host, query: PartyQuery) {
    this.host = host;
    this.query = query;
    this.groups = new GroupLook(host, { topics: query.topics, owners: false, below: false, now: query.now });
    this.gaps = this.groups.gaps;
    this.parties = partiesOf(host, query.sort, this.gaps);
    this.moment = this.look();
  }

  again(): void {
    this.before = this.moment;
    this.groups.again();
    this.parties = partiesOf(this.host, this.query.sort, this.gaps);
    this.moment = this.look();
  }

  rows(): readonly PartyRow[] {
    const { moment, before } = this;
    return this.parties.flatMap((party): PartyRow[] => {
      const pids = party.pids.filter((pid) => moment.uses.has(pid));
      if (pids.length === 0) return [];
      const uses = pids.flatMap((pid) => moment.uses.get(pid) ?? []);
      const counted = moment.counted.get(keyOf(party)) ?? NOTHING;
      return [
        {
          ...party,
          ...counted,
          pids,
          cpu: total(uses, ({ cpu }) => cpu),
          rss: total(uses, ({ rss }) => rss),
          read: total(uses, ({ read }) => read),
          written: total(uses, ({ written }) => written),
          traffic: moment.traffic.get(party.ns) ?? null,
          rates: before === undefined ? null : this.ratesOf(party, pids, before),
        },
      ];
    });
  }

  private look(): Moment {
    const { host, query, gaps, parties, groups } = this;
    const at = query.now();
    const uses = new Map<number, ProcessUse>();
    for (const { pids } of parties) {
      for (const pid of pids) {
        const use = useOf(host, pid, query.use, gaps);
        if (use !== undefined) uses.set(pid, use);
      }
    }
    const traffic = query.traffic ? parties.map(({ ns, pids }) => [ns, trafficOf(host, pids, gaps)] as const) : [];
    const counts = query.topics.size === 0 ? [] : countGroups(groups.groups(), groups.samples, parties, gaps);
    const counted = counts.map((each, index) => [keyOf(parties[index]), each] as const);
    return { at, uses, traffic: new Map(traffic), counted: new Map(counted) };
  }

  private ratesOf(party: Party, pids: readonly number[], before: Moment): PartyRates {
    const { moment } = this;
    const seconds = Math.max((moment.at - before.at) / 1000, 1e-3);
    const grown = (of: (use: ProcessUse) => number | null): number | null => {
      const growths = pids.map((pid) => {
        const [first, last] = [before.uses.get(pid), moment.uses.get(pid)];
        const now = last === undefined ? null : of(last);
        // One that started meanwhile, or took the number of one that ended, has done all of it since.
        const then = first === undefined || first.startTicks !== last?.startTicks ? 0 : of(first);
        return now === null || then === null ? null : Math.max(now - then, 0);
      });
      return total(growths, (growth) => growth);
    };
    const perSecond = (growth: number | null): number | null => (growth === null ? null : growth / seconds);
    const carried = (key: keyof Traffic): number | null => {
      const [first, last] = [before.traffic.get(party.ns)?.[key], moment.traffic.get(party.ns)?.[key]];
      return first === undefined || last === undefined || last < first ? null : (last - first) / seconds;
    };
    const [then, now] = [before.counted.get(keyOf(party)), moment.counted.get(keyOf(party))];
    const periods = (now?.periods ?? 0) - (then?.periods ?? 0);
    const throttled = (now?.throttled ?? 0) - (then?.throttled ?? 0);
    return {
      cpu: perSecond(grown(({ cpu }) => cpu)) ?? 0,
      read: perSecond(grown(({ read }) => read)),
      written: perSecond(grown(({ written }) => written)),
      received: carried('received'),
      sent: carried('sent'),
      throttled: then === undefined || periods <= 0 || throttled < 0 ? null : (100 * throttled) / periods,
    };
  }
}

const NOTHING: Counted = { mem: null, shared: 0, periods: null, throttled: null, oom_kills: null };

function keyOf(party: Party | undefined): string {
  return `${party?.ns ?? ''} ${party?.name ?? ''}`;
}

/** null where one of them is unknown: part of a sum would look like all of it. */
function total<T>(of: readonly T[], read: (each: T) => number | null): number | null {
  let sum = 0;
  for (const each of of) {
    const amount = read(each);
    if (amount === null) return null;
    sum += amount;
  }
  return sum;
}
