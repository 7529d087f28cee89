// What the kernel's log has to say of one cgroup: its kills, those by limits above it, refused forks; also from before it
// was made, of an earlier one with its path.

import { GapTally } from '../../kernel/gap-tally.ts';
import { gap, value, valueOf, type Host, type Reading } from '../../kernel/host.ts';
import { isBelow, parseCgroupLog, timeOfRecord, type CgroupLog, type OomKill } from '../../kernel/text/kernel-log.ts';
import { parseUptime } from '../../kernel/text/uptime.ts';
import { isInitial } from '../../namespaces/initial.ts';
import { ownInode } from '../../namespaces/own.ts';

export interface LogView extends CgroupLog {
  /** When its oldest line was written; what was before is overwritten. null: nothing is missing, or it is empty. Unit: microseconds since boot. */
  readonly since: bigint | null;
  /** Now. null: not told. Unit: microseconds since boot. */
  readonly now: bigint | null;
}

/** null: it cannot be read, or names cgroups from a root that we do not see: a gap. */
export function readLog(host: Host, gaps: GapTally): LogView | null {
  const log = viewOf(host);
  if (log.ok) return log.value;
  gaps.add(
    'log of the kernel',
    log.gap,
    'kills that the counters of cgroups do not have, and their victims, are not seen',
  );
  return null;
}

function viewOf(host: Host): Reading<LogView> {
  const logged = host.kernelLog('cgroups');
  if (!logged.ok) return logged;
  const own = ownInode(host, 'cgroup');
  if (own !== undefined && isInitial(host, 'cgroup', own) === false) {
    return gap({
      reason: 'unsupported',
      what: "the log has the paths of the host's cgroup namespace, and ours is another",
    });
  }
  const { oldest, records } = logged.value;
  const path = '/proc/uptime';
  const uptime = host.readFile(path);
  return value({
    ...parseCgroupLog(records),
    since: oldest === null || /^\d+,0,/.test(oldest) ? null : (timeOfRecord(oldest) ?? null),
    now: uptime.ok ? (valueOf(parseUptime(uptime.value, path)) ?? null) : null,
  });
}

/** In this cgroup or below it; of the root in itself. null: all there are, also those of which it is not told. */
export function killsIn({ kills }: LogView, path: string | null): readonly OomKill[] {
  return path === null ? kills : kills.filter(({ victimIn }) => victimIn !== null && isIn(victimIn, path));
}

/** In everybody's root nobody asks for what is below it. */
export function isIn(where: string, path: string): boolean {
  return path === '/' ? where === '/' : isBelow(where, path);
}

/** Of others, by the limit of one above this one. */
export function killsBeside({ kills }: LogView, path: string): readonly OomKill[] {
  return kills.filter(
    ({ victimIn, limitOf }) =>
      victimIn !== null && limitOf !== null && limitOf !== '/' && isBelow(path, limitOf) && !isBelow(victimIn, path),
  );
}
