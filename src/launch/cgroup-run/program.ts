// What nsexec does for a command in cgroups of its own: the child joins them and becomes the command; the parent waits
// outside of them, and at the end takes them away. Only if one of them has something to tell, or does not go, another
// nstool is started.

import { ERRNO } from '../../kernel/abi/errno.ts';
import { O_PATH, O_WRONLY } from '../../kernel/abi/open-flags.ts';
import { SIGNAL_NUMBERS } from '../../kernel/abi/process.ts';
import type { KernelText, Program, Slot, Step } from '../../kernel/program.ts';
import { explainJoin } from '../cgroups.ts';
import { execute, restoreInherited, type Caller } from '../command.ts';
import { explainOpen, failureStatus } from '../explain-enter.ts';
import { shown, step } from '../step.ts';
import type { CgroupPlace } from '../../kernel/cgroup-plan.ts';
import { markedName, type CgroupRunPlan, type JoinedGroup } from './plan.ts';

export interface CommandInCgroup {
  readonly command: readonly KernelText[];
  /** The directory of the journal, where the entry has the plan's id as its name. */
  readonly journal: string;
  /** Tells what happened, and removes what is left. */
  readonly teller: readonly string[];
  readonly trace: boolean;
}

/** How long who is killed may take to go. Unit: milliseconds. */
const PATIENCE = 5000;

const JOURNAL = 'journal';

export function programOf(
  plan: CgroupRunPlan,
  { command, journal, teller, trace }: CommandInCgroup,
  caller: Caller,
): Program {
  const { joined, id } = plan;
  const steps = [
    ...restoreInherited(caller),
    step('register the clean-up', 'it is carried out when the command has ended, whatever comes before', {
      op: 'after',
      steps: [...cleanUp(plan), removeEntry(id)],
      otherwise: [tell(id, teller, caller.env)],
    }),
    open('open the journal', 'the entry is removed with the cgroups', journal, JOURNAL),
    ...joined.flatMap((each) => openGroup(each, id)),
    ...fork(joined),
    ...joined.filter(({ parent }) => parent.group.version === 1).map((each) => join(each)),
    execute({ command }, caller.env),
  ];
  return { steps, failureStatus, trace };
}

/** In the cgroups that we are in. */
export function plainProgram({ command, trace }: Pick<CommandInCgroup, 'command' | 'trace'>, caller: Caller): Program {
  return { steps: [...restoreInherited(caller), execute({ command }, caller.env)], failureStatus, trace };
}

function open(label: string, reason: string, path: string, into: Slot): Step {
  return step(label, reason, { op: 'open', path, flags: O_PATH, into }, { explanations: explainOpen(path) });
}

function folderOf({ parent }: JoinedGroup): string {
  return parent.group.levels[0].folder;
}

function parentSlot({ parent }: JoinedGroup): Slot {
  return `above ${parent.name}`;
}

function directorySlot({ parent }: JoinedGroup): Slot {
  return `directory ${parent.name}`;
}

function groupSlot({ parent }: JoinedGroup): Slot {
  return `cgroup ${parent.name}`;
}

function openGroup(each: JoinedGroup, id: string): readonly Step[] {
  const path = `${markedName(id)}/cgroup.procs`;
  const whole = `${folderOf(each)}/${path}`;
  return [
    open(`open ${folderOf(each)}`, 'the cgroup is removed from there', folderOf(each), parentSlot(each)),
    ...(each.parent.group.version === 1 ? [] : [openDirectory(each, id)]),
    step(
      `open ${whole}`,
      'to join it by',
      { op: 'open', dir: parentSlot(each), path, flags: O_WRONLY, into: groupSlot(each) },
      { explanations: explainOpen(whole) },
    ),
  ];
}

function openDirectory(each: JoinedGroup, id: string): Step {
  const operation = { op: 'open', dir: parentSlot(each), path: markedName(id), flags: O_PATH } as const;
  return step(
    `open ${folderOf(each)}/${markedName(id)}`,
    'to fork into it',
    { ...operation, into: directorySlot(each) },
    { explanations: explainOpen(`${folderOf(each)}/${markedName(id)}`) },
  );
}

const WAITS = 'the parent waits outside of the cgroups, and passes signals and status on';

/** Into a cgroup of v2 the child is born, where the kernel can do that: moving it there takes some milliseconds. */
function fork(joined: readonly JoinedGroup[]): readonly Step[] {
  const plain = step('fork', WAITS, { op: 'fork', deathSignal: SIGNAL_NUMBERS.SIGKILL });
  const v2 = joined.find(({ parent }) => parent.group.version === 2);
  if (v2 === undefined) return [plain];
  return [
    step(
      `fork into the cgroup2 cgroup ${shown(pathOf(v2))}`,
      WAITS,
      { op: 'fork_into', deathSignal: SIGNAL_NUMBERS.SIGKILL, slot: directorySlot(v2) },
      { try: true, mark: INTO_MARK },
    ),
    step('go on, if that was done', 'else in two steps', { op: 'skip', mark: INTO_MARK, count: 2 }),
    plain,
    join(v2),
  ];
}

const INTO_MARK = 1;

function join(each: JoinedGroup): Step {
  const what = `the ${each.parent.name} cgroup ${pathOf(each)}`;
  return step(
    `join ${shown(what)}`,
    'before the first instruction of the command; 0 stands for the process that writes',
    { op: 'write', slot: groupSlot(each), bytes: '0' },
    { explanations: explainJoin(what) },
  );
}

