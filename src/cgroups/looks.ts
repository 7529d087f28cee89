// All cgroups again and again, with what happened in between. A look reads the counters of those that are known; which
// there are is found out anew only where something says that there are others.

import { GapTally, type CountedGap } from '../kernel/gap-tally.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import { parseCgroupCounts } from '../kernel/text/cgroup-counts.ts';
import { parseFlatKeyed } from '../kernel/text/flat-keyed.ts';
import { ratesOf, sampleGroup, type Rates, type ReadFile, type Sample, type Topic } from './sample.ts';
import { walkGroups, type Walk, type WalkedGroup } from './walk.ts';

export interface LookedGroup {
  readonly group: WalkedGroup;
  readonly sample: Sample;
  /** Since the look before. null: it was not there then, or was made anew. */
  readonly rates: Rates | null;
}

export interface Look {
  /** In the order of their paths. */
  readonly groups: readonly LookedGroup[];
  /** Were the cgroups found out anew? */
  readonly walked: boolean;
  readonly gaps: readonly CountedGap[];
}

export interface LooksOptions {
  readonly topics: readonly Topic[];
  /** Files that are kept open from one look to the next. */
  readonly files: {
    readonly read: ReadFile;
    /** Those in other directories are not read any more. */
    readonly keepOnly: (folders: ReadonlySet<string>) => void;
  };
  /** Unit: milliseconds. */
  readonly now: () => number;
}

/**
 * v1 tells the number of its cgroups together with removed ones that are still held, and of a named hierarchy nothing: a
 * new one may hide behind one that was let go. Unit: milliseconds.
 */
const LONGEST_WITHOUT_WALK = 10_000;

/** Finding out which there are takes at most this part of the time, however often they come and go. */
const WALKING = 1 / 50;

export class Looks {
  private readonly host: Host;
  private readonly options: LooksOptions;
  private walk: Walk = { hierarchies: [], groups: new Map() };
  private walkGaps: readonly CountedGap[] = [];
  private walkedAt = -Infinity;
  /** Unit: milliseconds. */
  private walkTook = 0;
  private counts: ReadonlyMap<string, number> = new Map();
  private before = new Map<string, Sample>();
  /** Have some come or gone since the walk? */
  private isStale = false;
  private isRenewed = false;

  constructor(host: Host, options: LooksOptions) {
    this.host = host;
    this.options = options;
  }

  /** A file that was read is another one now: its cgroup was removed, and perhaps made anew. */
  renewed(): void {
    this.isRenewed = true;
  }

  look(): Look {
    const walked = this.isWalkDue();
    if (walked) this.walkAnew();
    const gaps = new GapTally();
    const after = new Map<string, Sample>();
    const groups: LookedGroup[] = [];
    for (const group of this.walk.groups.values()) {
      const looked = this.lookAt(group, gaps);
      if (looked === undefined) continue;
      groups.push(looked);
      after.set(group.path, looked.sample);
    }
    this.before = after;
    return { groups, walked, gaps: [...this.walkGaps, ...gaps.list()] };
  }

  /** undefined: it is gone. */
  private lookAt(group: WalkedGroup, gaps: GapTally): LookedGroup | undefined {
    const { topics, files, now } = this.options;
    this.isRenewed = false;
    const sample = sampleGroup(group, topics, { gaps, now, readFile: (path) => files.read(path) });
    const before = this.before.get(group.path);
    if (before !== undefined && !isNothing(before) && isNothing(sample)) {
      this.isStale = true;
      return undefined;
    }
    if (this.isRenewed) this.isStale = true;
    const isSame = before !== undefined && !this.isRenewed;
    return { group, sample, rates: isSame ? ratesOf(before, sample) : null };
  }

  private isWalkDue(): boolean {
    const counts = this.counted();
    if ([...counts].some(([name, count]) => count > (this.counts.get(name) ?? 0))) this.isStale = true;
    this.counts = counts;
    const since = this.options.now() - this.walkedAt;
    return since * WALKING >= this.walkTook && (this.isStale || since >= LONGEST_WITHOUT_WALK);
  }

  private counted(): ReadonlyMap<string, number> {
    const { files } = this.options;
    const [file, known] = ['/proc/cgroups', new Map<string, number>()];
    const bytes = this.host.readFile(file);
    const v1 = bytes.ok ? valueOf(parseCgroupCounts(bytes.value, file)) : undefined;
    for (const [name, count] of v1 ?? []) known.set(name, count);
    for (const { folder, version } of this.walk.hierarchies) {
      if (version === 1) continue;
      const stat = files.read(`${folder}/cgroup.stat`);
      const count = stat.ok ? valueOf(parseFlatKeyed(stat.value, folder))?.get('nr_descendants') : undefined;
      if (count !== undefined) known.set(folder, Number(count));
    }
    return known;
  }

  private walkAnew(): void {
    const began = this.options.now();
    const gaps = new GapTally();
    this.walk = walkGroups(this.host, gaps);
    this.walkGaps = gaps.list();
    this.walkedAt = this.options.now();
    this.walkTook = this.walkedAt - began;
    this.isStale = false;
    const places = [...this.walk.groups.values()].flatMap((group) => group.places);
    this.options.files.keepOnly(new Set(places.map(({ folder }) => folder)));
    // Of a hierarchy that was not known the number is known only now.
    this.counts = this.counted();
  }
}

/** No file of it could be read: what is there is counted by some hierarchy. */
function isNothing({ tasks, cpu_usec, memory, processes }: Sample): boolean {
  return tasks === null && cpu_usec === null && memory === null && processes === null;
}
