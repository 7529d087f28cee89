// Entering: from what was asked, and what the target is, to the program that nsexec carries out.
//
// The order, and why: everything is opened first, because /proc and every path mean something else after the first
// setns(2). Then the namespaces, in two rounds: a caller with privileges outside joins the user namespace last, as it
// gives them up there; a caller without any joins it first, as it gains them there. Which of the two we are the kernel
// knows best, so the first round tries all others and forgives, the second joins the user namespace and then what
// is left. Several namespaces of one process with its user namespace are first tried by one call, which also reaches a
// user namespace below the one that owns the others (bwrap makes such). Cgroups are joined before: a kernel may forbid it
// from a cgroup namespace that does not contain where we come from. Then root and working directory, the fork that a pid
// namespace asks for, the ids, the command. What is mounted for the command alone stands in own-mounts.ts.

import { ERRNO } from '../kernel/abi/errno.ts';
import { identifyProcess, looksContained } from '../containers/identify.ts';
import type { Identity } from '../containers/identity.ts';
import { O_PATH } from '../kernel/abi/open-flags.ts';
import { SIGNAL_NUMBERS } from '../kernel/abi/process.ts';
import { GapTally, type CountedGap } from '../kernel/gap-tally.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import type { Explanation, Operation, Program, Step } from '../kernel/program.ts';
import { pathDoor, type Door as Way } from '../namespaces/discover/door.ts';
import { likeTarget } from './as-target/as-target.ts';
import { remarks, type Uncopied } from './as-target/part.ts';
import { joinCgroups, type CgroupSteps } from './cgroups.ts';
import { execute, restoreInherited, variable, type Caller } from './command.ts';
import { givenDoor, needsJoining, processDoors, type Door } from './doors.ts';
import type { EnterQuery } from './enter-query.ts';
import { explainChange, explainOpen, explainRoot, failureStatus, type Place } from './explain-enter.ts';
import { foresee, type Foresight } from './foresee.ts';
import { foreseeChange, foreseeOpening } from './foresee-directories.ts';
import { foreseeIds } from './foresee-ids.ts';
import { deadInit } from './rule.ts';
import { keepCapabilities, powerlessNote } from './ids.ts';
import { joinNamespaces, openDoor } from './join.ts';
import { ownMounts } from './own-mounts.ts';
import { loginShell } from './login-shell.ts';
import { openPty, reasonForPty, relay } from './pty.ts';
import { sandboxNote } from './sandbox.ts';
import { standingOf } from './standing.ts';
import { PROCESS_SLOT, shown, step } from './step.ts';
import { ownTerminal } from './terminal-owner.ts';
import { environmentOf, followContext, foreseeNumber, isOwnRoot, openProcess } from './target-process.ts';

export interface EnterPlan {
  readonly program: Program;
  /** What `--as-target` is known not to copy. */
  readonly uncopied: readonly Uncopied[];
  /** What the kernel will say to it, as far as can be told. */
  readonly foresight: Foresight;
  /** To be said before it starts. */
  readonly notes: readonly string[];
  /** Files of the target that could not be read: the command finds ours instead, or none. */
  readonly unread: readonly CountedGap[];
}

/** Errors: NO_PROCESS, NO_NAMESPACE, DENIED, UNSUPPORTED, BAD_VALUE. */
export function planEnter(host: Host, query: EnterQuery, caller: Caller): EnterPlan {
  const gaps = new GapTally();
  const us = standingOf(host);
  const doors = doorsOf(host, query);
  const around = ownMounts(host, us, query, doors, gaps);
  const unread = gaps.list();
  const joined = doors.filter(needsJoining);
  const asked = around.mounts === undefined ? joined : [...joined, around.mounts];
  const cgroups = cgroupsOf(host, query);
  const env = environmentFor(host, query, caller);
  const foresight = foresee(host, us, query, asked, around.mounts, gaps);
  const isPrivate = around.before.length + around.after.length + around.afterFork.length > 0;
  const places = isPrivate ? withOwnDirectory(host, query, doors) : query;
  const identity = identityOf(host, query);
  const pty = reasonForPty(host, query, joined, identity);
  const likeness = likeTarget(host, query, joined, caller);
  const owner = pty === undefined ? undefined : ownTerminal(host, us, query, joined, likeness.inside);
  const before = [
    ...restoreInherited(caller),
    ...openDirectories(places, 'named'),
    ...openProcess(query, joined),
    ...likeness.pinned,
    ...(around.mounts === undefined ? doors : [...doors, around.mounts]).flatMap((door) => openDoor(door)),
    ...openDirectories(places, "target's"),
    ...around.open,
    ...(cgroups?.open ?? []),
    ...(pty === undefined ? [] : openPty(query)),
    ...(owner?.before ?? []),
    ...followContext(host, query),
    ...likeness.outside,
    ...(cgroups?.join ?? []),
    ...around.before,
    ...joinNamespaces(joined, foresight.rules),
    ...around.after,
    ...changeDirectories(host, places),
    ...(owner?.after ?? []),
    ...divide(query, joined, pty),
    ...around.afterFork,
    ...likeness.inside,
    ...keepCapabilities(query, joined),
  ];
  const shell = query.command.length > 0 ? undefined : loginShell(host, query, doors, before, variable(env, 'SHELL'));
  const steps = [...before, execute(query, env, shell, placeOf(query, doors))];
  const program = { steps, failureStatus, trace: query.trace };
  const refusal =
    foreseeOpening(host, places, gaps) ??
    foreseeNumber(host, query, gaps) ??
    foresight.refusal ??
    foreseeChange(host, places, doors, gaps) ??
    foreseeIds(host, us, query, joined);
  const whole = refusal === undefined ? foresight : { ...foresight, refusal };
  const uncopied = [...(cgroups?.uncopied ?? []), ...likeness.uncopied];
  const notes = [sandboxNote(identity), powerlessNote(host, query, joined)].filter((note) => note !== undefined);
  return { program, uncopied, unread, foresight: whole, notes };
}

