// A command is a value: what it is called, what it takes, what it does. The same definition feeds the parser, the help
// and the checks of the tests. `run` returns an outcome and never prints.

import type { Host } from '../kernel/host.ts';
import type { Program } from '../kernel/program.ts';
import type { Theme } from '../render/theme.ts';

export interface OptionDefinition {
  readonly long: string;
  readonly short?: string;
  /** The name of its value; absent for a flag. */
  readonly value?: string;
  /** The value is taken only after `=` on the long name; the short letter takes none. */
  readonly optionalValue?: boolean;
  /** The values that it takes, for completion. */
  readonly choices?: readonly string[];
  readonly help: string;
}

export interface Example {
  readonly line: string;
  readonly does: string;
}

export interface CommandDefinition {
  /** `ls`, `caps decode`. */
  readonly name: string;
  readonly summary: string;
  /** The operands, as help shows them. */
  readonly operands: string;
  /** How many operands it takes, at least and at most. */
  readonly arity: readonly [number, number];
  readonly description: readonly string[];
  readonly options: readonly OptionDefinition[];
  readonly examples: readonly Example[];
  readonly exitStatus: readonly (readonly [number | string, string])[];
  /**
   * Where the words of another program begin: after this many operands, or none when one of `insteadOfOperand` is
   * among the options, or any option that has its optional value.
   */
  readonly program?: { readonly operandsBefore: number; readonly insteadOfOperand: readonly string[] };
  readonly run: (invocation: Invocation, context: Context) => Outcome | Promise<Outcome>;
}

/** The words of the command line, sorted. */
export interface Invocation {
  readonly operands: readonly string[];
  /** The values of each option that was given, in order; a flag's is ''. */
  readonly options: ReadonlyMap<string, readonly string[]>;
  /** The words that belong to another program, as bytes. */
  readonly program: readonly Uint8Array[];
}

export interface Stream {
  readonly isTerminal: boolean;
  readonly color: boolean;
  /** Columns of the terminal; undefined when it is none. */
  readonly columns: () => number | undefined;
}

/** The process around a command: the only way to it. */
export interface Context {
  readonly stdout: Stream;
  readonly stderr: Stream;
  /** The machine, or the recorded host of `--from FILE` or of the argument. */
  readonly host: (recording?: string) => Promise<Host>;
  readonly readStdin: () => string;
  /** What a program that takes our place inherits. */
  readonly environment: () => readonly Uint8Array[];
  readonly variable: (name: string) => string | undefined;
  readonly parentPid: number;
  readonly theme: (stream: Stream) => Promise<Theme>;
}

export type Outcome =
  | {
      /** The answer. */
      readonly stdout: string;
      /** Talk: lines for standard error, without the program's name. */
      readonly notes?: readonly string[];
      readonly status: number;
    }
  /** nstool is replaced by nsexec, which carries this out. */
  | { readonly replaceBy: Program };

export function flag(invocation: Invocation, long: string): boolean {
  return invocation.options.has(long);
}

/** The last value counts. */
export function optionValue(invocation: Invocation, long: string): string | undefined {
  return invocation.options.get(long)?.at(-1);
}

export const commonOptions: readonly OptionDefinition[] = [
  { long: 'from', value: 'FILE', help: 'ask the recorded host in FILE instead of this machine' },
  { long: 'color', value: 'WHEN', choices: ['auto', 'always', 'never'], help: 'auto (the default), always or never' },
  { long: 'debug', help: 'show where an error of nstool itself came from' },
  { long: 'help', short: 'h', help: 'this text' },
];
