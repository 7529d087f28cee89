import { findGroups, type Groups } from '../../cgroups/groups.ts';
import { limitResults, type LimitResult } from '../../cgroups/limit-outcome.ts';
import { placesOf } from '../../cgroups/limit-place.ts';
import { planLimits, type LimitPlan } from '../../cgroups/limit-plan.ts';
import { wishWords, type Wish } from '../../cgroups/wish.ts';
import { resolveLivingCgroup } from '../../inspect/cgroup/cgroup-target.ts';
import { requireSameProcess } from '../../inspect/start-ticks.ts';
import type { CgroupWriteOutcome } from '../../kernel/cgroup-plan.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import type { Host } from '../../kernel/host.ts';
import type { Undo } from '../../kernel/journal.ts';
import { parseCgroup } from '../../kernel/text/cgroup.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { renderJson } from '../../render/json.ts';
import { flag, type CommandDefinition, type Context, type Outcome } from '../define-command.ts';
import { errorStatus } from '../error-text.ts';
import { quotedVisibly } from '../shell-quoting.ts';
import { bestEffortOption, limitOptions, wishOf } from './cgroup-limit-options.ts';
import { isMissed, limitError, limitJson, limitNotes, limitsText, writeJson, writesText } from './cgroup-limit-rows.ts';
import { requireThisMachine } from './this-machine.ts';

export const cgroupSet: CommandDefinition = {
  name: 'cgroup set',
  summary: 'limit a cgroup that is there, in the same words on v1 and v2',
  operands: 'TARGET',
  arity: [1, 1],
  description: [
    'Sets limits of the cgroup that TARGET is in, and so of all that is in it: TARGET is a process in any form, or the',
    'directory of a cgroup (/sys/fs/cgroup/memory/foo) or its path (/docker/4c01…), which means it in each hierarchy. All',
    'is computed first: --dry-run prints each write with the old value and the reason. Then it is written, read back, and',
    'told: applied, rounded, not delegated (with the file and its owner), unknown to this kernel, or refused and why. If one',
    'cannot be had, what was written before it is put back, and the others are not tried; --best-effort goes on.',
    '',
    'The old values are in the journal before the first write: nstool cgroup undo brings them back, and what a killed',
    'nstool left half done nstool gc puts back. A limit holds from then on, for what is used already too: with less memory',
    'than is in use, what cannot be reclaimed gets processes killed (v2), or is refused (v1). Who manages the cgroup, systemd',
    'or an engine, may set it again: of a unit, systemctl set-property lasts.',
    '',
    '--memory alone also forbids swap, which would evade it (v1: memory and swap together get the same limit); --swap says',
    'how much there may be, alone, on v1 too. --cpu-weight is the weight of v2; v1 gets it as shares in proportion (100 is',
    '1024), so that twice the weight is twice the time. SIZE takes K, M, G and T, powers of 1024. --io takes a device, a',
    'file on one, or 8:0; the kernel limits whole disks, so a partition means its disk.',
  ],
  options: [
    ...limitOptions,
    { long: 'thaw', help: 'its processes go on' },
    bestEffortOption,
    { long: 'dry-run', help: 'print what would be written, and change nothing' },
    { long: 'json', short: 'J', help: 'as JSON' },
  ],
  examples: [
    { line: 'nstool cgroup set container:web --memory 512M --cpus 0.5', does: 'of a container, now' },
    { line: 'nstool cgroup set 4913 --io /var/lib:wbps=10M --dry-run', does: 'what would be written, and why' },
    { line: 'nstool cgroup set /sys/fs/cgroup/pids/build --pids 500', does: 'a cgroup by its directory' },
  ],
  exitStatus: [
    [0, 'all limits are set; some may be rounded'],
    [1, 'with --best-effort: some could not be had'],
    [2, 'the command line is wrong; nothing was changed'],
    [3, 'no such TARGET; nothing was changed'],
    [4, 'the kernel refused, or it is not delegated to us; all is as before'],
    [5, 'this kernel does not have the limit; nothing was changed'],
  ],
  async run(invocation, context) {
    requireThisMachine(invocation);
    const wish = wishOf(invocation);
    if (Object.keys(wish).length === 0) {
      throw new NsError('USAGE', {
        what: 'no limit is given',
        tryThis: 'nstool cgroup set TARGET --memory 512M; nstool help cgroup set has them all',
      });
    }
    const host = await context.host();
    requireOwnProc(host);
    const word = invocation.operands[0] ?? '';
    const { groups, check } = groupsOf(host, word);
    const plan = planLimits(host, wish, placesOf(groups));
    if (wish.freeze === true) requireOthers(host, plan);
    const view = { host, word, wish, plan, json: flag(invocation, 'json') };
    if (flag(invocation, 'dry-run')) return planned(view);
    check();
    const bestEffort = flag(invocation, 'best-effort');
    return answer(view, bestEffort, await act(view, bestEffort, context));
  },
};

interface View {
  readonly host: Host;
  readonly word: string;
  readonly wish: Wish;
  readonly plan: LimitPlan;
  readonly json: boolean;
}

/** `check`: is it still the process that was looked at? Errors: as of resolveLivingCgroup; BAD_VALUE for the host. */
function groupsOf(host: Host, word: string): { readonly groups: Groups; readonly check: () => void } {
  const target = resolveLivingCgroup(host, word);
  const groups = groupsOfTarget(host, target);
  if (target.type !== 'process') return { groups, check: () => undefined };
  return { groups, check: () => requireSameProcess(host, target.pid, target.startTicks) };
}

