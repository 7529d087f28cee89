// What a process's cgroups decide about it, as facts that can be compared, and what they use, as numbers beside each other.

import { ruleText } from '../../cgroups/devices.ts';
import { hierarchyName } from '../../cgroups/location.ts';
import type { Unit } from '../../cgroups/limit-table.ts';
import type { Amount, Limit } from '../../cgroups/limits.ts';
import type { SettingUnit } from '../../cgroups/settings.ts';
import type { FactValue } from '../diff/fact.ts';
import type { CgroupReport } from './cgroup-report.ts';

/** part: of 1. */
export type FactUnit = Unit | SettingUnit | 'part';

export interface CgroupFact {
  readonly what: string;
  readonly name: string | null;
  /** null: words, or a number of nothing. */
  readonly unit: FactUnit | null;
  /** null: unknown. */
  readonly value: FactValue | null;
}

/** As a fact says who sets a limit: the cgroup itself, whatever it is called. */
const ITSELF = 'itself';

/** What is so of one, in the light of the other: where only that one has a limit, this one is unlimited. */
export function factsOf(report: CgroupReport, other: CgroupReport): readonly CgroupFact[] {
  return [
    ...places(report, other),
    ...limits(report, other),
    ...cpusets(report),
    ...weight(report),
    ...report.settings.map(({ file, unit, value }) => ({ what: 'setting', name: file, unit, value })),
    ...states(report),
    ...devices(report, other),
  ];
}

const fact = (what: string, name: string | null, value: FactValue | null, unit: FactUnit | null = null): CgroupFact => {
  return { what, name, unit, value };
};

interface Place {
  readonly controller: string;
  readonly hierarchy: string;
  readonly version: 1 | 2;
  readonly path: string;
}

function placesOf({ groups }: CgroupReport): readonly Place[] {
  const memberships = [...groups.reached, ...groups.unreached.map(({ membership }) => membership)];
  return memberships.flatMap((membership) => {
    const { hierarchy, controllers, path } = membership;
    const names = controllers.length === 0 ? [hierarchyName(membership)] : controllers;
    const rest = { hierarchy: hierarchyName(membership), version: hierarchy === 0 ? 2 : 1, path } as const;
    return names.map((controller) => ({ ...rest, controller }));
  });
}

/** A line for each hierarchy; for each controller where the two have them on different ones. */
function places(report: CgroupReport, other: CgroupReport): readonly CgroupFact[] {
  const theirs = placesOf(other);
  const hierarchies = new Set(theirs.map(({ hierarchy }) => hierarchy));
  const hierarchyOf = new Map(theirs.map(({ controller, hierarchy }) => [controller, hierarchy]));
  const facts = placesOf(report).flatMap(({ controller, hierarchy, version, path }): CgroupFact[] => {
    const isShared = hierarchies.has(hierarchy) && (hierarchyOf.get(controller) ?? hierarchy) === hierarchy;
    if (isShared) return [fact('cgroup', hierarchy, path)];
    return [fact('version', controller, version), fact('cgroup', controller, path)];
  });
  return [...new Map(facts.map((each) => [`${each.what} ${each.name}`, each])).values()];
}

/** Two hosts number one disk differently. */
function limitName({ key, device, deviceName }: Limit): string {
  return device === null ? key : `${key} ${deviceName ?? device}`;
}

function limits(report: CgroupReport, other: CgroupReport): readonly CgroupFact[] {
  const own = new Map(report.limits.map((limit) => [limitName(limit), limit]));
  const missing = other.limits.filter((limit) => !own.has(limitName(limit)));
  return [
    ...[...own].flatMap(([name, limit]) => limitFacts(name, limit, pathOf(report, limit.controller))),
    ...missing.flatMap((limit) => {
      const value = isReached(report, limit.controller) ? 'max' : null;
      return [fact('set', limitName(limit), value, limit.unit), fact('effective', limitName(limit), value, limit.unit)];
    }),
  ];
}

function limitFacts(name: string, limit: Limit, path: string | undefined): readonly CgroupFact[] {
  const { unit, set, effective, by, levels } = limit;
  // Where the controller is not at work in the cgroup itself, that limits nothing.
  const here: Amount | null = levels[0]?.path === path ? set : 'max';
  return [
    fact('set', name, here, unit),
    fact('effective', name, effective, unit),
    ...setter(name, effective, by, path),
  ];
}

