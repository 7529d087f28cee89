// From the limits that were wished to what is written into which file, in which order, with the old value and the reason.
// Source: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/, kernel/sched/core.c, mm/memcontrol-v1.c, cpuset(7).

import type { CgroupWrite } from '../kernel/cgroup-plan.ts';
import type { Gap, Host } from '../kernel/host.ts';
import { blockDevice } from './block-device.ts';
import { drafts, type Draft, type LimitProblem, type PlannedLimit } from './limit-drafts.ts';
import { restoringText } from './limit-files.ts';
import type { FindPlace, LimitPlace } from './limit-place.ts';
import type { Wish } from './wish.ts';

export interface LimitWrite extends CgroupWrite {
  readonly version: 1 | 2;
  readonly controller: string;
  /** Of the cgroup, as in /proc/PID/cgroup. */
  readonly path: string;
}

export interface LimitPlan {
  readonly limits: readonly PlannedLimit[];
  /** In their order. `limit` is the index of theirs. */
  readonly writes: readonly LimitWrite[];
}

/** Errors: of the devices, as of blockDevice. */
export function planLimits(host: Host, wish: Wish, find: FindPlace): LimitPlan {
  const limits: PlannedLimit[] = [];
  const writes: LimitWrite[] = [];
  const devices = (wish.io ?? []).map(({ device, rates }) => ({ device: blockDevice(host, device), rates }));
  for (const draft of drafts(wish, devices, find)) add(draft, limits, writes);
  return { limits, writes };
}

function add({ steps, ...limit }: Draft, limits: PlannedLimit[], writes: LimitWrite[]): void {
  const { place } = limit;
  const index = limits.length;
  const made: LimitWrite[] = [];
  for (const { file, text, reason } of steps) {
    if (place === null) break;
    const { version, path, at } = place;
    const previous = restoringText(place, file, limit.device?.number ?? null);
    if (!previous.ok) {
      limits.push({ ...limit, problem: problemOf(place, file, previous.gap) });
      return;
    }
    const controller = file.slice(0, file.indexOf('.'));
    // Of a file that is written twice the first text is what the second finds.
    const found = made.findLast((write) => write.file === file)?.text ?? previous.value;
    made.push({ version, controller, path, place: at, file, text, previous: found, reason, limit: index });
  }
  writes.push(...made);
  limits.push({ ...limit });
}

function problemOf({ path }: LimitPlace, file: string, gap: Gap): LimitProblem {
  if (gap.reason === 'gone') return { state: 'unknown', why: `${path} has no ${file}: this kernel does not know it` };
  return { state: 'refused', why: `${file} of ${path} cannot be read (${gap.errno ?? gap.reason})`, gap };
}
