// Whether a text matches. All ways through the program are gone at once, a character at a time, and where that leads is
// kept, so that the time is bounded by text times program, and is mostly a look-up a character. JavaScript's own RegExp
// goes one way after the other: `a*a*a*a*b` on a command line of 100,000 characters, which any process may give itself,
// would keep it busy for years.

import { takes, wordCharacter } from './char-set.ts';
import type { EreProgram } from './program.ts';
import type { Assertion } from './syntax.ts';

/** Instead of a character. */
const END = -1;
const MOST_STEPS_KEPT = 10_000;
const word = wordCharacter(false);

type Before = 'start' | 'word' | 'other';

/** Between two characters: what came before, and where in the program it left us. */
interface State {
  readonly before: Before;
  readonly entries: readonly number[];
  readonly steps: Map<number, Step>;
}

type Step = State | 'found' | 'lost';

/** What is known of a program so far. */
interface Machine {
  readonly program: EreProgram;
  readonly states: Map<string, State>;
  steps: number;
}

const machines = new WeakMap<EreProgram, Machine>();

/** Like regexec(3) without REG_NEWLINE: anywhere in the text, whose newlines are characters like any other. */
export function matchesEre(program: EreProgram, text: string): boolean {
  const machine = machines.get(program) ?? newMachine(program);
  let state = stateOf(machine, 'start', []);
  for (let at = 0; ;) {
    const code = text.codePointAt(at) ?? END;
    const step = state.steps.get(code) ?? takeStep(machine, state, code);
    if (typeof step === 'string') return step === 'found';
    state = step;
    at += code > 0xffff ? 2 : 1;
  }
}

function newMachine(program: EreProgram): Machine {
  const machine: Machine = { program, states: new Map(), steps: 0 };
  machines.set(program, machine);
  return machine;
}

function stateOf({ states }: Machine, before: Before, entries: readonly number[]): State {
  const key = `${before} ${entries.join(' ')}`;
  let state = states.get(key);
  if (state === undefined) {
    state = { before, entries, steps: new Map() };
    states.set(key, state);
  }
  return state;
}

function takeStep(machine: Machine, state: State, code: number): Step {
  // There are patterns whose states are more than fit into memory: those are found anew now and then.
  if (machine.steps >= MOST_STEPS_KEPT) {
    machine.steps = 0;
    machine.states.clear();
  }
  const step = stepFrom(machine, state, code);
  state.steps.set(code, step);
  machine.steps += 1;
  return step;
}

function stepFrom(machine: Machine, { before, entries }: State, code: number): Step {
  const { program } = machine;
  // A match may begin here too.
  const starts = before === 'start' || !isAnchored(program) ? [...entries, 0] : entries;
  const taking = follow(program, starts, before, code);
  if (taking === 'found') return 'found';
  if (starts.length === 0 || code === END) return 'lost';
  const next = taking.filter((index) => takesAt(program, index, code)).map((index) => index + 1);
  return stateOf(
    machine,
    isWord(code) ? 'word' : 'other',
    next.toSorted((a, b) => a - b),
  );
}

function isAnchored([first]: EreProgram): boolean {
  return first?.op === 'assert' && first.assertion === 'start';
}

/** The instructions that want the next character. */
function follow(
  program: EreProgram,
  starts: readonly number[],
  before: Before,
  after: number,
): readonly number[] | 'found' {
  const taking: number[] = [];
  const open = [...starts];
  const visited = new Set<number>();
  for (let index = open.pop(); index !== undefined; index = open.pop()) {
    if (visited.has(index)) continue;
    visited.add(index);
    const instruction = program[index];
    if (instruction?.op === 'found') return 'found';
    if (instruction?.op === 'take') taking.push(index);
    else if (instruction?.op === 'go') open.push(...instruction.to);
    else if (instruction?.op === 'assert' && holds(instruction.assertion, before, after)) open.push(index + 1);
  }
  return taking;
}

function takesAt(program: EreProgram, index: number, code: number): boolean {
  const instruction = program[index];
  return instruction?.op === 'take' && takes(instruction.set, code);
}

function holds(assertion: Assertion, before: Before, after: number): boolean {
  const [leaves, enters] = [before === 'word', isWord(after)];
  switch (assertion) {
    case 'start':
      return before === 'start';
    case 'end':
      return after === END;
    case 'edge':
      return leaves !== enters;
    case 'inside':
      return leaves === enters;
    case 'word-start':
      return !leaves && enters;
    case 'word-end':
      return leaves && !enters;
  }
}

function isWord(code: number): boolean {
  return code !== END && takes(word, code);
}