/** As in /proc/PID/cgroup. */
function pathOf({ parent, place }: JoinedGroup): string {
  const name = place.below.slice(place.below.lastIndexOf('/') + 1);
  return `${parent.place.path === '/' ? '' : parent.place.path}/${name}`;
}

function cleanUp(plan: CgroupRunPlan): readonly Step[] {
  const { joined, id } = plan;
  const name = markedName(id);
  return [
    ...joined.flatMap((each) => nothingToTell(plan, each, name)),
    ...joined.flatMap((each) => emptied(each, name)),
    ...joined.map((each) =>
      step(`remove ${pathOf(each)} of ${each.parent.name}`, 'it was for this command alone', {
        op: 'rmdir',
        dir: parentSlot(each),
        path: name,
      }),
    ),
    ...restored(plan),
  ];
}

/** A file says that a limit was met: that is told before it is gone with its cgroup. */
function nothingToTell({ limits }: CgroupRunPlan, each: JoinedGroup, name: string): readonly Step[] {
  const has = (controller: string): boolean =>
    limits.writes.some((write) => write.controller === controller && write.version === each.parent.group.version) &&
    (each.parent.group.version === 2 || each.parent.group.controllers.includes(controller));
  const check = (file: string, bytes: string, what: string): Step =>
    step(`has ${pathOf(each)} ${what}?`, 'then it is told, and why', {
      op: 'holds',
      dir: parentSlot(each),
      path: `${name}/${file}`,
      bytes,
    });
  const kills = each.parent.group.version === 1 ? 'memory.oom_control' : 'memory.events';
  return [
    ...(has('memory') ? [check(kills, '\noom_kill 0\n', 'had processes killed')] : []),
    ...(has('pids') ? [check('pids.events', 'max 0\n', 'refused a fork')] : []),
  ];
}

function emptied(each: JoinedGroup, name: string): readonly Step[] {
  const { version, controllers } = each.parent.group;
  const dir = parentSlot(each);
  const slot = `${groupSlot(each)} control`;
  const write = (file: string, bytes: string, label: string, reason: string): readonly Step[] => [
    step(
      `open ${file}`,
      reason,
      { op: 'open', dir, path: `${name}/${file}`, flags: O_WRONLY, into: slot },
      { try: true },
    ),
    step(label, reason, { op: 'write', slot, bytes }, { try: true }),
  ];
  return [
    ...(version === 1 && controllers.includes('freezer')
      ? write('freezer.state', 'THAWED', 'thaw it', 'who is frozen does not go')
      : []),
    ...(version === 2
      ? write(
          'cgroup.kill',
          '1',
          'kill what the command left, at once',
          'the cgroup vanishes with the command (Linux 5.14)',
        )
      : []),
    step(`kill what the command left in ${pathOf(each)}`, 'the cgroup vanishes with the command', {
      op: 'kill',
      dir,
      path: `${name}/cgroup.procs`,
      milliseconds: PATIENCE,
    }),
  ];
}

function removeEntry(id: string): Step {
  return step(`remove the journal's entry ${id}`, 'nothing is left of it', { op: 'unlink', dir: JOURNAL, path: id });
}

function tell(id: string, teller: readonly string[], env: Caller['env']): Step {
  const [file = ''] = teller;
  const text = `nstool: what is left of this command's cgroups is removed by: nstool gc ${id}\n`;
  return step(
    `nstool gc ${id}`,
    'only where a limit was met, or something does not go',
    { op: 'spawn', file, argv: teller, env },
    { explanations: [{ errno: ERRNO.EIO, status: failureStatus, text }] },
  );
}

/** What was handed on for us alone is so no longer; and we come back from where we went. */
function restored({ joined, making }: CgroupRunPlan): readonly Step[] {
  return joined.flatMap((each) => {
    const { place, missing, leave } = each.parent;
    const enabling = making.enable.find((one) => one.place === place.at);
    if (enabling?.restore !== true) return [];
    const slot = parentSlot(each);
    const most = leave ? LINKS_OF_EMPTY + 1 : LINKS_OF_EMPTY;
    return [
      step(`has ${place.path} no other cgroups below it?`, 'they may need what it hands on', {
        op: 'links',
        slot,
        most,
      }),
      ...written(
        each,
        'cgroup.subtree_control',
        missing.map((controller) => `-${controller}`).join(' '),
        `hand on ${missing.join(' ')} no longer`,
        'it was for this command alone',
      ),
      ...(leave ? comeBack(each, making.leaveTo) : []),
    ];
  });
}

/** Its own, and that in the directory above. */
const LINKS_OF_EMPTY = 2;

function comeBack(each: JoinedGroup, from: CgroupPlace | null): readonly Step[] {
  const name = from?.below.slice(from.below.lastIndexOf('/') + 1) ?? '';
  return [
    ...written(each, 'cgroup.procs', '0', 'come back', 'it hands nothing on any more, and may have processes'),
    step(`remove ${name}`, 'where we waited', { op: 'rmdir', dir: parentSlot(each), path: name }),
  ];
}

/** Into a file of the cgroup above. */
function written(each: JoinedGroup, file: string, bytes: string, label: string, reason: string): readonly Step[] {
  const slot = `${groupSlot(each)} control`;
  return [
    step(`open ${file}`, reason, { op: 'open', dir: parentSlot(each), path: file, flags: O_WRONLY, into: slot }),
    step(label, reason, { op: 'write', slot, bytes }),
  ];
}
