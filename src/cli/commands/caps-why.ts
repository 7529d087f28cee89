import { resolveTarget } from '../../inspect/resolve-target.ts';
import { NsError } from '../../kernel/error.ts';
import { parseNamespaceLink } from '../../kernel/text/namespace-link.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { flag, type CommandDefinition, type Invocation } from '../define-command.ts';
import { whyCommand, whyProcess, type WhyQuery } from './caps-why-course.ts';
import { secondsOf } from './seconds-option.ts';

export const capsWhy: CommandDefinition = {
  name: 'caps why',
  summary: 'which capability was denied to a program, as it happens',
  operands: '[TARGET] [--] [COMMAND…]',
  arity: [0, 1],
  description: [
    'Runs COMMAND, or looks on at the process TARGET and what it starts, and says each capability that the kernel asked for',
    'and did not find: which, in which user namespace, in which program and system call, and how that call ended. What the',
    'kernel tells of it (the trace event capability:cap_capable, Linux 6.14) is read from an own instance of tracefs, which',
    'is gone when this ends, whatever ends it.',
    '',
    'Where TARGET is the first process of a pid namespace, as that of a container is, all that is in there is looked on at,',
    'also what enters it later (docker exec), from some hundredths of a second after it came.',
    '',
    'What COMMAND prints goes to standard error, the answer to standard output when it has ended. With TARGET a line comes',
    'as soon as something is denied, and the answer after --for, or when it is interrupted.',
    '',
    'RESULT is the errno with which the call failed after that. Below stand capabilities whose lack made no call fail: the',
    'kernel may only have tried, as it does at every mmap(2) (a guess).',
    'causes:',
    '  cap_…   this capability was missing in that user namespace',
    '  seccomp the call was refused by a filter before it began',
    '  other   neither; file permissions ask for a capability, so it is what a file capability may not give (execve), a',
    '          security module, or the state of things. What a security module has logged meanwhile is said.',
    '',
    'A user namespace is named only when a check that was provoked in it during the same trace had the same address; else',
    'it is unknown (-). Needs root of the host; system calls of 32-bit programs have wrong names.',
  ],
  options: [
    { long: 'for', value: 'SECONDS', help: 'end after this time; with COMMAND it goes on untold' },
    { long: 'json', short: 'J', help: 'as JSON, when it is over' },
  ],
  examples: [
    { line: 'nstool caps why -- ping -c1 127.0.0.1', does: 'why it says that the operation is not permitted' },
    { line: 'nstool caps why container:web --for 10', does: 'what a container is denied in ten seconds' },
    { line: 'nstool caps why --json -- mount /dev/sdb1 /mnt', does: 'as JSON' },
  ],
  exitStatus: [
    [0, 'nothing was denied, as far as could be seen'],
    [1, 'something was'],
    [2, 'the command line is wrong'],
    [3, 'no such process'],
    [4, 'tracing is refused to us'],
    [5, 'the kernel lacks the event, or this is not the initial pid namespace'],
    ['128+n', 'ended by signal n, as it was'],
  ],
  program: { operandsBefore: 1, insteadOfOperand: [], ownStatus: true },
  async run(invocation, context) {
    const query = whyQuery(invocation);
    const host = await context.host();
    requireOwnProc(host);
    requireGlobalPids(host);
    const { target } = query;
    if (target === undefined)
      return { stream: (streaming) => whyCommand(query, invocation.program, host, context, streaming) };
    const found = resolveTarget(host, target);
    if (found.type !== 'process')
      throw new NsError('BAD_VALUE', { what: `'${target}' is no process`, tryThis: 'nstool caps why PID' });
    return { stream: (streaming) => whyProcess(query, found, host, context, streaming) };
  },
};

/** Errors: USAGE, BAD_VALUE. */
function whyQuery(invocation: Invocation): WhyQuery {
  const [target] = invocation.operands;
  if (flag(invocation, 'from'))
    throw new NsError('USAGE', { what: 'nothing happens on a recorded host', tryThis: 'nstool caps show' });
  if (target === undefined && invocation.program.length === 0)
    throw new NsError('USAGE', { what: 'no target and no command', tryThis: 'nstool caps why -- COMMAND' });
  if (target !== undefined && invocation.program.length > 0)
    throw new NsError('USAGE', {
      what: 'a target and a command',
      why: 'one of the two is looked on at',
      tryThis: `nstool caps why -- ${target} …`,
    });
  return { target, duration: secondsOf(invocation, 'for') ?? Infinity, json: flag(invocation, 'json') };
}

/** Of the initial pid namespace. Source: include/linux/proc_ns.h PROC_PID_INIT_INO. */
const INITIAL_PID_NAMESPACE = 0xeffffffcn;

/** What is traced is told by numbers of the initial pid namespace. Errors: UNSUPPORTED. */
function requireGlobalPids(host: Host): void {
  const path = '/proc/self/ns/pid';
  const link = valueOf(host.readLink(path));
  const inode = link === undefined ? undefined : valueOf(parseNamespaceLink(link, path))?.inode;
  if (inode === INITIAL_PID_NAMESPACE) return;
  throw new NsError('UNSUPPORTED', {
    what: 'cannot trace from here',
    why: 'tracing knows processes by their pid in the initial pid namespace, and this is another',
    tryThis: 'on the host itself',
  });
}