/** All of it takes some milliseconds, so it is asked for only when it may change something. */
function identityOf(host: Host, { pid, pty }: EnterQuery): Identity | undefined {
  if (pid === undefined || !(pty?.when === 'foreign' || looksContained(host, pid))) return undefined;
  return valueOf(identifyProcess(host, pid));
}

function cgroupsOf(host: Host, { pid, joinCgroup, asTarget }: EnterQuery): CgroupSteps | undefined {
  if (pid === undefined) return undefined;
  if (joinCgroup === true) return joinCgroups(host, pid, false);
  return asTarget?.has('cgroup') === true ? joinCgroups(host, pid, true) : undefined;
}

/** Those of the process first. With `--tools` the file system is another one: its mount namespace is not entered. */
function doorsOf(host: Host, query: EnterQuery): readonly Door[] {
  const doors = allDoors(host, query);
  return query.tools === undefined ? doors : doors.filter(({ kind }) => kind !== 'mnt');
}

function allDoors(host: Host, query: EnterQuery): readonly Door[] {
  const given = query.given.map(({ kind, way }) => givenDoor(host, kind, way));
  const doors = [
    ...processDoors(
      host,
      query,
      given.map(({ kind }) => kind),
    ),
    ...given,
  ];
  if (query.userParent !== true) return doors;
  return [...doors.filter(({ kind }) => kind !== 'user'), givenDoor(host, 'user', wayToParent(query, doors))];
}

/** As nsenter(1): above the user namespace that was asked for, else that of the process, else the owner of the first. */
function wayToParent({ pid, given }: EnterQuery, doors: readonly Door[]): Way {
  const way = given.find(({ kind }) => kind === 'user')?.way ?? (pid === undefined ? given[0]?.way : undefined);
  const { at, through } = way ?? pathDoor(doors.find(({ kind }) => kind === 'user')?.path ?? `/proc/${pid}/ns/user`);
  return { at, through: [...through, 'NS_GET_USERNS'] };
}

function environmentFor(host: Host, { targetEnvironment, pid }: EnterQuery, caller: Caller): readonly Uint8Array[] {
  return targetEnvironment === true && pid !== undefined ? environmentOf(host, pid) : caller.env;
}

/**
 * With mounts of our own a directory of ours that was opened before them is in none of them. A working directory that
 * the target has in our mount namespace is found by its path again.
 */
function withOwnDirectory(host: Host, query: EnterQuery, doors: readonly Door[]): EnterQuery {
  const { workingDirectory: wanted, pid, tools } = query;
  if (wanted === undefined || query.root !== undefined || doors.some(({ kind }) => kind === 'mnt')) return query;
  const isOurs = valueOf(host.readLink(`/proc/${pid}/ns/mnt`)) === valueOf(host.readLink('/proc/self/ns/mnt'));
  const path = wanted === true && isOurs && tools === undefined ? valueOf(host.readLink(`/proc/${pid}/cwd`)) : wanted;
  return typeof path === 'string' ? { ...query, workingDirectory: undefined, innerDirectory: path } : query;
}

const ROOT_SLOT = 'root';
const DIRECTORY_SLOT = 'directory';

