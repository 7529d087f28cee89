// Entering: from what was asked, and what the target is, to the program that nsexec carries out.
//
// The order, and why: everything is opened first, because /proc and every path mean something else after the first
// setns(2). Then the namespaces, in two rounds: a caller with privileges outside joins the user namespace last, as it
// gives them up there; a caller without any joins it first, as it gains them there. Which of the two we are the kernel
// knows best, so the first round tries all others and forgives, the second joins the user namespace and then what
// is left. Then root and working directory, the fork that a pid namespace asks for, the ids, the command.

import { ERRNO } from '../kernel/abi/errno.ts';
import { O_PATH } from '../kernel/abi/open-flags.ts';
import { RLIMIT_NOFILE, SIGNAL_NUMBERS } from '../kernel/abi/process.ts';
import type { Host } from '../kernel/host.ts';
import type { Explanation, KernelText, Operation, Program, Step } from '../kernel/program.ts';
import { decodeText } from '../kernel/text/text.ts';
import { fileDoor, needsJoining, processDoors, type Door } from './doors.ts';
import type { EnterQuery } from './enter-query.ts';
import { explainExec, explainOpen, failureStatus } from './explain-enter.ts';
import { changeIds, leaveGroups } from './ids.ts';
import { joinNamespaces, openDoor } from './join.ts';
import { PROCESS_SLOT, step } from './step.ts';

/** What the entered program inherits of the caller. */
export interface Caller {
  /** `NAME=value`, as bytes. */
  readonly env: readonly Uint8Array[];
  /** The limit on open files that Node raised, as it was before. */
  readonly openFiles?: { readonly soft: bigint; readonly hard: bigint };
}

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
