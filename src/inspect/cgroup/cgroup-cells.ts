// What the cgroups of a process say, a cell each: of many processes, and only what is asked for.

import { readThrottling } from '../../cgroups/cpu.ts';
import { countOomKills } from '../../cgroups/events.ts';
import { readFreeze } from '../../cgroups/frozen.ts';
import { controlledBy, findGroups, type Groups } from '../../cgroups/groups.ts';
import { askedOnce } from '../../cgroups/asked-once.ts';
import { hidingGap, holdingLimit, type HoldingLimit } from '../../cgroups/holding-limit.ts';
import { GapTally } from '../../kernel/gap-tally.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { parseCgroup } from '../../kernel/text/cgroup.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { parseMountinfo, type Mount } from '../../kernel/text/mountinfo.ts';

/** null: unknown, not asked for, or nothing counts it there, as in the root of v2. */
export interface CgroupCells {
  /** Memory that it uses, with all below it. Unit: bytes. */
  readonly cgroup_mem: number | null;
  /** The smallest up to the root. Infinity: there is none. Unit: bytes. */
  readonly mem_limit: number | null;
  /** The path of the nearest cgroup that sets it. */
  readonly mem_limit_by: string | null;
  /** Of quota and period. Infinity: there is none. Unit: cores. */
  readonly cpu_limit: number | null;
  readonly cpu_limit_by: string | null;
  /** Processes and threads in it, with all below it. */
  readonly cgroup_tasks: number | null;
  readonly pids_limit: number | null;
  readonly pids_limit_by: string | null;
  /** Held back by its own quota or one above it, whichever did most, since that cgroup was made. Unit: microseconds. */
  readonly throttled_usec: number | null;
  /** Processes that were killed for want of memory: with v1 in it, with v2 with all below it. Since: Linux 4.13. */
  readonly oom_kills: number | null;
  readonly frozen: 'yes' | 'no' | null;
}

export type CgroupKey = keyof CgroupCells;

const NOTHING: CgroupCells = {
  cgroup_mem: null,
  mem_limit: null,
  mem_limit_by: null,
  cpu_limit: null,
  cpu_limit_by: null,
  cgroup_tasks: null,
  pids_limit: null,
  pids_limit_by: null,
  throttled_usec: null,
  oom_kills: null,
  frozen: null,
};

/** Processes in the same cgroups are read once. */
export class CgroupCellReader {
  private readonly host: Host;
  private readonly mounts: readonly Mount[];
  private readonly keys: ReadonlySet<CgroupKey>;
  private readonly gaps: GapTally;
  private readonly known = new Map<string, CgroupCells>();

  constructor(host: Host, keys: ReadonlySet<CgroupKey>, gaps: GapTally) {
    this.host = askedOnce(host);
    this.keys = keys;
    this.gaps = gaps;
    const path = '/proc/self/mountinfo';
    const bytes = valueOf(host.readFile(path));
    this.mounts = (bytes === undefined ? undefined : valueOf(parseMountinfo(bytes, path))) ?? [];
  }

  /** null: the row has no process. */
  cells(pid: number | null): CgroupCells {
    const path = `/proc/${pid}/cgroup`;
    const bytes = pid === null ? undefined : this.host.readFile(path);
    if (bytes === undefined || pid === null) return NOTHING;
    const memberships = bytes.ok ? parseCgroup(bytes.value, path) : bytes;
    if (!memberships.ok) {
      this.gaps.add('fact', memberships.gap);
      return NOTHING;
    }
    const text = bytes.ok ? decodeText(bytes.value) : '';
    const known = this.known.get(text);
    if (known !== undefined) return known;
    const groups = findGroups(this.host, pid, memberships.value, this.mounts);
    const found = { ...NOTHING, ...this.read(groups) };
    // By mounts of its own another process may see another cgroup under that name.
    const isOurs = groups.unreached.length === 0 && groups.reached.every(({ files }) => files.through === null);
    if (isOurs) this.known.set(text, found);
    return found;
  }

  private read(groups: Groups): Partial<CgroupCells> {
    const found: { -readonly [Key in CgroupKey]?: CgroupCells[Key] } = {};
    const { keys } = this;
    if (keys.has('cgroup_mem') || keys.has('mem_limit') || keys.has('mem_limit_by')) {
      const limit = this.limit(groups, 'memory_max');
      found.cgroup_mem = numberOf(limit.usage);
      [found.mem_limit, found.mem_limit_by] = boundOf(limit);
    }
    if (keys.has('cpu_limit') || keys.has('cpu_limit_by')) {
      [found.cpu_limit, found.cpu_limit_by] = boundOf(this.limit(groups, 'cpu_max'));
    }
    if (keys.has('cgroup_tasks') || keys.has('pids_limit') || keys.has('pids_limit_by')) {
      const limit = this.limit(groups, 'pids_max');
      found.cgroup_tasks = numberOf(limit.usage);
      [found.pids_limit, found.pids_limit_by] = boundOf(limit);
    }
    if (keys.has('throttled_usec')) found.throttled_usec = this.throttled(groups);
    if (keys.has('oom_kills')) found.oom_kills = this.oomKills(groups);
    if (keys.has('frozen')) found.frozen = this.frozen(groups);
    return found;
  }

  private limit(groups: Groups, key: string): HoldingLimit {
    const limit = holdingLimit(groups, key);
    if (limit.gap !== null) this.gaps.add('limit of a cgroup', limit.gap);
    return limit;
  }

  private throttled(groups: Groups): number | null {
    if (this.isHidden(groups, 'cpu')) return null;
    const gaps = new GapTally();
    const all = readThrottling(groups, gaps);
    // What was not read may be the most.
    for (const gap of gaps.list()) this.gaps.addUncounted(gap);
    const isRead = controlledBy(groups, 'cpu') !== undefined && gaps.list().length === 0;
    return isRead ? Math.max(0, ...all.map(({ throttled_usec: usec }) => Number(usec ?? 0n))) : null;
  }

  private oomKills(groups: Groups): number | null {
    if (this.isHidden(groups, 'memory')) return null;
    return numberOf(countOomKills(groups, this.gaps));
  }

  private frozen(groups: Groups): 'yes' | 'no' | null {
    if (this.isHidden(groups, 'freezer')) return null;
    const state = readFreeze(groups, this.gaps)?.state ?? null;
    return state === null ? null : state === 'thawed' ? 'no' : 'yes';
  }

  /** May a cgroup that is not reached be the one that the controller acts on? */
  private isHidden(groups: Groups, controller: string): boolean {
    const gap = hidingGap(groups, controller);
    if (gap !== null) this.gaps.add('cgroup', gap);
    return gap !== null;
  }
}

function boundOf({ effective, by }: HoldingLimit): [number | null, string | null] {
  if (effective === null) return [null, null];
  return [effective === 'max' ? Infinity : Number(effective), by];
}

function numberOf(amount: bigint | null): number | null {
  return amount == null ? null : Number(amount);
}
