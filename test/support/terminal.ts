// A command on a terminal, by script(1).

import { run, type RunResult } from './program.ts';

export interface TerminalOptions {
  readonly columns: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Words before the whole, as `['nsenter', '--target=7', '--mount']`. */
  readonly within?: readonly string[];
}

/** What the command wrote to the terminal (both its streams), and its status. */
export function onTerminal(command: readonly string[], { columns, env = {}, within = [] }: TerminalOptions): RunResult {
  const line = `stty cols ${columns} rows 50; exec ${command.map(quote).join(' ')}`;
  const result = run([...within, 'script', '--quiet', '--return', '--command', line, '/dev/null'], {
    env: { SHELL: '/bin/sh', TERM: 'xterm', LC_ALL: 'C.UTF-8', ...env },
  });
  return { ...result, stdout: result.stdout.replaceAll('\r\n', '\n') };
}

export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
