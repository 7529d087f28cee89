// From argv to an outcome, and from the outcome to descriptors and exit status.

import { NsError } from '../kernel/error.ts';
import { commands, type CommandEntry } from './commands/index.ts';
import { commandLineBytes, makeContext } from './context.ts';
import { optionValue, type CommandDefinition, type Invocation, type Outcome } from './define-command.ts';
import { BUG_STATUS, bugText, errorStatus, errorText } from './error-text.ts';
import { escapeControls } from '../render/escape.ts';
import { nearest } from './nearest.ts';
import { say, writeAnswer } from './output.ts';

/** Errors of these commands are ours, not the program's: env(1)'s status tells them apart. */
const OWN_FAILURE_STATUS = 125;

export async function main(): Promise<void> {
  const words = process.argv.slice(2);
  let failureStatus: number | undefined;
  try {
    const found = findCommand(words);
    if (!('entry' in found)) return await finish(found);
    const definition = await found.entry.load();
    if (definition.program !== undefined && definition.program.ownStatus !== true) failureStatus = OWN_FAILURE_STATUS;
    await finish(await invoke(definition, words.slice(found.wordsUsed)));
  } catch (error) {
    report(error, words.includes('--debug'), failureStatus);
  }
}

async function invoke(definition: CommandDefinition, words: readonly string[]): Promise<Outcome> {
  const { parseCommand } = await import('./parse-command.ts');
  const invocation = parseCommand(definition, words, bytesOf(definition, words));
  if (invocation.options.has('help')) return help(definition);
  const context = makeContext(optionValue(invocation, 'color'), optionValue(invocation, 'from'));
  return definition.run(invocation, context);
}

/** Only a program's words must arrive byte for byte. */
function bytesOf(definition: CommandDefinition, words: readonly string[]): Invocation['program'] {
  return definition.program === undefined ? [] : commandLineBytes(words.length);
}

async function help(definition: CommandDefinition): Promise<Outcome> {
  const { helpText } = await import('./help.ts');
  return { stdout: helpText(definition), status: 0 };
}

type Found = { readonly entry: CommandEntry; readonly wordsUsed: number } | Outcome;

function findCommand(words: readonly string[]): Found {
  const [first, second] = words;
  if (first === undefined) return overview();
  if (first === '-h' || first === '--help') return commandList();
  if (first === '-V' || first === '--version') return known('version', 1);
  if (first === 'help') return second === undefined ? commandList() : helpFor(words.slice(1));
  return search(words) ?? unknownCommand(words);
}

function search(words: readonly string[]): Found | undefined {
  for (const count of [2, 1]) {
    const name = words.slice(0, count).join(' ');
    const entry = words.length < count ? undefined : commands.find((candidate) => candidate.name === name);
    if (entry !== undefined) return { entry, wordsUsed: count };
  }
  return undefined;
}

function known(name: string, wordsUsed: number): Found {
  const entry = commands.find((candidate) => candidate.name === name);
  if (entry === undefined) throw new Error(`no command ${name}`);
  return { entry, wordsUsed };
}

/** `help ls` is `ls --help`. */
function helpFor(words: readonly string[]): Found {
  const found = search(words) ?? unknownCommand(words);
  if (!('entry' in found)) return found;
  const load = async (): Promise<CommandDefinition> => {
    const definition = await found.entry.load();
    return { ...definition, arity: [0, Infinity], run: () => help(definition) };
  };
  return { entry: { ...found.entry, load }, wordsUsed: found.wordsUsed + 1 };
}

function unknownCommand(words: readonly string[]): never {
  const [first = ''] = words;
  const below = commands.filter((entry) => entry.name.startsWith(`${first} `)).map((entry) => entry.name);
  if (below.length > 0) {
    const typed = words[1] === undefined ? `${first} needs a second word` : `unknown command '${first} ${words[1]}'`;
    throw new NsError('USAGE', {
      what: typed,
      why: `there is ${below.join(', ')}`,
      tryThis: `nstool help ${below[0]}`,
    });
  }
  const meant = nearest(first, [...new Set(commands.map((entry) => entry.name.split(' ')[0] ?? ''))]);
  const what = first.startsWith('-') ? `unknown option '${first}'` : `unknown command '${first}'`;
  const why = meant === undefined ? {} : { why: `did you mean ${meant}?` };
  throw new NsError('USAGE', { what, ...why, tryThis: 'nstool help' });
}

const TITLE = 'nstool: namespaces, capabilities and cgroups of a Linux host: list, explain, enter';

/** For whoever types the name alone: ten lines. */
function overview(): Outcome {
  const lines = [
    TITLE,
    '',
    '  nstool ls -t net                     which network namespaces are there, and who is in them',
    "  nstool enter 4913 --net ifconfig     this host's ifconfig in the network of process 4913",
    '  nstool caps decode 3fffffffff        what a CapEff line of /proc/PID/status means',
    '',
    `commands: ${commands.map((entry) => entry.name).join(', ')}`,
    '',
    'nstool help COMMAND   says more about one',
    'nstool help           says what each is for',
  ];
  return { stdout: `${lines.join('\n')}\n`, status: 0 };
}

/** A line for each command. */
function commandList(): Outcome {
  const lines = commands.map((entry) => `  ${entry.name.padEnd(13)} ${entry.summary}`);
  return { stdout: [TITLE, '', ...lines, '', 'nstool help COMMAND says more', ''].join('\n'), status: 0 };
}

async function finish(outcome: Outcome): Promise<void> {
  if (!('stream' in outcome)) for (const note of outcome.notes ?? []) say(`nstool: ${escapeControls(note)}\n`);
  if ('replaceBy' in outcome) {
    const { replaceByNsexec } = await import('../host/linux/nsexec.ts');
    const { nsexecPath } = await import('./installation.ts');
    return replaceByNsexec(outcome.replaceBy, nsexecPath());
  }
  if ('stream' in outcome) {
    const { runStream } = await import('./streaming.ts');
    return runStream(outcome.stream);
  }
  process.exitCode = outcome.status;
  writeAnswer(outcome.stdout);
  if (outcome.error !== undefined) say(errorText(outcome.error));
}

function report(error: unknown, debug: boolean, failureStatus: number | undefined): void {
  if (error instanceof NsError) {
    say(errorText(error));
    process.exitCode = failureStatus ?? errorStatus(error);
  } else {
    say(bugText(error, debug));
    process.exitCode = failureStatus ?? BUG_STATUS;
  }
}
