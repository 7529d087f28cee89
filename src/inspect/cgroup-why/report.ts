// Why something in a cgroup is slow, stuck or was killed: two looks at its levels, what the kernel's log has, and the
// verdicts on that.

import { findGroups, type Groups } from '../../cgroups/groups.ts';
import { GapTally, type CountedGap } from '../../kernel/gap-tally.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { statOf } from '../../kernel/process-stat.ts';
import { resolveCgroupTarget } from '../cgroup/cgroup-target.ts';
import { tellScattered } from '../cgroup/scattered-threads.ts';
import { tellUnseen } from '../cgroup/unseen.ts';
import { HostLook } from '../show/host-look.ts';
import { ProcessLook } from '../show/process-look.ts';
import { requireReadable } from '../show/show.ts';
import { cpuVerdicts } from './cpu-verdicts.ts';
import { killVerdicts } from './kill-verdicts.ts';
import { readLog, type LogView } from './log-view.ts';
import { lookAt, type Look } from './look.ts';
import { memoryVerdicts } from './memory-verdicts.ts';
import { dyingVerdicts, freezerVerdicts, hugetlbVerdicts, ioVerdicts, pidsVerdicts } from './other-verdicts.ts';
import type { Verdict } from './verdict.ts';

/** What was begun, with the first look. */
export interface WhyBegun {
  readonly type: 'process' | 'host' | 'cgroups' | 'removed';
  readonly pid: number | null;
  readonly startTicks: bigint | null;
  /** Of a cgroup that was named by its path. null: by another name. */
  readonly path: string | null;
  readonly groups: Groups;
  /** null: there is no such cgroup, or it was not asked for. */
  readonly look: Look | null;
  readonly gaps: GapTally;
}

export interface WhyReport {
  readonly type: WhyBegun['type'];
  readonly pid: number | null;
  /** Where it is in each hierarchy that was reached; of a removed one the path alone. */
  readonly paths: readonly string[];
  /** Between the two looks. null: there was one. Unit: seconds. */
  readonly seconds: number | null;
  /** null: it cannot be read. */
  readonly log: LogView | null;
  /** Findings first. */
  readonly verdicts: readonly Verdict[];
  readonly gaps: readonly CountedGap[];
}

/** `at`: now, by a clock that only goes forward, in milliseconds; null: one look, that of endWhy, is to do. Errors: as of resolveCgroupTarget; NO_PROCESS. */
export function beginWhy(host: Host, word: string, at: number | null): WhyBegun {
  const target = resolveCgroupTarget(host, word);
  const gaps = new GapTally();
  // What is closed to it is told by the second one.
  const look = (groups: Groups, pid: number | null): Look | null =>
    at === null ? null : lookAt(host, groups, pid, at, new GapTally());
  const nobody = { pid: null, startTicks: null, path: null, gaps } as const;
  switch (target.type) {
    case 'removed':
      return { ...nobody, type: 'removed', path: target.path, groups: { reached: [], unreached: [] }, look: null };
    case 'cgroups':
      return { ...nobody, type: 'cgroups', path: target.path, groups: target.groups, look: look(target.groups, null) };
    case 'host': {
      const groups = groupsOf(new HostLook(host, gaps));
      return { ...nobody, type: 'host', groups, look: look(groups, null) };
    }
    case 'process': {
      const { pid } = target;
      requireReadable(host, pid);
      const groups = groupsOf(new ProcessLook(host, pid, gaps));
      tellScattered(host, pid, gaps);
      const startTicks = target.startTicks ?? null;
      return { ...nobody, type: 'process', pid, startTicks, groups, look: look(groups, pid) };
    }
  }
}

function groupsOf({ host, pid, memberships, gaps }: ProcessLook): Groups {
  const groups = findGroups(host, pid, memberships ?? []);
  tellUnseen(groups, gaps);
  return groups;
}

/** `at`: as of beginWhy, later. */
export function endWhy(host: Host, begun: WhyBegun, at: number): WhyReport {
  const { type, pid, groups, path, gaps } = begun;
  tellEnd(host, begun);
  const after = type === 'removed' ? null : lookAt(host, groups, pid, at, gaps);
  const before = begun.look ?? undefined;
  const log = readLog(host, gaps);
  const isAll = type === 'host' || path === '/';
  const pathOf = (controller: 'memory' | 'pids'): string | null =>
    isAll ? null : (path ?? after?.[controller][0]?.path ?? unreachedPath(groups, controller) ?? '/');
  const verdicts = [
    ...killVerdicts(before, after, log, pathOf('memory')),
    ...(after === null ? [] : liveVerdicts(before, after, groups)),
    ...pidsVerdicts(before, after, log, pathOf('pids')),
  ];
  const paths = path === null ? [...new Set(groups.reached.map((group) => group.path))] : [path];
  return {
    type,
    pid,
    paths,
    seconds: before === undefined || after === null ? null : (after.at - before.at) / 1000,
    log,
    verdicts: [
      ...verdicts.filter(({ level }) => level === 'finding'),
      ...verdicts.filter(({ level }) => level === 'note'),
    ],
    gaps: gaps.list(),
  };
}

function liveVerdicts(before: Look | undefined, after: Look, groups: Groups): readonly Verdict[] {
  const io = groups.reached.find(({ controllers }) => controllers.includes('io') || controllers.includes('blkio'));
  return [
    ...freezerVerdicts(after),
    ...memoryVerdicts(before, after),
    ...hugetlbVerdicts(after),
    ...cpuVerdicts(before, after),
    ...ioVerdicts(before, after, io?.path),
    ...dyingVerdicts(before, after),
  ];
}

/** Of a cgroup that was removed while a zombie is in it, the log may still know. */
function unreachedPath({ unreached }: Groups, controller: string): string | undefined {
  const found = unreached.find(
    ({ membership }) => membership.controllers.includes(controller) || membership.hierarchy === 0,
  );
  return found?.membership.path;
}

/** Of a process the cgroups are still there to tell why; of a cgroup that was named itself nobody is. */
function tellEnd(host: Host, { type, pid, startTicks, groups, gaps }: WhyBegun): void {
  if (type === 'cgroups') tellRemoved(groups, gaps);
  if (pid === null || startTicks === null) return;
  const stat = valueOf(statOf(host, pid));
  if (stat?.startTicks === startTicks && stat.state !== 'Z') return;
  gaps.add('process', { reason: 'gone', what: `/proc/${pid}` }, 'it ended while it was looked at');
}

/** Its files are gone, as those are that this kernel does not have: else nothing would seem wrong with it. */
function tellRemoved({ reached }: Groups, gaps: GapTally): void {
  for (const { files, levels } of reached) {
    const [{ folder }] = levels;
    const found = files.status(`${folder}/cgroup.procs`);
    if (found.ok || found.gap.reason !== 'gone') continue;
    gaps.add('cgroup', { ...found.gap, what: folder }, 'it was removed while it was looked at');
  }
}
