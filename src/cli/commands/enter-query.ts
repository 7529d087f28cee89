// From the options of `enter` to a query.

import { kindFacts, namespaceKinds, type NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { NsError } from '../../kernel/error.ts';
import type { Host } from '../../kernel/host.ts';
import { parseDecimal, parseUnsigned64 } from '../../kernel/text/text.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { resolveTarget, type ResolvedTarget } from '../../inspect/resolve-target.ts';
import type { Door as Way } from '../../namespaces/discover/door.ts';
import { namespaceKindOf } from '../../launch/doors.ts';
import { asTargetParts, type AsTargetPart } from '../../launch/as-target/part.ts';
import { DEFAULT_SEARCH } from '../../launch/command.ts';
import type { EnterQuery, WantedId } from '../../launch/enter-query.ts';
import { wayTo, wayToInitial } from '../../launch/given.ts';
import { flag, optionValue, type Context, type Invocation, type OptionDefinition } from '../define-command.ts';
import { nearest } from '../nearest.ts';
import { splitRecorded } from '../recorded-target.ts';

const kindOptions: readonly OptionDefinition[] = namespaceKinds.toSorted(byLetterOfNsenter).map((entry) => ({
  long: entry.option,
  short: entry.letter,
  value: 'OF',
  optionalValue: true,
  help: `the ${entry.kind} namespace: ${entry.isolates}`,
}));

const asTargetWords: readonly string[] = asTargetParts.map((part) => `no-${part}`);

/** As nsenter's help lists them. */
function byLetterOfNsenter(a: { letter: string }, b: { letter: string }): number {
  const order = 'muinpUCT';
  return order.indexOf(a.letter) - order.indexOf(b.letter);
}

export const enterOptions: readonly OptionDefinition[] = [
  { long: 'target', short: 't', value: 'TARGET', help: 'the target; then there is no TARGET operand' },
  { long: 'all', short: 'a', help: 'all namespaces of the target' },
  ...kindOptions,
  {
    long: 'as-target',
    value: 'no-PART,…',
    optionalValue: true,
    choices: asTargetWords,
    help: 'as docker exec makes it: all that the target has, but no-PART (see above)',
  },
  { long: 'net-socket', short: 'N', value: 'FD', help: "the network namespace of the target's socket FD" },
  { long: 'user-parent', help: 'the user namespace above that of the target, or of --user=OF' },
  { long: 'root', short: 'r', value: 'DIR', optionalValue: true, help: "change the root to the target's, or DIR" },
  {
    long: 'wd',
    short: 'w',
    value: 'DIR',
    optionalValue: true,
    help: "change to the target's working directory, or DIR",
  },
  { long: 'wdns', short: 'W', value: 'DIR', help: 'change to DIR as its path is meant in there' },
  { long: 'env', short: 'e', help: 'the environment of the target instead of ours' },
  { long: 'join-cgroup', short: 'c', help: 'join the cgroups of the target: v2, and each v1 hierarchy' },
  {
    long: 'follow-context',
    short: 'Z',
    help: 'the SELinux context of the target; nothing where SELinux is not active',
  },
  { long: 'setuid', short: 'S', value: 'UID', help: "become this uid; follow: the target's" },
  {
    long: 'setgid',
    short: 'G',
    value: 'GID',
    help: "become this gid, without supplementary groups; follow: the target's",
  },
  { long: 'preserve-credentials', help: 'keep the ids when a user namespace is entered (default there: 0)' },
  { long: 'keep-caps', help: 'keep the capabilities that a user namespace gives, also without uid 0' },
  { long: 'dns', help: 'resolve names as the target does, with its resolv.conf and hosts, for COMMAND alone' },
  { long: 'no-dns', help: 'resolve names as here, also where the network is that of a target' },
  { long: 'no-proc', help: 'with --pid and without --mount: no /proc of that pid namespace for COMMAND' },
  {
    long: 'tools',
    value: 'DIR',
    optionalValue: true,
    help: "the programs of this host, or of DIR, with the target's file system at /target",
  },
  { long: 'no-fork', short: 'F', help: 'do not fork, also for a pid namespace' },
  {
    long: 'pty',
    help: 'a terminal of its own; default on a terminal, for another user namespace or a container',
  },
  { long: 'no-pty', help: "our own terminal, with the shell's job control" },
  { long: 'dry-run', help: 'print the steps with their reasons, foresee a refusal (status 4), and do nothing' },
  { long: 'json', short: 'J', help: 'with --dry-run: the program, the verdict and the gaps as JSON' },
  { long: 'program', value: 'FILE', help: 'carry out a program that --dry-run --json printed, edited or not' },
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

/** Errors: USAGE, BAD_VALUE, NO_PROCESS, NO_NAMESPACE, NO_FILE, DENIED, UNSUPPORTED. */
export function enterQuery(invocation: Invocation, host: Host, context: Context): EnterQuery {
  const target = targetOf(invocation, host);
  const named = kindsWithout(invocation, '');
  const given = [...givenByWord(invocation, host), ...givenByTarget(invocation, host, target, named)];
  const pid = target?.type === 'process' ? target.pid : undefined;
  if (pid === undefined) requireProcess(invocation, target === undefined ? named : [], given.length > 0);
  const userParent = flag(invocation, 'user-parent');
  const asTarget = asTargetOf(invocation);
  const all = flag(invocation, 'all') || asTarget?.has('ns') === true;
  const noKind = named.length === 0 && given.length === 0 && !userParent;
  return {
    pid,
    pidfdInode: target?.type === 'process' ? target.pidfdInode : undefined,
    kinds: pid !== undefined && (all || (noKind && asTarget === undefined)) ? 'all' : named,
    given,
    userParent,
    ...directories(invocation, asTarget),
    uid: idOf(invocation, 'setuid'),
    gid: idOf(invocation, 'setgid'),
    preserveCredentials: flag(invocation, 'preserve-credentials'),
    keepCapabilities: flag(invocation, 'keep-caps'),
    targetEnvironment: flag(invocation, 'env') || asTarget?.has('env') === true,
    joinCgroup: flag(invocation, 'join-cgroup'),
    followContext: flag(invocation, 'follow-context'),
    ...(asTarget === undefined ? {} : { asTarget: stillToCopy(invocation, asTarget) }),
    ...ownMounts(invocation),
    fork: !flag(invocation, 'no-fork'),
    pty: ptyOf(invocation, context),
    command: invocation.program,
    trace: flag(invocation, 'verbose'),
  };
}

/** undefined: it was not given. Errors: BAD_VALUE. */
function asTargetOf(invocation: Invocation): ReadonlySet<AsTargetPart> | undefined {
  const values = invocation.options.get('as-target');
  if (values === undefined) return undefined;
  const words = new Set(values.flatMap((value) => (value === '' ? [] : value.split(','))));
  for (const word of words) {
    if (asTargetWords.includes(word)) continue;
    const meant = asTargetWords.find((known) => known === `no-${word}`) ?? nearest(word, asTargetWords);
    throw new NsError('BAD_VALUE', {
      what: `--as-target=${word}: there is no '${word}'`,
      why: `it takes all but what is named: ${asTargetWords.join(', ')}`,
      tryThis: meant === undefined ? '--as-target' : `--as-target=${meant}`,
    });
  }
  return new Set(asTargetParts.filter((part) => !words.has(`no-${part}`)));
}

/** Without what other options ask for in their own way. */
function stillToCopy(invocation: Invocation, parts: ReadonlySet<AsTargetPart>): ReadonlySet<AsTargetPart> {
  const instead: readonly (readonly [AsTargetPart, readonly string[]])[] = [
    ['root', ['root']],
    ['cwd', ['wd', 'wdns']],
    ['cgroup', ['join-cgroup']],
    ['label', ['follow-context']],
    ['ids', ['preserve-credentials']],
    ['caps', ['keep-caps']],
  ];
  const left = new Set(parts);
  for (const [part, options] of instead) if (options.some((option) => flag(invocation, option))) left.delete(part);
  return left;
}

type EnterTarget =
  | { readonly type: 'process'; readonly pid: number; readonly pidfdInode?: bigint }
  | { readonly type: 'host' }
  | { readonly type: 'namespace'; readonly way: Way; readonly word: string };

function targetOf(invocation: Invocation, host: Host): EnterTarget | undefined {
  const word = optionValue(invocation, 'target') ?? invocation.operands[0];
  if (word === undefined) return undefined;
  // A pid means another process in a /proc that is not ours.
  requireOwnProc(host);
  const { word: name } = splitRecorded(word);
  const numbered = /^([0-9]+):([0-9]+)$/.exec(name);
  const pidfdInode = parseUnsigned64(numbered?.[2]);
  const target = resolved(invocation, host, pidfdInode === undefined ? name : (numbered?.[1] ?? name));
  if (target.type === 'namespace') return { type: 'namespace', way: target.door, word: name };
  if (target.type === 'host') return target;
  return { type: 'process', pid: target.pid, ...(pidfdInode === undefined ? {} : { pidfdInode }) };
}

/** A program's name that names nothing to enter is the command: what is missing is the target. */
function resolved(invocation: Invocation, host: Host, name: string): ResolvedTarget {
  try {
    return resolveTarget(host, name);
  } catch (error) {
    if (!(error instanceof NsError) || error.code !== 'NO_PROCESS') throw error;
    if (invocation.operands.length === 0 || !isProgram(host, name)) throw error;
    throw new NsError('USAGE', {
      what: `no target before the command '${name}'`,
      why: 'the first word is the target, and nothing here is called so, but a program is',
      tryThis: `nstool enter -t PID [kinds] ${name}`,
    });
  }
}

function isProgram(host: Host, name: string): boolean {
  return /^[\w.-]+$/.test(name) && DEFAULT_SEARCH.split(':').some((folder) => host.stat(`${folder}/${name}`).ok);
}

type Given = EnterQuery['given'][number];

/** The kinds that have a value. */
function givenByWord(invocation: Invocation, host: Host): readonly Given[] {
  return namespaceKinds.flatMap(({ kind, option }) => {
    const word = invocation.options.get(option)?.findLast((value) => value !== '');
    return word === undefined ? [] : [{ kind, way: wayTo(host, kind, word) }];
  });
}

/** What is not simply the namespaces of a process. */
function givenByTarget(
  invocation: Invocation,
  host: Host,
  target: EnterTarget | undefined,
  named: readonly NamespaceKind[],
): readonly Given[] {
  if (target?.type === 'namespace') {
    if (named.length > 0 || flag(invocation, 'all')) throw aloneError(target.word);
    return [{ kind: namespaceKindOf(host, target.way), way: target.way }];
  }
  if (target?.type === 'host') {
    const kinds = named.length === 0 || flag(invocation, 'all') ? kindsOfKernel(host) : named;
    return kinds.map((kind) => ({ kind, way: wayToInitial(host, kind) }));
  }
  const fd = optionValue(invocation, 'net-socket');
  if (fd === undefined || target === undefined) return [];
  return [{ kind: 'net', way: { at: { pid: target.pid, fd: descriptorOf(fd), ask: 'SIOCGSKNS' }, through: [] } }];
}

function kindsOfKernel(host: Host): readonly NamespaceKind[] {
  return namespaceKinds.map(({ kind }) => kind).filter((kind) => host.readLink(`/proc/self/ns/${kind}`).ok);
}

function descriptorOf(word: string): number {
  const fd = parseDecimal(word);
  if (fd !== undefined && fd <= LARGEST_INT) return fd;
  throw new NsError('BAD_VALUE', {
    what: `--net-socket takes the number of a descriptor, not '${word}'`,
    why: 'the links in /proc/PID/fd have the numbers of the descriptors of the target',
  });
}

const LARGEST_INT = 0x7fffffff;

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

/** Options that take something of a process, when they have this value. */
const OF_PROCESS: readonly (readonly [string, string])[] = [
  ['all', ''],
  ['root', ''],
  ['wd', ''],
  ['env', ''],
  ['join-cgroup', ''],
  ['follow-context', ''],
  ['setuid', 'follow'],
  ['setgid', 'follow'],
];

/** Without a process nothing can be taken from one. */
function requireProcess(invocation: Invocation, named: readonly NamespaceKind[], isGiven: boolean): void {
  const bare = named.map((kind) => `--${kindFacts(kind).option}`);
  if (flag(invocation, 'net-socket')) bare.push('--net-socket');
  if (flag(invocation, 'as-target')) bare.push('--as-target');
  for (const [option, value] of OF_PROCESS) {
    if (option === 'all' && isGiven && invocation.operands.length > 0) continue;
    if (invocation.options.get(option)?.includes(value) === true)
      bare.push(value === '' ? `--${option}` : `--${option}=${value}`);
  }
  const [first] = bare;
  if (first !== undefined) {
    throw new NsError('USAGE', {
      what: `${first} needs a process`,
      why: 'no pid was given',
      tryThis: `nstool enter -t PID ${first} COMMAND`,
    });
  }
  if (!isGiven) {
    throw new NsError('USAGE', {
      what: 'no target',
      why: 'a target is a pid or the path of a namespace',
      tryThis: 'nstool help enter',
    });
  }
}

function directories(
  invocation: Invocation,
  asTarget: ReadonlySet<AsTargetPart> | undefined,
): Pick<EnterQuery, 'root' | 'workingDirectory' | 'innerDirectory'> {
  const innerDirectory = optionValue(invocation, 'wdns');
  const workingDirectory = directory(invocation, 'wd');
  if (innerDirectory !== undefined && workingDirectory !== undefined) {
    throw new NsError('USAGE', {
      what: '--wd and --wdns exclude each other',
      why: '--wd is opened before anything is entered, --wdns after it',
    });
  }
  if (innerDirectory === '') throw new NsError('BAD_VALUE', { what: '--wdns= has no value' });
  const takes = (part: AsTargetPart): true | undefined => (asTarget?.has(part) === true ? true : undefined);
  return {
    root: directory(invocation, 'root') ?? takes('root'),
    workingDirectory: workingDirectory ?? (innerDirectory === undefined ? takes('cwd') : undefined),
    innerDirectory,
  };
}

function ownMounts(invocation: Invocation): Pick<EnterQuery, 'resolver' | 'ownProc' | 'tools'> {
  const tools = directory(invocation, 'tools');
  const [dns, noDns] = [flag(invocation, 'dns'), flag(invocation, 'no-dns')];
  if (dns && noDns) throw new NsError('USAGE', { what: '--dns and --no-dns exclude each other' });
  const other = ['mount', 'root', 'as-target'].find((option) => flag(invocation, option));
  if (tools !== undefined && other !== undefined) {
    throw new NsError('USAGE', {
      what: `--tools and --${other} exclude each other`,
      why: 'with --tools the root is that of the tools, and the file system of the target is at /target',
    });
  }
  return { resolver: dns ? true : noDns ? false : undefined, ownProc: !flag(invocation, 'no-proc'), tools };
}

function directory(invocation: Invocation, long: string): true | string | undefined {
  const value = optionValue(invocation, long);
  return value === '' ? true : value;
}

/** By itself only on a terminal: a pipe or a file is nothing that input could be pushed into. */
function ptyOf(invocation: Invocation, { stdin, stdout, stderr }: Context): EnterQuery['pty'] {
  if (flag(invocation, 'pty')) {
    const other = ['no-pty', 'no-fork'].find((option) => flag(invocation, option));
    if (other === undefined) return { when: 'always', screen: stdout.isTerminal };
    throw new NsError('USAGE', {
      what: `--pty and --${other} exclude each other`,
      why: 'a process of ours must stand between the two terminals',
    });
  }
  if (flag(invocation, 'no-pty') || flag(invocation, 'no-fork')) return undefined;
  const onTerminal = stdin.isTerminal && stdout.isTerminal && stderr.isTerminal;
  return onTerminal ? { when: 'foreign', screen: true } : undefined;
}

/** The last id (-1) is none. */
const LAST_ID = 0xfffffffe;

function idOf(invocation: Invocation, long: string): WantedId | undefined {
  const word = optionValue(invocation, long);
  if (word === undefined || word === 'follow') return word;
  const id = parseDecimal(word);
  if (id === undefined || id > LAST_ID) {
    throw new NsError('BAD_VALUE', {
      what: `--${long} takes a number or follow, not '${word}'`,
      why: `ids are 0 to ${LAST_ID}`,
    });
  }
  return id;
}
