// What a refusal means when entering: texts that nsexec prints, and facts of errors found before it starts.

import { ERRNO, errnoNames, type ErrnoName } from '../kernel/abi/errno.ts';
import type { NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import type { ErrorFacts } from '../kernel/error.ts';
import type { Explanation, Operation } from '../kernel/program.ts';
import { noChroot, noRoot, notADescendant, type Refusal, type Rule } from './rule.ts';

/** The exit status of every failure of ours, as env(1), nohup(1) and docker have it. */
export const failureStatus = 125;
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

function explanation(errno: keyof typeof ERRNO, what: string, why: string, tryThis?: string): Explanation {
  const advice = tryThis === undefined ? '' : `  try: ${tryThis}\n`;
  return { errno: ERRNO[errno], status: failureStatus, text: `nstool: ${what}: ${errno}\n  why: ${why}\n${advice}` };
}

/** Errors before anything was tried. */
export const explainGone = {
  process: (pid: number): ErrorFacts => ({
    what: `no process ${pid}`,
    why: `there is no /proc/${pid} for us: it ended, or the mount option hidepid hides it`,
    tryThis: 'nstool ls -o PID,COMMAND,NS,TYPE',
  }),
  zombie: (pid: number, kind: NamespaceKind): ErrorFacts => ({
    what: `process ${pid} shows no ${kind} namespace`,
    why: 'its main thread has ended (a zombie), or a mount covers its folder in /proc',
  }),
  kind: (kind: NamespaceKind): ErrorFacts => ({
    what: `this kernel has no ${kind} namespaces`,
    why: `/proc/self/ns/${kind} does not exist`,
  }),
};

const CLOSED: Rule = { why: 'the kernel refuses it to this user', tryThis: 'the same command with sudo' };

const OPENING = {
  ENOENT: { why: 'it does not exist, or not any more' },
  ESRCH: { why: 'the process has ended' },
  EACCES: CLOSED,
  EPERM: CLOSED,
  ENOTDIR: { why: 'what its path leads through is no directory' },
  ELOOP: { why: 'the links on its path lead round and round' },
} as const satisfies Partial<Record<ErrnoName, Rule>>;

export function explainOpen(path: string): readonly Explanation[] {
  return explainBy(`cannot open ${path}`, OPENING);
}

/** undefined: another errno, which has no text. */
export function refusedOpen(path: string, errno: string | undefined): Refusal | undefined {
  return refusedBy(`cannot open ${path}`, OPENING, errno);
}

const CHANGING = {
  ENOTDIR: { why: 'it is no directory' },
  EACCES: { why: 'the directory is closed to us' },
} as const satisfies Partial<Record<ErrnoName, Rule>>;

/** Of a working directory that was opened before, whatever it is. */
export function explainChange(path: string): readonly Explanation[] {
  return explainBy(`cannot change to ${path}`, CHANGING);
}

export function refusedChange(path: string, errno: string): Refusal | undefined {
  return refusedBy(`cannot change to ${path}`, CHANGING, errno);
}

type Rules = Readonly<Partial<Record<ErrnoName, Rule>>>;

function explainBy(what: string, rules: Rules): readonly Explanation[] {
  return errnoNames.flatMap((errno) => {
    const rule = rules[errno];
    return rule === undefined ? [] : [explanation(errno, what, rule.why, rule.tryThis)];
  });
}

function refusedBy(what: string, rules: Rules, errno: string | undefined): Refusal | undefined {
  const name = errnoNames.find((each) => each === errno);
  const rule = name === undefined ? undefined : rules[name];
  return rule === undefined ? undefined : { what: `${what}: ${errno}`, ...rule };
}

/** Of an operation that opens a namespace, or leads to it. */
export function explainOpening(operation: Operation, path: string): readonly Explanation[] {
  const refused = (why: string): Explanation => explanation('EPERM', `cannot open ${path}`, why);
  if (operation.op === 'getfd')
    return [
      refused('pidfd_getfd(2) asks for access to attach, as ptrace(2) does; yama may restrict that'),
      explanation('EBADF', `cannot open ${path}`, 'the process has no such descriptor'),
    ];
  if (operation.op !== 'reach') return explainOpen(path);
  return operation.question.startsWith('NS_')
    ? [refused('the kernel shows no user namespace above our own')]
    : [refused('that needs CAP_NET_ADMIN in the user namespace that owns it')];
}

/** Source: setns(2), and the install function of each kind in the kernel. */
export function explainSetns(kind: NamespaceKind, path: string, rule: Rule | undefined): readonly Explanation[] {
  const what = `cannot join the ${kind} namespace of ${path}`;
  const { why, tryThis } = rule ?? { why: 'that needs CAP_SYS_ADMIN in the user namespace that owns it, and in ours' };
  const refused = explanation('EPERM', what, why, tryThis);
  switch (kind) {
    case 'user':
      return [refused, explanation('EINVAL', what, 'it is the user namespace that this process is in')];
    case 'pid':
      return [explanation('EINVAL', what, notADescendant), refused];
    case 'time':
      return [refused, explanation('EUSERS', what, 'the calling process has threads')];
    case 'cgroup':
    case 'ipc':
    case 'mnt':
    case 'net':
    case 'uts':
      return [refused];
  }
}

/** Of a directory that was opened before, whatever it is. */
export const explainRoot: readonly Explanation[] = [
  { errno: ERRNO.EPERM, status: failureStatus, text: `nstool: ${noChroot.what}\n  why: ${noChroot.why}\n` },
  { errno: ERRNO.ENOTDIR, status: failureStatus, text: `nstool: ${noRoot.what}\n  why: ${noRoot.why}\n` },
  explanation('EACCES', 'cannot change the root', 'the directory is closed to us'),
];

/** Where a command is looked for. */
export interface Place {
  /** Which file system that is; empty: ours. */
  readonly where: string;
  /** Where it would be found. Absent: nothing is known. */
  readonly tryThis?: string | undefined;
}

const HERE: Place = { where: '' };

export function explainExec(file: string, search: string, { where, tryThis }: Place = HERE): readonly Explanation[] {
  const place = [...(file.includes('/') ? [] : [`in ${search}`]), ...(where === '' ? [] : [where])].join(', ');
  const why = place === '' ? 'it is not there' : `it is not ${place}`;
  const advice = tryThis === undefined ? '' : `  try: ${tryThis}\n`;
  const missing = `not found (ENOENT)\n  why: ${why}; or it is, and the interpreter or loader that it names is not\n`;
  return [
    { errno: ERRNO.ENOENT, status: NOT_FOUND, text: `nstool: cannot run '${file}': ${missing}${advice}` },
    {
      errno: ERRNO.EACCES,
      status: NOT_EXECUTABLE,
      text: `nstool: cannot run '${file}': permission denied (EACCES)\n  why: it is not executable, or a folder on its path is closed to us\n`,
    },
    {
      errno: ERRNO.ENOEXEC,
      status: NOT_EXECUTABLE,
      text: `nstool: cannot run '${file}': not a program for this machine (ENOEXEC)\n`,
    },
    {
      errno: ERRNO.E2BIG,
      status: NOT_EXECUTABLE,
      text: `nstool: cannot run '${file}': arguments and environment are too long (E2BIG)\n`,
    },
    {
      errno: 0,
      status: NOT_EXECUTABLE,
      text: `nstool: cannot run '${file}'\n  why: the kernel refuses to execute it\n`,
    },
  ];
}