/** Errors: BAD_VALUE for the host; as of reading a process's cgroups. */
export function groupsOfTarget(host: Host, target: ReturnType<typeof resolveLivingCgroup>): Groups {
  if (target.type === 'cgroups') return target.groups;
  if (target.type === 'process') return ownGroups(host, target.pid);
  throw new NsError('BAD_VALUE', {
    what: 'the host cannot be limited',
    why: 'the root of a hierarchy has no limits: the kernel gives it all there is',
  });
}

function ownGroups(host: Host, pid: number): Groups {
  const path = `/proc/${pid}/cgroup`;
  const bytes = host.readFile(path);
  const memberships = bytes.ok ? parseCgroup(bytes.value, path) : bytes;
  if (!memberships.ok) throw errorOfGap(memberships.gap, `cannot tell the cgroups of process ${pid}`);
  return findGroups(host, pid, memberships.value);
}

/** Frozen, we would never come to tell. Errors: BAD_VALUE. */
function requireOthers(host: Host, { limits }: LimitPlan): void {
  const frozen = limits.find(({ name }) => name === 'freeze')?.place;
  const own = placesOf(ownGroups(host, host.self.pid))('freezer');
  if (frozen == null || 'why' in own || own.at.mount !== frozen.at.mount) return;
  if (!`${own.at.below}/`.startsWith(`${frozen.at.below}/`)) return;
  throw new NsError('BAD_VALUE', {
    what: `cannot freeze ${frozen.path}`,
    why: 'we are in it, and so is the shell that we were started from, most likely',
  });
}

/** For people. */
function commandText(word: string, wish: Wish): string {
  const words = [...wishWords(wish)].flatMap(([option, values]) =>
    values.flatMap((each) => (each === '' ? [`--${option}`] : [`--${option}`, quotedVisibly(each)])),
  );
  return ['cgroup set', quotedVisibly(word), ...words].join(' ');
}

interface Acted {
  readonly results: readonly LimitResult[];
  readonly outcomes: readonly CgroupWriteOutcome[];
  /** Of the journal. null: nothing is to be undone. */
  readonly id: string | null;
}

/** The journal has the old values before the first write. */
async function act({ plan, word, wish }: View, bestEffort: boolean, context: Context): Promise<Acted> {
  const before = limitResults(plan, []);
  if (plan.writes.length === 0 || (!bestEffort && before.some(isMissed)))
    return { results: before, outcomes: [], id: null };
  const journal = await context.journal();
  const undo = plan.writes.map(({ place, file, text, previous }): Undo => {
    return { op: 'cgroup file', place, file, text, previous };
  });
  const entry = journal.add(commandText(word, wish), undo);
  const outcomes = await context.changeCgroups(plan.writes, { bestEffort });
  const results = limitResults(plan, outcomes);
  const left = undo.filter((_, index) => isStanding(outcomes[index]));
  if (left.length === 0) {
    journal.remove(entry);
    return { results, outcomes, id: null };
  }
  journal.update({ ...entry, kept: true, undo: left });
  return { results, outcomes, id: entry.id };
}

/** Is what was written still there? */
function isStanding(outcome: CgroupWriteOutcome | undefined): boolean {
  return outcome?.type === 'written' || (outcome?.type === 'left' && typeof outcome.back === 'object');
}

function planned({ host, word, plan, json }: View): Outcome {
  const results = limitResults(plan, []);
  const error = limitError(host, results, `${word} cannot be limited so`);
  const verdict = error === undefined ? { status: 0 } : { error, status: errorStatus(error) };
  if (!json) {
    return { stdout: writesText(plan), notes: [...limitNotes(host, results), 'nothing was changed'], ...verdict };
  }
  const stdout = renderJson({
    ...head(word, true, null),
    limits: results.map((each) => limitJson(each, true)),
    writes: plan.writes.map(writeJson),
  });
  return { stdout, ...verdict };
}

function head(target: string, dry_run: boolean, id: string | null) {
  return { schema: 1, complete: true, gaps: [], target, dry_run, undo: id };
}

function answer({ host, word, plan, json }: View, bestEffort: boolean, { results, outcomes, id }: Acted): Outcome {
  const missed = limitError(host, results, `${word} was not limited`);
  const notes = [...limitNotes(host, missed === undefined || bestEffort ? results : []), ...stuck(plan, outcomes)];
  if (id !== null) notes.push(`as it was before: nstool cgroup undo ${id}`);
  const stdout = json
    ? renderJson({
        ...head(word, false, id),
        limits: results.map((each) => limitJson(each)),
        writes: plan.writes.map(writeJson),
      })
    : limitsText(results);
  if (missed === undefined) return { stdout, notes, status: 0 };
  return bestEffort ? { stdout, notes, status: 1 } : { stdout, notes, error: missed, status: errorStatus(missed) };
}

/** What was written before one failed, and could not be put back. */
function stuck({ writes }: LimitPlan, outcomes: readonly CgroupWriteOutcome[]): readonly string[] {
  return outcomes.flatMap((outcome, index) => {
    const write = writes[index];
    if (outcome.type !== 'left' || typeof outcome.back !== 'object' || write === undefined) return [];
    const { errno = outcome.back.reason } = outcome.back;
    return [`${write.file} of ${write.path} could not be put back to '${write.previous}' (${errno})`];
  });
}
