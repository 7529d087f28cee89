// What changes in the cgroups of some processes from one look to the next. The kernel tells nobody of it, so they are read
// again; what came and went in between is seen by its counters alone.

import { hierarchyName } from '../../cgroups/location.ts';
import { GapTally } from '../../kernel/gap-tally.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { parseCgroup } from '../../kernel/text/cgroup.ts';
import { startTicksOf } from '../start-ticks.ts';
import { CgroupCellReader, type CgroupCells, type CgroupKey } from './cgroup-cells.ts';

export interface CgroupChange {
  /**
   * moved: it is in another cgroup. limit: another one holds. killed: processes in its cgroup were, for want of memory.
   * ended: it is no more.
   */
  readonly type: 'moved' | 'limit' | 'killed' | 'frozen' | 'thawed' | 'ended';
  readonly pid: number;
  /** The hierarchy (moved), the limit. null: of the others. */
  readonly name: string | null;
  /** Paths, limits (Infinity: none), or how many were killed since the cgroup was made. null: of the others. */
  readonly from: string | number | null;
  readonly to: string | number | null;
  /** The cgroup that sets the new limit. null: none, unknown, or no limit is spoken of. */
  readonly by: string | null;
}

const LIMITS = [
  ['mem_limit', 'mem_limit_by'],
  ['cpu_limit', 'cpu_limit_by'],
  ['pids_limit', 'pids_limit_by'],
] as const;

const KEYS: ReadonlySet<CgroupKey> = new Set([...LIMITS.flat(), 'oom_kills', 'frozen']);

/** What was known of a process. */
interface Seen {
  readonly startTicks: bigint | null;
  /** By hierarchy. */
  readonly paths: ReadonlyMap<string, string>;
  readonly cells: CgroupCells;
}

export class CgroupWatch {
  /** Of the first look: what is closed stays so. */
  readonly gaps: GapTally = new GapTally();
  private readonly host: Host;
  private readonly seen = new Map<number, Seen>();

  constructor(host: Host, pids: readonly number[]) {
    this.host = host;
    const reader = new CgroupCellReader(host, KEYS, this.gaps);
    for (const pid of pids) {
      const first = this.lookAt(pid, reader);
      if (first !== undefined) this.seen.set(pid, first);
    }
  }

  look(): readonly CgroupChange[] {
    const reader = new CgroupCellReader(this.host, KEYS, new GapTally());
    return [...this.seen].flatMap(([pid, before]) => {
      const now = this.lookAt(pid, reader);
      if (now === undefined || now.startTicks !== before.startTicks) {
        this.seen.delete(pid);
        return [change(pid, 'ended')];
      }
      const cells = remembered(before.cells, now.cells);
      this.seen.set(pid, { ...now, cells });
      return changesOf(pid, before, { ...now, cells });
    });
  }

  /** undefined: it has ended. */
  private lookAt(pid: number, reader: CgroupCellReader): Seen | undefined {
    const path = `/proc/${pid}/cgroup`;
    const bytes = valueOf(this.host.readFile(path));
    const memberships = bytes === undefined ? undefined : valueOf(parseCgroup(bytes, path));
    if (memberships === undefined) return undefined;
    const paths = new Map(memberships.map((each) => [hierarchyName(each), each.path]));
    return { startTicks: startTicksOf(this.host, pid), paths, cells: reader.cells(pid) };
  }
}

/** What could not be read this time is as it was. */
function remembered(before: CgroupCells, now: CgroupCells): CgroupCells {
  const known = Object.entries(now).filter(([key, cell]) => cell !== null || key.endsWith('_by'));
  return { ...before, ...Object.fromEntries(known) };
}

function change(pid: number, type: CgroupChange['type'], more: Partial<CgroupChange> = {}): CgroupChange {
  return { type, pid, name: null, from: null, to: null, by: null, ...more };
}

function changesOf(pid: number, before: Seen, now: Seen): readonly CgroupChange[] {
  const moved = [...now.paths].flatMap(([name, to]) => {
    const from = before.paths.get(name) ?? null;
    return from === to ? [] : [change(pid, 'moved', { name, from, to })];
  });
  const limits = LIMITS.flatMap(([name, byKey]) => {
    const [from, to, by] = [before.cells[name], now.cells[name], now.cells[byKey]];
    return from === null || from === to ? [] : [change(pid, 'limit', { name, from, to, by })];
  });
  return [...moved, ...limits, ...killed(pid, before, now, moved.length > 0), ...frozen(pid, before, now)];
}

/** Another cgroup has a count of its own, and one of that name that was made anew begins again. */
function killed(pid: number, before: Seen, now: Seen, moved: boolean): readonly CgroupChange[] {
  const [from, to] = [before.cells.oom_kills, now.cells.oom_kills];
  return moved || from === null || to === null || to <= from ? [] : [change(pid, 'killed', { from, to })];
}

function frozen(pid: number, before: Seen, now: Seen): readonly CgroupChange[] {
  const [from, to] = [before.cells.frozen, now.cells.frozen];
  return from === null || from === to ? [] : [change(pid, to === 'yes' ? 'frozen' : 'thawed')];
}
