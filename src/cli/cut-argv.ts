// Before commander sees anything: where do our own words end and another program's begin, and which options carry
// their optional value. A pure function, so that `nstool enter 4913 --net ip -j addr` needs no quoting.

import { NsError } from '../kernel/error.ts';
import type { OptionDefinition } from './define-command.ts';

export interface CutArgv {
  /** Ours, each optional-value option written `--long=value` (value may be empty), so that none swallows a word. */
  readonly ours: readonly string[];
  /** How many of the last words belong to the program. */
  readonly programLength: number;
}

interface ProgramStart {
  readonly operandsBefore: number;
  readonly insteadOfOperand: readonly string[];
}

export function cutArgv(
  words: readonly string[],
  options: readonly OptionDefinition[],
  program: ProgramStart | undefined,
): CutArgv {
  const ours: string[] = [];
  let operandsLeft = program?.operandsBefore ?? Infinity;
  let index = 0;
  for (; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (word === '--') {
      if (program === undefined) return { ours: [...ours, ...words.slice(index)], programLength: 0 };
      return { ours, programLength: words.length - index - 1 };
    }
    if (!word.startsWith('-') || word === '-' || isNegative(word, options)) {
      if (operandsLeft <= 0) break;
      operandsLeft -= 1;
      ours.push(word);
      continue;
    }
    const { rewritten, takesNext, replacesOperand } = rewrite(word, options, program);
    ours.push(...rewritten);
    if (replacesOperand) operandsLeft = 0;
    const next = words[index + 1];
    if (takesNext && next !== undefined) {
      ours.push(next);
      index += 1;
    }
  }
  return { ours, programLength: words.length - index };
}

/** Of a negative number commander makes an operand, too, unless an option has the digit. */
function isNegative(word: string, options: readonly OptionDefinition[]): boolean {
  return /^-[0-9]/.test(word) && !options.some(({ short }) => short === word[1]);
}

interface Rewritten {
  readonly rewritten: readonly string[];
  /** The next word is this option's value. */
  readonly takesNext: boolean;
  readonly replacesOperand: boolean;
}

function rewrite(word: string, options: readonly OptionDefinition[], program: ProgramStart | undefined): Rewritten {
  const replaces = (option: OptionDefinition): boolean => program?.insteadOfOperand.includes(option.long) === true;
  if (word.startsWith('--')) {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
    const option = options.find((entry) => entry.long === name);
    if (option === undefined) return { rewritten: [word], takesNext: false, replacesOperand: false };
    if (option.optionalValue === true && equals === word.length - 1) throw emptyValue(option);
    const rewritten = option.optionalValue === true && equals < 0 ? [`${word}=`] : [word];
    const takesNext = option.value !== undefined && option.optionalValue !== true && equals < 0;
    return {
      rewritten,
      takesNext,
      replacesOperand: replaces(option) && (option.optionalValue !== true || equals >= 0),
    };
  }
  return rewriteBundle(word, options, replaces);
}

/**
 * `-mnu`, `-tnet`, `-rn`: letters one by one, until one that takes the rest, or the next word, as its value. An optional
 * value that is one of few words can be the rest: `-Towner`.
 */
function rewriteBundle(
  word: string,
  options: readonly OptionDefinition[],
  replaces: (option: OptionDefinition) => boolean,
): Rewritten {
  const rewritten: string[] = [];
  let replacesOperand = false;
  for (let at = 1; at < word.length; at += 1) {
    const before = options.find((entry) => entry.short === word[at - 1]);
    const option = options.find((entry) => entry.short === word[at]);
    if (option === undefined && before?.optionalValue === true && /^[=/.]/.test(word.slice(at)))
      throw letterWithValue(before, word.slice(at));
    if (option === undefined)
      return { rewritten: [...rewritten, `-${word.slice(at)}`], takesNext: false, replacesOperand };
    const rest = word.slice(at + 1);
    if (option.optionalValue === true && option.choices?.includes(rest) === true)
      return { rewritten: [...rewritten, `--${option.long}=${rest}`], takesNext: false, replacesOperand };
    if (option.optionalValue === true) {
      rewritten.push(`--${option.long}=`);
      continue;
    }
    replacesOperand ||= replaces(option);
    if (option.value === undefined) {
      rewritten.push(`--${option.long}`);
      continue;
    }
    if (rest === '') return { rewritten: [...rewritten, `--${option.long}`], takesNext: true, replacesOperand };
    return { rewritten: [...rewritten, `--${option.long}=${rest}`], takesNext: false, replacesOperand };
  }
  return { rewritten, takesNext: false, replacesOperand };
}

/** As of an unset variable in a script: without it another namespace would be entered than was meant. */
function emptyValue({ long }: OptionDefinition): NsError {
  return new NsError('BAD_VALUE', { what: `--${long}= has no value`, why: `without a value it is --${long}` });
}

/** nsenter(1) takes `-n/proc/4913/ns/net`. */
function letterWithValue({ long, short = '' }: OptionDefinition, rest: string): NsError {
  const value = rest.startsWith('=') ? rest.slice(1) : rest;
  return new NsError('USAGE', { what: `-${short} takes no value: '${rest}'`, tryThis: `--${long}=${value}` });
}
