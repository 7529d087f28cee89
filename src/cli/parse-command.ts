// From words to an invocation, by commander; its complaints become our errors.

import { Command, CommanderError, Option } from 'commander';
import { NsError } from '../kernel/error.ts';
import { cutArgv } from './cut-argv.ts';
import { commonOptions, type CommandDefinition, type Invocation, type OptionDefinition } from './define-command.ts';
import { nearest } from './nearest.ts';

export function allOptions(definition: CommandDefinition): readonly OptionDefinition[] {
  return [...definition.options, ...commonOptions];
}

/** `words` follow the command's name; `bytes` are the same words as they arrived. Errors: USAGE. */
export function parseCommand(
  definition: CommandDefinition,
  words: readonly string[],
  bytes: readonly Uint8Array[],
): Invocation {
  const options = allOptions(definition);
  const { ours, programLength } = cutArgv(words, options, definition.program);
  const values = new Map<string, string[]>();
  const command = new Command(`nstool ${definition.name}`).helpOption(false).exitOverride().argument('[operands...]');
  command.configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
  // What an option is takes commander longer to learn than all the rest, so it learns of those that are there.
  const present = options.filter(({ long }) =>
    ours.some((word) => word === `--${long}` || word.startsWith(`--${long}=`)),
  );
  for (const option of present) command.addOption(toCommander(option, values));
  try {
    command.parse([...ours], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) throw usageError(error, definition, ours);
    throw error;
  }
  const operands = command.args;
  // Asked for help, whatever else is wrong.
  if (!values.has('help')) checkArity(definition, operands, values);
  return { operands, options: values, program: bytes.slice(bytes.length - programLength) };
}

function toCommander(option: OptionDefinition, values: Map<string, string[]>): Option {
  const brackets = option.optionalValue === true ? ['[', ']'] : ['<', '>'];
  const value = option.value === undefined ? '' : ` ${brackets[0]}${option.value}${brackets[1]}`;
  const short = option.short === undefined ? '' : `-${option.short}, `;
  const collect = (text: string): void => {
    const before = values.get(option.long);
    if (before === undefined) values.set(option.long, [text]);
    else before.push(text);
  };
  const made = new Option(`${short}--${option.long}${value}`, option.help);
  // For a flag commander calls no parser; its preset argument goes through one.
  return (option.value === undefined ? made.preset('') : made).argParser(collect);
}

function checkArity(definition: CommandDefinition, operands: readonly string[], values: Map<string, string[]>): void {
  const { program } = definition;
  const replaced = program?.insteadOfOperand.some((long) => values.get(long)?.some((text) => text !== '') === true);
  const [least, most] = replaced === true ? [0, 0] : definition.arity;
  const usage = `nstool ${definition.name} ${definition.operands}`;
  const extra = operands[most];
  if (extra !== undefined) throw new NsError('USAGE', { what: `unexpected '${extra}'`, why: `usage: ${usage}` });
  if (operands.length < least) throw new NsError('USAGE', { what: 'an operand is missing', why: `usage: ${usage}` });
}

function usageError(error: CommanderError, definition: CommandDefinition, ours: readonly string[]): NsError {
  const help = `nstool help ${definition.name}`;
  if (error.code === 'commander.unknownOption') {
    const word = /'([^']*)'/s.exec(error.message)?.[1] ?? '';
    const known = allOptions(definition).map((option) => `--${option.long}`);
    const meant = nearest(word.split('=')[0] ?? '', known);
    const what = `unknown option '${word}'`;
    return new NsError(
      'USAGE',
      meant === undefined ? { what, tryThis: help } : { what, why: `did you mean ${meant}?`, tryThis: help },
    );
  }
  if (error.code === 'commander.optionMissingArgument') {
    return new NsError('USAGE', { what: `option '${ours.at(-1) ?? ''}' needs a value`, tryThis: help });
  }
  return new NsError('USAGE', { what: error.message.replace(/^error: /, ''), tryThis: help });
}
