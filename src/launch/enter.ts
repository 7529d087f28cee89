// Entering: from what was asked, and what the target is, to the program that nsexec carries out.
//
// The order, and why: everything is opened first, because /proc and every path mean something else after the first
// setns(2). Then the namespaces, in two rounds: a caller with privileges outside joins the user namespace last, as it
// gives them up there; a caller without any joins it first, as it gains them there. Which of the two we are the kernel
// knows best, so the first round tries all others and forgives, the second joins the user namespace and then what
// is left. Then root and working directory, the fork that a pid namespace asks for, the ids, the command.

import { ERRNO } from '../kernel/abi/errno.ts';
import { kindFacts, namespaceKinds, type NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import { O_PATH, O_RDONLY } from '../kernel/abi/open-flags.ts';
import { RLIMIT_NOFILE, SIGNAL_NUMBERS } from '../kernel/abi/process.ts';
import { NsError, errorOfGap } from '../kernel/error.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import type { Explanation, KernelText, Operation, Program, Step } from '../kernel/program.ts';
import { isMapped, parseIdMap, type IdRange } from '../kernel/text/id-map.ts';
import { parseNamespaceLink } from '../kernel/text/namespace-link.ts';
import { decodeText } from '../kernel/text/text.ts';
import { failureStatus, explainExec, explainGone, explainOpen, explainSetns } from './explain-enter.ts';

export interface EnterQuery {
  /** The process whose namespaces are meant. */
  readonly pid?: number | undefined;
  /** The kinds to enter of that process, without those in `files`. */
  readonly kinds: readonly NamespaceKind[] | 'all';
  /** The kinds to enter by a file. */
  readonly files: readonly { readonly kind: NamespaceKind; readonly path: string }[];
  /** `true`: the target's. */
  readonly root?: true | string | undefined;
  readonly workingDirectory?: true | string | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  readonly preserveCredentials: boolean;
  readonly fork: boolean;
  /** Empty: a login shell. */
  readonly command: readonly KernelText[];
  readonly trace: boolean;
}

/** What the entered program inherits of the caller. */
export interface Caller {
  /** `NAME=value`, as bytes. */
  readonly env: readonly Uint8Array[];
  /** The limit on open files that Node raised, as it was before. */
  readonly openFiles?: { readonly soft: bigint; readonly hard: bigint };
}

/** A namespace that will be joined. */
interface Door {
  readonly kind: NamespaceKind;
  /** For people: where the namespace was found. */
  readonly path: string;
  readonly inode: bigint;
  readonly open: Operation;
  /** Is it the namespace that we are in already? */
  readonly ours: boolean;
}

const PROCESS_SLOT = 'process';
/** Marks are numbers; those of the kinds follow this one. */
const GROUPS_MARK = 1;
const DEFAULT_SEARCH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const DEFAULT_SHELL = '/bin/sh';

/** Errors: NO_PROCESS, NO_NAMESPACE, DENIED, UNSUPPORTED, BAD_VALUE. */
export function planEnter(host: Host, query: EnterQuery, caller: Caller): Program {
  const doors = [...processDoors(host, query), ...query.files.map((file) => fileDoor(host, file.kind, file.path))];
  const joined = doors.filter(needsJoining);
  const steps = [
    ...restoreInherited(caller),
    ...openTarget(query),
    ...doors.flatMap((door) => openDoor(door)),
    ...openDirectories(query),
    ...leaveGroups(query, joined),
    ...joinNamespaces(joined),
    ...changeDirectories(query),
    ...forkForPid(query, joined),
    ...changeIds(host, query, joined),
    execute(query, caller),
  ];
  return { steps, failureStatus, trace: query.trace };
}

function step(label: string, reason: string, operation: Operation, more: Partial<Step> = {}): Step {
  return { label, reason, operation, explanations: [], ...more };
}

function processDoors(host: Host, query: EnterQuery): readonly Door[] {
  const { pid, kinds } = query;
  if (pid === undefined) return [];
  const byFile = new Set(query.files.map((file) => file.kind));
  const wanted = namespaceKinds.map((entry) => entry.kind).filter((kind) => !byFile.has(kind));
  if (kinds === 'all') return wanted.flatMap((kind) => processDoor(host, pid, kind, true) ?? []);
  return wanted.filter((kind) => kinds.includes(kind)).flatMap((kind) => processDoor(host, pid, kind, false) ?? []);
}

/** undefined: this kernel has no such kind, and that is no error for `--all`. */
function processDoor(host: Host, pid: number, kind: NamespaceKind, all: boolean): Door | undefined {
  const path = `/proc/${pid}/ns/${kind}`;
  const link = host.readLink(path);
  if (!link.ok) {
    if (link.gap.reason === 'denied') throw new NsError('DENIED', explainGone.denied(pid, link.gap));
    if (link.gap.reason !== 'gone') throw errorOfGap(link.gap, `cannot read ${path}`);
    if (!host.stat(`/proc/${pid}`).ok) throw new NsError('NO_PROCESS', explainGone.process(pid));
    if (host.readLink(`/proc/self/ns/${kind}`).ok) throw new NsError('NO_NAMESPACE', explainGone.zombie(pid, kind));
    if (all) return undefined;
    throw new NsError('UNSUPPORTED', explainGone.kind(kind));
  }
  const id = parseNamespaceLink(link.value, path);
  if (!id.ok) throw errorOfGap(id.gap, `cannot read ${path}`);
  return {
    kind,
    path,
    inode: id.value.inode,
    open: { op: 'open', dir: PROCESS_SLOT, path: `ns/${kind}`, flags: O_RDONLY, into: kind },
    ours: isOurs(host, kind, id.value.inode),
  };
}

function fileDoor(host: Host, kind: NamespaceKind, path: string): Door {
  const inode = host.askNamespace(path, []);
  if (!inode.ok) throw errorOfGap(inode.gap, `cannot open ${path}`);
  const actual = namespaceKindOfFile(host, path);
  if (actual !== kind) {
    throw new NsError('BAD_VALUE', {
      what: `${path} is not a ${kind} namespace`,
      why: `it is a ${actual} namespace`,
      tryThis: `--${kindFacts(actual).option}=${path}`,
    });
  }
  const open: Operation = { op: 'open', path, flags: O_RDONLY, into: kind };
  return { kind, path, inode: inode.value, open, ours: isOurs(host, kind, inode.value) };
}

/** Errors: BAD_VALUE when the file is no namespace, NO_FILE, DENIED. */
export function namespaceKindOfFile(host: Host, path: string): NamespaceKind {
  const type = host.askNamespace(path, ['NS_GET_NSTYPE']);
  const found = type.ok ? namespaceKinds.find((entry) => BigInt(entry.flagValue) === type.value) : undefined;
  if (found !== undefined) return found.kind;
  if (!type.ok && type.gap.reason !== 'unsupported') throw errorOfGap(type.gap, `cannot open ${path}`);
  throw new NsError('BAD_VALUE', {
    what: `${path} is not a namespace`,
    why: 'a namespace file is a link in /proc/PID/ns, or a file that one is mounted on, as in /run/netns',
  });
}

/** For pid and time it is the namespace of our children that counts: the command is one of them. */
function isOurs(host: Host, kind: NamespaceKind, inode: bigint): boolean {
  const own = kind === 'pid' || kind === 'time' ? `${kind}_for_children` : kind;
  return valueOf(host.readLink(`/proc/self/ns/${own}`)) === `${kind}:[${inode}]`;
}

/**
 * Joining the user namespace that one is in is an error (EINVAL), the others would only ask for privileges without
 * need. The mount namespace is different: joining it again also leaves a chroot.
 */
function needsJoining(door: Door): boolean {
  return !door.ours || door.kind === 'mnt';
}

/** Node ignores these signals and raises the limit on open files: the command gets what the caller had. */
function restoreInherited(caller: Caller): readonly Step[] {
  const signals = [SIGNAL_NUMBERS.SIGPIPE, SIGNAL_NUMBERS.SIGXFSZ];
  const mask = signals.reduce((bits, signal) => bits | (1n << BigInt(signal - 1)), 0n);
  const steps = [
    step('default action for SIGPIPE and SIGXFSZ', 'Node ignores them, and what is ignored stays so after exec', {
      op: 'signals',
      default: mask,
      blocked: 0n,
    }),
  ];
  if (caller.openFiles === undefined) return steps;
  const { soft, hard } = caller.openFiles;
  return [
    ...steps,
    step(
      `limit open files to ${soft}`,
      'Node raised the soft limit to the hard one; this is what the calling process has',
      { op: 'rlimit', resource: RLIMIT_NOFILE, soft, hard },
      { try: true },
    ),
  ];
}

function openTarget({ pid }: EnterQuery): readonly Step[] {
  if (pid === undefined) return [];
  return [
    step(
      `open /proc/${pid}`,
      'pins the process: what follows is read through this descriptor, so a reused pid is noticed',
      { op: 'open', path: `/proc/${pid}`, flags: O_PATH, into: PROCESS_SLOT },
      { explanations: explainOpen(`process ${pid}`) },
    ),
  ];
}

function openDoor(door: Door): readonly Step[] {
  if (!needsJoining(door)) return [];
  const name = `${door.kind}:[${door.inode}]`;
  return [
    step(`open ${door.path}`, 'everything is opened before the first setns changes what paths mean', door.open, {
      explanations: explainOpen(door.path),
    }),
    step(
      `check that it is ${name}`,
      'the process could have been replaced, or have moved, since it was looked at',
      { op: 'expect', slot: door.kind, device: 0n, inode: door.inode },
      {
        explanations: [
          {
            errno: ERRNO.ESTALE,
            status: failureStatus,
            text: `nstool: ${door.path} is no longer ${name}\n  why: the process ended or moved meanwhile\n  try: the same command again\n`,
          },
        ],
      },
    ),
  ];
}

const ROOT_SLOT = 'root';
const DIRECTORY_SLOT = 'directory';

function openDirectories({ pid, root, workingDirectory }: EnterQuery): readonly Step[] {
  const open = (what: true | string | undefined, link: string, slot: string): readonly Step[] => {
    if (what === undefined) return [];
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

function joinsUser(joined: readonly Door[]): boolean {
  return joined.some((door) => door.kind === 'user');
}

/** A change of ids was asked for, or follows from entering a user namespace. */
function changesGroups(query: EnterQuery, joined: readonly Door[]): boolean {
  return query.gid !== undefined || (joinsUser(joined) && !query.preserveCredentials);
}

function leaveGroups(query: EnterQuery, joined: readonly Door[]): readonly Step[] {
  if (!changesGroups(query, joined) || !joinsUser(joined)) return [];
  return [
    step(
      'drop supplementary groups',
      'outside the user namespace the caller may be allowed to, inside it may be denied',
      { op: 'setgroups', gids: [] },
      { try: true, mark: GROUPS_MARK },
    ),
  ];
}

function joinNamespaces(joined: readonly Door[]): readonly Step[] {
  const others = joined.filter((door) => door.kind !== 'user');
  const user = joined.filter((door) => door.kind === 'user');
  const join = (door: Door, reason: string, more: Partial<Step>): Step =>
    step(
      `setns ${door.kind}:[${door.inode}]`,
      reason,
      { op: 'setns', slot: door.kind, type: kindFacts(door.kind).flagValue },
      more,
    );
  const fatal = (door: Door): Partial<Step> =>
    // Refused where we are already: nothing is lost.
    door.ours ? { try: true } : { explanations: explainSetns(door.kind, door.path, joinsUser(joined)) };
  if (user.length === 0) return others.map((door) => join(door, joiningReason(door.kind), fatal(door)));
  const mark = (door: Door): number => GROUPS_MARK + 1 + others.indexOf(door);
  return [
    ...others.map((door) =>
      join(door, 'first round: a privileged caller can before it joins the user namespace', {
        try: true,
        mark: mark(door),
      }),
    ),
    ...user.map((door) => join(door, joiningReason('user'), fatal(door))),
    ...others.map((door) =>
      join(door, 'second round: an owner of the user namespace can only now; skipped where joined already', {
        ...fatal(door),
        mark: mark(door),
        once: true,
      }),
    ),
  ];
}

function joiningReason(kind: NamespaceKind): string {
  return `joins the target's ${kindFacts(kind).isolates}`;
}

function changeDirectories({ root, workingDirectory }: EnterQuery): readonly Step[] {
  const steps: Step[] = [];
  if (root !== undefined) {
    steps.push(
      step('chroot to the opened root', 'the working directory becomes the new root: none is left outside', {
        op: 'chroot',
        slot: ROOT_SLOT,
      }),
    );
  }
  if (workingDirectory !== undefined) {
    steps.push(
      step('chdir to the opened directory', 'by descriptor: it may have no path in the new root', {
        op: 'chdir',
        slot: DIRECTORY_SLOT,
      }),
    );
  }
  return steps;
}

function forkForPid(query: EnterQuery, joined: readonly Door[]): readonly Step[] {
  if (!query.fork || !joined.some((door) => door.kind === 'pid')) return [];
  return [
    step(
      'fork',
      'a pid namespace holds for children only; the parent waits and passes signals and status on',
      { op: 'fork', deathSignal: SIGNAL_NUMBERS.SIGKILL },
      {
        explanations: [
          {
            errno: ERRNO.ENOMEM,
            status: failureStatus,
            text: `nstool: cannot start a process in the pid namespace: ENOMEM\n  why: its first process has ended, and nothing can be started in it any more\n`,
          },
        ],
      },
    ),
  ];
}

/** The ids to have, and whether they were asked for or follow from nsenter's rule (0 in a user namespace). */
function changeIds(host: Host, query: EnterQuery, joined: readonly Door[]): readonly Step[] {
  const steps: Step[] = [];
  const byDefault = joinsUser(joined) && !query.preserveCredentials;
  const maps = byDefault && query.pid !== undefined ? readMaps(host, query.pid) : undefined;
  const gid = query.gid ?? (byDefault && isMappedOrUnknown(maps?.gids) ? 0 : undefined);
  const uid = query.uid ?? (byDefault && isMappedOrUnknown(maps?.uids) ? 0 : undefined);
  if (changesGroups(query, joined)) {
    const more: Partial<Step> = joinsUser(joined) ? { mark: GROUPS_MARK, once: true } : {};
    // Denied groups stay as they are: that is what setgroups=deny is for.
    const forgive = query.gid === undefined || maps?.setgroups === 'deny';
    steps.push(
      step(
        'drop supplementary groups',
        'the caller has no business with its groups there; skipped where done already',
        {
          op: 'setgroups',
          gids: [],
        },
        { ...more, ...(forgive ? { try: true } : {}) },
      ),
    );
  }
  const reason = (asked: number | undefined): string =>
    asked === undefined
      ? 'the root of the user namespace, as nsenter(1) does; --preserve-credentials keeps the ids'
      : 'asked for';
  if (gid !== undefined) {
    steps.push(
      step(
        `setgid ${gid}`,
        `${reason(query.gid)}; before the uid, which takes the right to do so`,
        { op: 'setgid', gid },
        idFailure(query.gid, 'gid'),
      ),
    );
  }
  if (uid !== undefined)
    steps.push(step(`setuid ${uid}`, reason(query.uid), { op: 'setuid', uid }, idFailure(query.uid, 'uid')));
  return steps;
}

/** An id that nobody asked for and that is not mapped there is left alone. */
function idFailure(asked: number | undefined, what: 'uid' | 'gid'): Partial<Step> {
  if (asked === undefined) return { try: true };
  const text = (errno: string, why: string): string =>
    `nstool: cannot become ${what} ${asked}: ${errno}\n  why: ${why}\n`;
  return {
    explanations: [
      {
        errno: ERRNO.EINVAL,
        status: failureStatus,
        text: text('EINVAL', `${what} ${asked} is not mapped in that user namespace`),
      },
      {
        errno: ERRNO.EPERM,
        status: failureStatus,
        text: text('EPERM', `that needs CAP_SET${what.toUpperCase()} there`),
      },
    ],
  };
}

interface IdMaps {
  readonly uids: readonly IdRange[] | undefined;
  readonly gids: readonly IdRange[] | undefined;
  readonly setgroups: string | undefined;
}

function readMaps(host: Host, pid: number): IdMaps {
  const map = (name: string): readonly IdRange[] | undefined => {
    const path = `/proc/${pid}/${name}`;
    const bytes = valueOf(host.readFile(path));
    return bytes === undefined ? undefined : valueOf(parseIdMap(bytes, path));
  };
  const setgroups = valueOf(host.readFile(`/proc/${pid}/setgroups`));
  return {
    uids: map('uid_map'),
    gids: map('gid_map'),
    setgroups: setgroups === undefined ? undefined : decodeText(setgroups).trim(),
  };
}

function isMappedOrUnknown(map: readonly IdRange[] | undefined): boolean {
  return map === undefined || isMapped(map, 0);
}

function execute(query: EnterQuery, caller: Caller): Step {
  const search = environment(caller, 'PATH') ?? DEFAULT_SEARCH;
  const shell = environment(caller, 'SHELL') ?? DEFAULT_SHELL;
  const [file, argv]: [KernelText, readonly KernelText[]] =
    query.command[0] === undefined ? [shell, [loginName(shell)]] : [query.command[0], query.command];
  const explanations: readonly Explanation[] = explainExec(display(file), display(search));
  return step(
    `exec ${query.command.length === 0 ? display(shell) : query.command.map(display).join(' ')}`,
    query.command.length === 0 ? 'no command was given: a login shell' : 'the command takes the place of nstool',
    { op: 'exec', file, search, shell: DEFAULT_SHELL, argv, env: caller.env },
    { explanations },
  );
}

function display(text: KernelText): string {
  return typeof text === 'string' ? text : decodeText(text);
}

/** The value of a variable of the caller's, as bytes; undefined when unset or empty. */
function environment(caller: Caller, name: string): Uint8Array | undefined {
  const prefix = `${name}=`;
  for (const variable of caller.env) {
    if (variable.length > prefix.length && decodeText(variable.subarray(0, prefix.length)) === prefix) {
      return variable.subarray(prefix.length);
    }
  }
  return undefined;
}

/** `-bash`: by the dash a shell knows that it is a login shell. */
function loginName(shell: KernelText): string {
  const path = display(shell);
  return `-${path.slice(path.lastIndexOf('/') + 1)}`;
}
