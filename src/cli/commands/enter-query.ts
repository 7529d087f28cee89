// From the options of `enter` to a query.

import { kindFacts, namespaceKinds, type NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { NsError } from '../../kernel/error.ts';
import type { Host } from '../../kernel/host.ts';
import { parseDecimal } from '../../kernel/text/text.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { resolveTarget } from '../../inspect/resolve-target.ts';
import { namespaceKindOfFile } from '../../launch/doors.ts';
import type { EnterQuery } from '../../launch/enter-query.ts';
import { flag, optionValue, type Invocation, type OptionDefinition } from '../define-command.ts';
import { splitRecorded } from '../recorded-target.ts';

const kindOptions: readonly OptionDefinition[] = namespaceKinds.toSorted(byLetterOfNsenter).map((entry) => ({
  long: entry.option,
  short: entry.letter,
  value: 'PATH',
  optionalValue: true,
  help: `the ${entry.kind} namespace: ${entry.isolates}`,
}));

/** As nsenter's help lists them. */
function byLetterOfNsenter(a: { letter: string }, b: { letter: string }): number {
  const order = 'muinpUCT';
  return order.indexOf(a.letter) - order.indexOf(b.letter);
}

export const enterOptions: readonly OptionDefinition[] = [
  { long: 'target', short: 't', value: 'PID', help: 'the process; then there is no TARGET operand' },
  { long: 'all', short: 'a', help: 'all namespaces of the target' },
  ...kindOptions,
  { long: 'root', short: 'r', value: 'DIR', optionalValue: true, help: "change the root to the target's, or DIR" },
  {
    long: 'wd',
    short: 'w',
    value: 'DIR',
    optionalValue: true,
    help: "change to the target's working directory, or DIR",
  },
  { long: 'setuid', short: 'S', value: 'UID', help: 'become this uid' },
  { long: 'setgid', short: 'G', value: 'GID', help: 'become this gid, without supplementary groups' },
  { long: 'preserve-credentials', help: 'keep the ids when a user namespace is entered (default there: 0)' },
  { long: 'no-fork', short: 'F', help: 'do not fork, also for a pid namespace' },
  { long: 'dry-run', help: 'print the steps with their reasons, and do nothing' },
  { long: 'verbose', short: 'v', help: 'print the steps as they happen' },
];

/** With a path of their own these need no process. */
export const pathOptions: readonly string[] = kindOptions.map((option) => option.long);

export function enterRecording(invocation: Invocation): string | undefined {
  const recording = splitRecorded(invocation.operands[0] ?? optionValue(invocation, 'target'))?.recording;
  const asked = recording ?? optionValue(invocation, 'from');
  if (asked !== undefined && !flag(invocation, 'dry-run')) {
    throw new NsError('USAGE', {
      what: 'a process of a recorded host cannot be entered',
      why: `${asked} is a recording`,
      tryThis: 'the same command with --dry-run',
    });
  }
  return recording;
}

/** Errors: USAGE, BAD_VALUE, NO_FILE, DENIED. */
export function enterQuery(invocation: Invocation, host: Host): EnterQuery {
  const { pid, path } = targetOf(invocation, host);
  const files = filesOf(invocation);
  const named = kindsWithout(invocation, '');
  if (path !== undefined) {
    if (named.length > 0 || flag(invocation, 'all')) throw aloneError(path);
    files.push({ kind: namespaceKindOfFile(host, path), path });
  }
  if (pid === undefined) requireProcess(invocation, named, files);
  const all = flag(invocation, 'all') || (pid !== undefined && named.length === 0 && files.length === 0);
  return {
    kinds: all ? 'all' : named,
    files,
    preserveCredentials: flag(invocation, 'preserve-credentials'),
    fork: !flag(invocation, 'no-fork'),
    command: invocation.program,
    trace: flag(invocation, 'verbose'),
    pid,
    root: directory(invocation, 'root'),
    workingDirectory: directory(invocation, 'wd'),
    uid: idOf(invocation, 'setuid'),
    gid: idOf(invocation, 'setgid'),
  };
}

function targetOf(invocation: Invocation, host: Host): { readonly pid?: number; readonly path?: string } {
  const word = optionValue(invocation, 'target') ?? invocation.operands[0];
  if (word === undefined) return {};
  // A pid means another process in a /proc that is not ours.
  requireOwnProc(host);
  const target = resolveTarget(host, splitRecorded(word).word);
  if (target.type === 'process') return { pid: target.pid };
  if (target.type === 'namespace' && target.path !== null) return { path: target.path };
  throw new NsError('UNSUPPORTED', {
    what: `'${word}' cannot be entered`,
    why: target.type === 'host' ? 'its namespaces are those of process 1' : 'no file leads to it, only a descriptor',
    tryThis: target.type === 'host' ? 'nstool enter 1' : `nstool holders ${target.kind}:${target.inode}`,
  });
}

/** The kinds that were given with a path. */
function filesOf(invocation: Invocation): { kind: NamespaceKind; path: string }[] {
  return namespaceKinds.flatMap(({ kind, option }) => {
    const path = invocation.options.get(option)?.findLast((value) => value !== '');
    return path === undefined ? [] : [{ kind, path }];
  });
}

/** The kinds that were given with this value. */
function kindsWithout(invocation: Invocation, value: string): readonly NamespaceKind[] {
  return namespaceKinds
    .filter(({ option }) => invocation.options.get(option)?.every((given) => given === value) === true)
    .map(({ kind }) => kind);
}

function aloneError(path: string): NsError {
  return new NsError('USAGE', {
    what: `${path} is one namespace, and is entered alone`,
    why: 'further kinds need a file of their own',
    tryThis: `nstool enter --net=${path} --mount=/proc/PID/ns/mnt COMMAND`,
  });
}

/** Without a process nothing can be taken from one. */
function requireProcess(
  invocation: Invocation,
  named: readonly NamespaceKind[],
  files: readonly { readonly kind: NamespaceKind }[],
): void {
  const bare = named.map((kind) => `--${kindFacts(kind).option}`);
  if (flag(invocation, 'all')) bare.push('--all');
  for (const option of ['root', 'wd']) {
    if (invocation.options.get(option)?.includes('') === true) bare.push(`--${option}`);
  }
  const [first] = bare;
  if (first !== undefined) {
    throw new NsError('USAGE', {
      what: `${first} needs a process`,
      why: 'no pid was given',
      tryThis: `nstool enter -t PID ${first} COMMAND`,
    });
  }
  if (files.length === 0) {
    throw new NsError('USAGE', {
      what: 'no target',
      why: 'a target is a pid or the path of a namespace',
      tryThis: 'nstool help enter',
    });
  }
}

function directory(invocation: Invocation, long: string): true | string | undefined {
  const value = optionValue(invocation, long);
  return value === '' ? true : value;
}

/** The last id (-1) is none. */
const LAST_ID = 0xfffffffe;

function idOf(invocation: Invocation, long: string): number | undefined {
  const word = optionValue(invocation, long);
  if (word === undefined) return undefined;
  const id = parseDecimal(word);
  if (id === undefined || id > LAST_ID) {
    throw new NsError('BAD_VALUE', { what: `--${long} takes a number, not '${word}'`, why: `ids are 0 to ${LAST_ID}` });
  }
  return id;
}
