// A regular expression as a program for run.ts, and how large one may become.

import type { CharSet } from './char-set.ts';
import type { Assertion, Ere } from './syntax.ts';

export type Instruction =
  /** Takes one character, and goes on with the next instruction. */
  | { readonly op: 'take'; readonly set: CharSet }
  /** Goes on where this holds. */
  | { readonly op: 'assert'; readonly assertion: Assertion }
  /** Goes on at each of these. */
  | { readonly op: 'go'; readonly to: readonly number[] }
  | { readonly op: 'found' };

export type EreProgram = readonly Instruction[];

/** What a text costs at most is its length times this. */
const MOST_INSTRUCTIONS = 2000;

/** undefined: repetitions of repetitions make it too large. */
export function programOf(ere: Ere): EreProgram | undefined {
  // Before any of it is written: {n} in {n} soon is more than fits into memory.
  if (sizeOf(ere) > MOST_INSTRUCTIONS) return undefined;
  const program: Instruction[] = [];
  write(ere, program);
  program.push({ op: 'found' });
  return program;
}

/** At least the instructions that it takes, and at least one: nothing, often enough, is work too. */
function sizeOf(ere: Ere): number {
  switch (ere.type) {
    case 'empty':
    case 'set':
    case 'assert':
      return 1;
    case 'sequence':
      return ere.parts.reduce((sum, part) => sum + sizeOf(part), 0);
    case 'either':
      return ere.parts.reduce((sum, part) => sum + sizeOf(part) + 2, 0);
    case 'repeat':
      return 2 + (ere.most ?? ere.least + 1) * (sizeOf(ere.part) + 1);
  }
}

function write(ere: Ere, program: Instruction[]): void {
  switch (ere.type) {
    case 'empty':
      return;
    case 'set':
      program.push({ op: 'take', set: ere.set });
      return;
    case 'assert':
      program.push({ op: 'assert', assertion: ere.assertion });
      return;
    case 'sequence':
      for (const part of ere.parts) write(part, program);
      return;
    case 'either':
      writeEither(ere.parts, program);
      return;
    case 'repeat':
      for (let time = 0; time < ere.least; time += 1) write(ere.part, program);
      if (ere.most === null) writeLoop(ere.part, program);
      else writeOptions(ere.part, ere.most - ere.least, program);
  }
}

/** Leaves a place for a jump whose goal is not known yet. */
function reserve(program: Instruction[]): number {
  return program.push({ op: 'go', to: [] }) - 1;
}

function writeEither(parts: readonly Ere[], program: Instruction[]): void {
  const fork = reserve(program);
  const starts: number[] = [];
  const ends: number[] = [];
  for (const part of parts) {
    starts.push(program.length);
    write(part, program);
    ends.push(reserve(program));
  }
  program[fork] = { op: 'go', to: starts };
  for (const end of ends) program[end] = { op: 'go', to: [program.length] };
}

function writeLoop(part: Ere, program: Instruction[]): void {
  const fork = reserve(program);
  write(part, program);
  program.push({ op: 'go', to: [fork] });
  program[fork] = { op: 'go', to: [fork + 1, program.length] };
}

function writeOptions(part: Ere, times: number, program: Instruction[]): void {
  const forks: number[] = [];
  for (let time = 0; time < times; time += 1) {
    forks.push(reserve(program));
    write(part, program);
  }
  for (const fork of forks) program[fork] = { op: 'go', to: [fork + 1, program.length] };
}