/** Of what is unknown it is unknown, too; of what nobody sets there is none. */
function setter(
  name: string,
  effective: FactValue | null,
  by: string | null,
  own: string | undefined,
): readonly CgroupFact[] {
  if (effective === null) return [fact('set by', name, null)];
  return by === null ? [] : [fact('set by', name, by === own ? ITSELF : by)];
}

function pathOf({ groups }: CgroupReport, controller: string): string | undefined {
  return groups.reached.find(({ controllers }) => controllers.includes(controller))?.path;
}

/** A controller that is on no hierarchy limits nothing; what a hierarchy out of reach does is unknown. */
function isReached(report: CgroupReport, controller: string): boolean {
  if (pathOf(report, controller) !== undefined) return true;
  return !report.groups.unreached.some(({ membership: { hierarchy, controllers } }) => {
    return hierarchy === 0 || controllers.includes(controller);
  });
}

function cpusets(report: CgroupReport): readonly CgroupFact[] {
  const own = pathOf(report, 'cpuset');
  return report.cpuset.flatMap(({ key, path, set, effective, by }) => [
    ...(path === own ? [fact('set', key, set)] : []),
    fact('effective', key, effective),
    ...setter(key, effective, by, own),
  ]);
}

const PART_DIGITS = 4;

function weight({ weight: found }: CgroupReport): readonly CgroupFact[] {
  if (found === null) return [];
  const { file, set, idle, share } = found;
  return [
    fact('weight', file, set),
    ...(idle === true ? [fact('weight', 'idle', 'yes')] : []),
    fact('share', null, share === null ? null : Number(share.toFixed(PART_DIGITS)), 'part'),
  ];
}

function states({ members }: CgroupReport): readonly CgroupFact[] {
  return members.flatMap(({ group, members: { type, frozen }, ownership: { delegated_to: uid } }) => {
    const name = hierarchyName(group);
    return [
      ...(uid === null ? [] : [fact('delegated to uid', name, uid)]),
      ...(type === null ? [] : [fact('type', name, type)]),
      ...(frozen === true ? [fact('frozen', name, 'yes')] : []),
    ];
  });
}

/** Of v2 no file tells; where that is so of both there is nothing to compare. */
function devices({ devices: { allows, rules } }: CgroupReport, other: CgroupReport): readonly CgroupFact[] {
  if (allows === 'unknown') return other.devices.allows === 'unknown' ? [] : [fact('devices', null, null)];
  return [fact('devices', null, allows === 'open' ? ['all'] : (rules?.map(ruleText) ?? null))];
}

/** A number of each at the moment. Absent: there is no such number. */
export interface CgroupUse {
  readonly what: string;
  readonly unit: FactUnit;
  /** null: not told. */
  readonly value: bigint | number | null;
}

export function usesOf(report: CgroupReport): readonly CgroupUse[] {
  const { cpu, memory, io, events, stalls } = report;
  const use = (what: string, value: CgroupUse['value'], unit: FactUnit = 'scale'): CgroupUse => ({ what, unit, value });
  const own = pathOf(report, 'cpu');
  const tasks = report.limits.find(({ key }) => key === 'pids_max');
  return [
    use('cpu time', cpu.usage_usec, 'microseconds'),
    ...cpu.throttling
      .filter(({ path }) => path === own)
      .flatMap(({ throttled, throttled_usec: time }) => [
        use('throttled periods', throttled),
        use('throttled time', time, 'microseconds'),
      ]),
    ...(memory === null
      ? []
      : (['usage', 'peak', 'working_set', 'anon', 'file', 'shmem', 'swap'] as const).map((key) =>
          use(`memory ${key}`, memory[key], 'bytes'),
        )),
    ...(tasks === undefined ? [] : [use('tasks', tasks.usage, 'tasks')]),
    ...io.flatMap(({ device, name, rbytes, wbytes }) => [
      use(`read ${name ?? device}`, rbytes, 'bytes'),
      use(`written ${name ?? device}`, wbytes, 'bytes'),
    ]),
    ...events.flatMap(({ file, counts }) =>
      [...counts].map(([key, count]) => use(key === 'count' ? file : `${file} ${key}`, count)),
    ),
    ...[...(stalls?.by ?? [])].flatMap(([resource, { some }]) =>
      some === null ? [] : [use(`${resource} pressure, some of 10s`, some.avg10 / 100, 'part')],
    ),
  ];
}
