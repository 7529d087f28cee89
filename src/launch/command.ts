// The command that a program ends with: what it inherits of the caller, and how it is executed.

import { RLIMIT_NOFILE, SIGNAL_NUMBERS } from '../kernel/abi/process.ts';
import type { Explanation, KernelText, Step } from '../kernel/program.ts';
import { decodeText } from '../kernel/text/text.ts';
import type { EnterQuery } from './enter-query.ts';
import { explainExec, type Place } from './explain-enter.ts';
import { DEFAULT_SHELL } from './login-shell.ts';
import { shown, step } from './step.ts';

/** What the command inherits of the caller. */
export interface Caller {
  /** `NAME=value`, as bytes. */
  readonly env: readonly Uint8Array[];
  /** The limit on open files that Node raised, as it was before. */
  readonly openFiles?: { readonly soft: bigint; readonly hard: bigint };
}

export const DEFAULT_SEARCH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Node ignores these signals and raises the limit on open files: the command gets what the caller had. */
export function restoreInherited(caller: Caller): readonly Step[] {
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

/** `shell`: what is started without a command. */
export function execute(
  query: Pick<EnterQuery, 'command' | 'targetEnvironment'>,
  env: readonly Uint8Array[],
  shell: KernelText = DEFAULT_SHELL,
  place?: Place,
): Step {
  const search = variable(env, 'PATH') ?? DEFAULT_SEARCH;
  const [file, argv]: [KernelText, readonly KernelText[]] =
    query.command[0] === undefined ? [shell, [loginName(shell)]] : [query.command[0], query.command];
  const explanations: readonly Explanation[] = explainExec(display(file), display(search), place);
  return step(
    `exec ${query.command.length === 0 ? display(shell) : query.command.map(display).join(' ')}`,
    `${query.command.length === 0 ? 'no command was given: a login shell' : 'the command takes the place of nstool'}${
      query.targetEnvironment === true ? ', with the environment of the target' : ''
    }`,
    { op: 'exec', file, search, shell: DEFAULT_SHELL, argv, env },
    { explanations },
  );
}

function display(text: KernelText): string {
  return shown(plainText(text));
}

function plainText(text: KernelText): string {
  return typeof text === 'string' ? text : decodeText(text);
}

/** The value of a variable, as bytes; undefined when unset or empty. */
export function variable(env: readonly Uint8Array[], name: string): Uint8Array | undefined {
  const prefix = `${name}=`;
  for (const entry of env) {
    if (entry.length > prefix.length && decodeText(entry.subarray(0, prefix.length)) === prefix) {
      return entry.subarray(prefix.length);
    }
  }
  return undefined;
}

/** `-bash`: by the dash a shell knows that it is a login shell. */
function loginName(shell: KernelText): string {
  const path = plainText(shell);
  return `-${path.slice(path.lastIndexOf('/') + 1)}`;
}
