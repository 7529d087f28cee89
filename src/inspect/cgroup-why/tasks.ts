// The threads of a cgroup: how many want to run, and how long they waited for a processor. Source: proc_pid_stat(5),
// Documentation/scheduler/sched-stats.rst.

import type { Group } from '../../cgroups/groups.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { parseSchedstat, type SchedulerTimes } from '../../kernel/text/schedstat.ts';
import { parseStat } from '../../kernel/text/stat.ts';
import { decodeText, parseDecimal } from '../../kernel/text/text.ts';

export interface Tasks {
  /** Of those that were looked at. */
  readonly threads: number;
  /** Running, or ready to. */
  readonly runnable: number;
  /** Waiting for a disk or the like (D). */
  readonly blocked: number;
  /** By thread; without those of which it is not told. */
  readonly times: ReadonlyMap<number, ThreadTimes>;
  /** There are more threads than were looked at. */
  readonly cut: boolean;
}

interface ThreadTimes extends SchedulerTimes {
  /** Is it running, or ready to? */
  readonly isReady: boolean;
}

/** Two files each. */
const MOST_THREADS = 1000;

/** Those of the cgroup itself; of a process its own, where the cgroup is not reached. null: there are none. */
export function readTasks(host: Host, group: Group | undefined, pid: number | null): Tasks | null {
  const listed = group === undefined || group.path === '/' ? [] : pidsIn(group);
  const pids = listed.length > 0 ? listed : pid === null ? [] : [pid];
  const times = new Map<number, ThreadTimes>();
  const states: string[] = [];
  let cut = false;
  for (const each of pids) {
    const names = valueOf(host.readDirectory(`/proc/${each}/task`)) ?? [];
    for (const name of names) {
      const tid = parseDecimal(name);
      if (states.length >= MOST_THREADS) cut = true;
      if (tid === undefined || cut) continue;
      const folder = `/proc/${each}/task/${tid}`;
      const stat = host.readFile(`${folder}/stat`);
      const state = stat.ok ? valueOf(parseStat(stat.value, folder))?.state : undefined;
      if (state === undefined) continue;
      states.push(state);
      const bytes = host.readFile(`${folder}/schedstat`);
      const told = bytes.ok ? valueOf(parseSchedstat(bytes.value, folder)) : undefined;
      if (told !== undefined) times.set(tid, { ...told, isReady: state === 'R' });
    }
  }
  if (states.length === 0) return null;
  const count = (letter: string): number => states.filter((state) => state === letter).length;
  return { threads: states.length, runnable: count('R'), blocked: count('D'), times, cut };
}

/** As we number them: 0 is one that is not in our pid namespace. */
function pidsIn({ files, levels: [own] }: Group): readonly number[] {
  const bytes = valueOf(files.read(`${own.folder}/cgroup.procs`));
  const lines = bytes === undefined ? [] : decodeText(bytes).split('\n');
  return lines.flatMap((line) => parseDecimal(line) ?? []).filter((pid) => pid > 0);
}

/**
 * How long the threads that are in both looks waited in between. The kernel adds a wait when it is over: of one that was
 * ready at both looks and hardly ran, all the time that it did not run is one that goes on. Unit: nanoseconds.
 */
export function waitedBetween(before: Tasks, after: Tasks, interval: bigint): bigint {
  let sum = 0n;
  for (const [tid, times] of after.times) {
    const first = before.times.get(tid);
    // A thread may have got the number of another.
    if (first === undefined || times.ran < first.ran || times.waited < first.waited) continue;
    const [ran, waited] = [times.ran - first.ran, times.waited - first.waited];
    const goesOn = first.isReady && times.isReady && 2n * (ran + waited) < interval;
    sum += goesOn ? interval - ran : waited;
  }
  return sum;
}
