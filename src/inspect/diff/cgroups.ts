// What the cgroups of a process allow it: limits that hold up to the root, processors, weight, frozen. What it uses is no
// difference of two processes. Nothing is a fact where nothing limits, so that v1 and v2 compare.

import { readCpuset } from '../../cgroups/cpuset.ts';
import { readFreeze } from '../../cgroups/frozen.ts';
import { findGroups, type Groups } from '../../cgroups/groups.ts';
import { hidingGap, holdingLimit } from '../../cgroups/holding-limit.ts';
import { askedOnce } from '../../cgroups/asked-once.ts';
import { readLimits, type Amount } from '../../cgroups/limits.ts';
import { LIMITS } from '../../cgroups/limit-table.ts';
import { readOwnWeight } from '../../cgroups/weight.ts';
import { firstGap, GapTally } from '../../kernel/gap-tally.ts';
import { gap, value, valueOf, type Host, type Reading } from '../../kernel/host.ts';
import { parseCgroup } from '../../kernel/text/cgroup.ts';
import { decodeText } from '../../kernel/text/text.ts';
import type { Fact, FactValue, Section } from './fact.ts';
import type { Subject } from './process.ts';
import type { Side } from './side.ts';

/** On one host the same paths are the same cgroups, however little of them we see. */
export function inSameCgroups(a: Side, b: Side): boolean {
  if (a.host !== b.host || a.isHost || b.isHost || a.process?.ok !== true || b.process?.ok !== true) return false;
  const [left, right] = [a.process.value, b.process.value].map((pid) =>
    valueOf(a.host.readFile(`/proc/${pid}/cgroup`)),
  );
  return left !== undefined && right !== undefined && decodeText(left) === decodeText(right);
}

/** As many, and in the same order, whatever is known. */
export function cgroupSections(subject: Subject): readonly Section[] {
  const groups = groupsOf(subject);
  const { host } = subject;
  return READERS.map(({ name, read }) => ({ subject: name, facts: groups.ok ? read(groups.value, host) : groups }));
}

interface Reader {
  /** Of the section. */
  readonly name: string;
  readonly read: (groups: Groups, host: Host) => Reading<readonly Fact[]>;
}

const PLAIN = [{ key: 'cpu_max', unit: 'cores' }, ...LIMITS];

const READERS: readonly Reader[] = [
  ...PLAIN.map(({ key, unit }): Reader => {
    return { name: 'cgroup limit', read: (groups) => limitFacts(groups, key, `${key}_${unit}`) };
  }),
  { name: 'cgroup limit of a device', read: deviceFacts },
  { name: 'cpuset', read: cpusetFacts },
  { name: 'cpu weight', read: weightFacts },
  { name: 'frozen cgroup', read: frozenFacts },
];

/** Of the host itself those at the top, where nothing limits. */
function groupsOf({ host, process, isHost }: Subject): Reading<Groups> {
  if (isHost) return value({ reached: [], unreached: [] });
  if (!process.ok) return process;
  const path = `/proc/${process.value}/cgroup`;
  const bytes = host.readFile(path);
  const memberships = bytes.ok ? parseCgroup(bytes.value, path) : bytes;
  return memberships.ok ? value(findGroups(askedOnce(host), process.value, memberships.value)) : memberships;
}

function limitFacts(groups: Groups, key: string, name: string): Reading<readonly Fact[]> {
  const { effective, gap: why } = holdingLimit(groups, key);
  // Also of one that is known, where what is above may set a smaller one.
  if (why !== null) return gap(why);
  return value(factsOf('cgroup limit', name, effective));
}

function factsOf(what: string, name: string | null, amount: Amount | null): readonly Fact[] {
  return amount === null || amount === 'max' ? [] : [{ what, name, value: amount }];
}

/** Those of disks, huge pages and the like. */
function deviceFacts(groups: Groups, host: Host): Reading<readonly Fact[]> {
  const gaps = new GapTally();
  const others = readLimits(host, groups, gaps).filter(({ key }) => !PLAIN.some((plain) => plain.key === key));
  const facts = others.flatMap(({ key, unit, device, effective }) => {
    return factsOf('cgroup limit', `${key}_${unit}${device === null ? '' : ` ${device}`}`, effective);
  });
  return unless(gaps, facts);
}

/** Only where they are fewer than above. */
function cpusetFacts(groups: Groups): Reading<readonly Fact[]> {
  const hidden = hidingGap(groups, 'cpuset');
  if (hidden !== null) return gap(hidden);
  const gaps = new GapTally();
  const narrowed = readCpuset(groups, gaps).filter(({ by }) => by !== null);
  const facts = narrowed.map(({ key, effective }): Fact => ({ what: 'cpuset', name: key, value: effective ?? '-' }));
  return unless(gaps, facts);
}

/** As v2 has it, 100 for the default: to the kernel v1's 1024 shares are the same. */
function weightFacts(groups: Groups): Reading<readonly Fact[]> {
  const hidden = hidingGap(groups, 'cpu');
  if (hidden !== null) return gap(hidden);
  const gaps = new GapTally();
  const weight = readOwnWeight(groups, gaps);
  if (weight === undefined || weight.set === null) return unless(gaps, []);
  const set = weight.group.version === 2 ? Number(weight.set) : (Number(weight.set) * DEFAULT_WEIGHT) / DEFAULT_SHARES;
  const shown: FactValue = weight.idle === 1n ? 'idle' : Number(set.toFixed(2));
  return unless(gaps, shown === DEFAULT_WEIGHT ? [] : [{ what: 'cpu weight', name: null, value: shown }]);
}

/** Source: kernel/sched/sched.h, sched_weight_from_cgroup(). */
const DEFAULT_WEIGHT = 100;
const DEFAULT_SHARES = 1024;

function frozenFacts(groups: Groups): Reading<readonly Fact[]> {
  const hidden = hidingGap(groups, 'freezer');
  if (hidden !== null) return gap(hidden);
  const gaps = new GapTally();
  const state = readFreeze(groups, gaps)?.state ?? 'thawed';
  return unless(gaps, state === 'thawed' ? [] : [{ what: 'frozen', name: null, value: 'yes' }]);
}

/** None of them where one was closed to us. */
function unless(gaps: GapTally, facts: readonly Fact[]): Reading<readonly Fact[]> {
  const why = firstGap(gaps);
  return why === undefined ? value(facts) : gap(why);
}