/** Those that were named come before all else: /proc/self/fd/N then leads to nothing that we opened (CVE-2024-21626). */
function openDirectories({ pid, root, workingDirectory }: EnterQuery, which: 'named' | "target's"): readonly Step[] {
  const open = (what: true | string | undefined, link: string, slot: string): readonly Step[] => {
    if (what === undefined || (which === 'named') !== (typeof what === 'string')) return [];
    const path = what === true ? `/proc/${pid}/${link}` : what;
    const operation: Operation =
      what === true
        ? { op: 'open', dir: PROCESS_SLOT, path: link, flags: O_PATH, into: slot }
        : { op: 'open', path: what, flags: O_PATH, into: slot };
    return [
      step(`open ${path}`, `the ${slot} is opened while its path still means this`, operation, {
        explanations: explainOpen(path),
      }),
    ];
  };
  return [...open(root, 'root', ROOT_SLOT), ...open(workingDirectory, 'cwd', DIRECTORY_SLOT)];
}

/** A directory of our /proc, to which a link of the target's to /proc/self/fd/N would lead (CVE-2024-21626). */
const closeProcess = step(
  'close the folder of the process',
  'nothing of this host is to be found through /proc/self/fd',
  { op: 'close', slot: PROCESS_SLOT },
  { try: true },
);

function changeDirectories(host: Host, query: EnterQuery): readonly Step[] {
  const { root, workingDirectory, innerDirectory, asTarget } = query;
  const isSame = isOwnRoot(host, query);
  const steps: Step[] = [];
  if (root !== undefined) {
    steps.push(
      step(
        'chroot to the opened root',
        'the working directory becomes the new root: none is left outside',
        { op: 'chroot', slot: ROOT_SLOT },
        {
          try: isSame,
          explanations: isSame ? [] : explainRoot,
        },
      ),
    );
  }
  if (workingDirectory !== undefined) {
    steps.push(
      step(
        'chdir to the opened directory',
        'by descriptor: it may have no path in the new root',
        { op: 'chdir', slot: DIRECTORY_SLOT },
        asTarget?.has('cwd') === true
          ? { try: true, explanations: remarks('working directory', { EACCES: 'it is closed to us' }) }
          : { explanations: explainChange(workingDirectory === true ? 'the working directory' : workingDirectory) },
      ),
    );
  }
  if (innerDirectory !== undefined) {
    const follows = query.uid === 'follow' || query.gid === 'follow';
    if (query.pid !== undefined && !follows) steps.push(closeProcess);
    steps.push(
      step(
        `open ${innerDirectory}`,
        'its path is meant as it is in there',
        { op: 'open', path: innerDirectory, flags: O_PATH, into: DIRECTORY_SLOT },
        { explanations: explainOpen(`${innerDirectory} in there`) },
      ),
      step(
        `chdir to ${innerDirectory}`,
        'asked for',
        { op: 'chdir', slot: DIRECTORY_SLOT },
        { explanations: explainChange(`${innerDirectory} in there`) },
      ),
    );
  }
  return steps;
}

/** Into the command and a parent that waits: for a pid namespace, and for a terminal between us and the command. */
function divide(query: EnterQuery, joined: readonly Door[], pty: string | undefined): readonly Step[] {
  const explanations: readonly Explanation[] = [
    { errno: ERRNO.ENOMEM, status: failureStatus, text: `nstool: ${deadInit.what}\n  why: ${deadInit.why}\n` },
  ];
  if (pty !== undefined) return [relay(query, pty, explanations)];
  if (!query.fork || !joined.some((door) => door.kind === 'pid')) return [];
  return [
    step(
      'fork',
      'a pid namespace holds for children only; the parent waits and passes signals and status on',
      { op: 'fork', deathSignal: SIGNAL_NUMBERS.SIGKILL },
      { explanations },
    ),
  ];
}

/** Where the command is looked for. Programs of ours are at hand where a process shows whose file system it is. */
function placeOf(query: EnterQuery, doors: readonly Door[]): Place {
  const { pid, root, tools, command } = query;
  if (tools !== undefined) return { where: typeof tools === 'string' ? `below ${shown(tools)}` : '' };
  const mounts = doors.find(({ kind, ours }) => kind === 'mnt' && !ours);
  if (mounts === undefined && root === undefined) return { where: '' };
  const where = 'in the file system that was entered';
  const process = mounts?.ofProcess === false ? /^\/proc\/([0-9]+)\/ns\/mnt$/.exec(mounts.path)?.[1] : pid;
  if (process === undefined || typeof root === 'string') return { where };
  return { where, tryThis: `nstool enter ${process} --tools${command.length === 0 ? '' : ' COMMAND'}` };
}
