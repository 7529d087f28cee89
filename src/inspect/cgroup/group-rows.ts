// The rows of a listing of all cgroups: only what was asked for is read, and of rates twice.

import { readProcessTable, type ProcessTable } from '../../cgroups/processes.ts';
import { ratesOf, sampleGroup, type Rates, type Sample, type Topic } from '../../cgroups/sample.ts';
import { walkGroups, type Hierarchy, type Place, type Walk, type WalkedGroup } from '../../cgroups/walk.ts';
import { NsError } from '../../kernel/error.ts';
import { GapTally, type CountedGap } from '../../kernel/gap-tally.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { kept } from '../../kernel/memo.ts';
import { ownersOf } from './group-owners.ts';

export interface GroupRow {
  readonly group: WalkedGroup;
  /** With two looks the later one. */
  readonly sample: Sample;
  /** null: there was one look only, or the group was not there at both. */
  readonly rates: Rates | null;
  /** Container, pod or unit, in a form that is a target. null: none, or not asked for. */
  readonly owner: string | null;
  /** Processes in it and in all below. null: those of one are unknown, or not asked for. */
  readonly below: number | null;
}

export interface GroupQuery {
  readonly topics: ReadonlySet<Topic>;
  readonly owners: boolean;
  /** Count the processes below, in each hierarchy. */
  readonly below: boolean;
  /** Unit: milliseconds, of a clock that only goes forward. */
  readonly now: () => number;
  /** Only cgroups of this hierarchy, and the processes there. Absent: all. */
  readonly choose?: (walk: Walk) => Hierarchy;
}

/** All cgroups, looked at once or twice. */
export class GroupLook {
  readonly gaps: GapTally = new GapTally();
  walk: Walk;
  processes: () => ProcessTable;
  /** The one that was chosen. */
  hierarchy: Hierarchy | undefined;
  private readonly host: Host;
  private readonly query: GroupQuery;
  private before: ReadonlyMap<string, Sample> | undefined;
  /** By path. */
  samples: ReadonlyMap<string, Sample>;

  /** Errors: UNSUPPORTED, where no hierarchy is mounted. */
  constructor(host: Host, query: GroupQuery) {
    this.host = host;
    this.query = query;
    this.walk = walkGroups(host, this.gaps);
    if (this.walk.hierarchies.length === 0) throw notMounted(this.gaps.list());
    this.hierarchy = query.choose?.(this.walk);
    this.processes = kept(() => readProcessTable(host, this.gaps));
    this.samples = this.sampled();
  }

  /** The second look: rates are of what happened since the first. */
  again(): void {
    this.before = this.samples;
    this.walk = walkGroups(this.host, this.gaps);
    this.hierarchy = this.query.choose?.(this.walk);
    this.processes = kept(() => readProcessTable(this.host, this.gaps));
    this.samples = this.sampled();
  }

  /** In the order of paths. Those that were gone when they were looked at are left out. */
  rows(): readonly GroupRow[] {
    const { query } = this;
    const groups = this.groups();
    const below = query.below ? this.countBelow(groups) : undefined;
    if (query.below) this.tellUnlisted();
    const owners = query.owners ? ownersOf(this.host, groups, this.processes, this.gaps) : undefined;
    return groups.flatMap((group): GroupRow[] => {
      const sample = this.samples.get(group.path);
      if (sample === undefined || this.isGone(group, sample)) return [];
      const before = this.before?.get(group.path);
      return [
        {
          group,
          sample,
          rates: before === undefined ? null : ratesOf(before, sample),
          owner: owners?.get(group.path) ?? null,
          below: below?.get(group.path) ?? null,
        },
      ];
    });
  }

