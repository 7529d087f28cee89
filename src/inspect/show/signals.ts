// What signals do to the first process of a pid namespace. Source: pid_namespaces(7), kernel/signal.c
// sig_task_ignored(): a signal without a handler is dropped; only SIGKILL and SIGSTOP from an outer namespace act.

import { ignoredByDefault, SIGRTMAX, signalName } from '../../kernel/abi/signals.ts';
import type { StatusMasks } from '../../kernel/text/status-masks.ts';
import type { Field } from './report.ts';

const KERNEL_ONLY = new Set(['KILL', 'STOP']);

export function initSignalsField({ blocked, ignored, caught }: StatusMasks): Field {
  const key = 'init_signals';
  if (blocked === null || ignored === null || caught === null) return { key, value: null, lines: ['-'] };
  const has = (mask: bigint, number: number): boolean => ((mask >> BigInt(number - 1)) & 1n) === 1n;
  const numbers = Array.from({ length: SIGRTMAX }, (_, index) => index + 1);
  const names = (wanted: (number: number) => boolean): string[] => numbers.filter(wanted).map(signalName);
  const handled = names((number) => has(caught, number));
  const dropped = names((number) => !has(caught, number) && !has(ignored, number)).filter(
    (name) => !KERNEL_ONLY.has(name) && !ignoredByDefault.has(name),
  );
  const ignores = names((number) => has(ignored, number));
  const waiting = names((number) => has(blocked, number));
  return {
    key,
    value: { handled, no_handler: dropped, ignored: ignores, blocked: waiting, only_from_outside: [...KERNEL_ONLY] },
    lines: [
      `handles ${list(handled)}`,
      `do nothing, no handler: ${list(dropped)}`,
      `do nothing, ignored: ${list(ignores)}`,
      `wait, blocked: ${list(waiting)}`,
      'KILL and STOP act from outside its pid namespace only',
    ],
  };
}

function list(names: readonly string[]): string {
  if (names.length === 0) return 'none';
  const words: string[] = [];
  let start: string | undefined;
  for (const [index, name] of names.entries()) {
    // Real-time signals have numbers for names: of a row of them only the ends are said.
    const follows = Number(name) === Number(names[index - 1]) + 1;
    if (follows && start !== undefined) words[words.length - 1] = `${start}-${name}`;
    else words.push(name);
    if (!follows) start = /^[0-9]/.test(name) ? name : undefined;
  }
  return words.join(' ');
}