  /** Those of the chosen hierarchy, with their place in it first. */
  groups(): readonly WalkedGroup[] {
    const { hierarchy, walk } = this;
    const all = [...walk.groups.values()];
    if (hierarchy === undefined) return all;
    return all.flatMap(({ path, places }): WalkedGroup[] => {
      const own = places.find((place) => place.hierarchy === hierarchy);
      const others = places.filter((place) => place !== own);
      return own === undefined ? [] : [{ path, places: [own, ...others] }];
    });
  }

  private sampled(): ReadonlyMap<string, Sample> {
    const { query, gaps, hierarchy } = this;
    const { topics, now } = query;
    // Of each hierarchy a file would tell; the processes tell of all at once.
    const mayHaveProcesses = (place: Place): boolean =>
      hierarchy === undefined && (query.below || isAbove(place) || this.processes().in(place).length > 0);
    const samples = new Map<string, Sample>();
    for (const group of this.groups()) {
      samples.set(group.path, sampleGroup(group, topics, { gaps, now, mayHaveProcesses }));
    }
    return samples;
  }

  /** Does it tell nothing because it is no longer there? */
  private isGone({ places: [first] }: WalkedGroup, sample: Sample): boolean {
    // Most tell one of these.
    if (sample.processes !== null || sample.memory !== null) return false;
    const { at: _at, ...figures } = sample;
    if (!Object.values(figures).every((figure) => figure === null)) return false;
    const status = first.files.status(first.folder);
    return !status.ok && status.gap.reason === 'gone';
  }

  /** null where one of them is unknown. */
  private countBelow(groups: readonly WalkedGroup[]): ReadonlyMap<string, number | null> {
    const counts = new Map<string, number | null>();
    // What is below a cgroup comes after it.
    for (const { path } of groups.toReversed()) {
      const own = this.samples.get(path)?.processes ?? null;
      const inside = counts.get(path);
      const sum = own === null || inside === null ? null : own + (inside ?? 0);
      counts.set(path, sum);
      const above = path === '/' ? undefined : path.slice(0, path.lastIndexOf('/')) || '/';
      if (above === undefined) continue;
      const so = counts.get(above);
      counts.set(above, sum === null || so === null ? null : (so ?? 0) + sum);
    }
    return counts;
  }

  /** v1 lists only processes of our own pid namespace: from within one, cgroups of others look empty. */
  private tellUnlisted(): void {
    const ours = valueOf(this.host.readLink('/proc/self/ns/pid'));
    if (ours === undefined || ours === INITIAL_PID_NAMESPACE) return;
    // In the root of a v1 hierarchy only: a cgroup namespace of our own shows what is below us.
    const isWhole = ({ version, folder }: { readonly version: 1 | 2; readonly folder: string }): boolean =>
      version === 1 && this.host.readFile(`${folder}/cgroup.sane_behavior`).ok;
    if (!this.walk.hierarchies.some(isWhole)) return;
    this.gaps.addUncounted({
      subject: 'process',
      reason: 'unsupported',
      errno: null,
      count: null,
      examples: [],
      detail: 'cgroup v1 does not list those outside of our pid namespace',
    });
  }
}

/** Above the root of our cgroup namespace the processes do not tell the same path as the mount. */
function isAbove({ path }: Place): boolean {
  return path.startsWith('/..');
}

/** Source: include/linux/proc_ns.h, PROC_PID_INIT_INO. */
const INITIAL_PID_NAMESPACE = 'pid:[4026531836]';

export function notMounted(gaps: readonly CountedGap[]): NsError {
  if (gaps.some(({ reason }) => reason === 'unrecorded')) {
    return new NsError('UNSUPPORTED', {
      what: 'this recorded host was not asked for all of its cgroups',
      why: 'an older nstool recorded it',
      tryThis: 'nstool capture -o FILE',
      gaps,
    });
  }
  return new NsError('UNSUPPORTED', {
    what: 'no hierarchy of cgroups can be seen here',
    why: 'no cgroup and no cgroup2 file system is mounted where we look',
    tryThis: 'mount -t cgroup2 none /sys/fs/cgroup',
    gaps,
  });
}
