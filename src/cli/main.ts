// From argv to a command, or to what is said without one.

import { NsError } from '../kernel/error.ts';
import { commands } from './commands/index.ts';
import type { CommandDefinition, CommandEntry, Outcome } from './define-command.ts';
import { nearest } from './nearest.ts';
import { finish, help, report, runCommand } from './run-command.ts';

export async function main(): Promise<void> {
  const words = process.argv.slice(2);
  try {
    const found = findCommand(words);
    if ('entry' in found) await runCommand(found.entry, words.slice(found.wordsUsed));
    else await finish(found);
  } catch (error) {
    report(error, words.includes('--debug'), undefined);
  }
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
  for (const count of [3, 2, 1]) {
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
  const [first = '', second = ''] = words;
  for (const prefix of [`${first} ${second}`, first]) {
    const below = commands.filter((entry) => entry.name.startsWith(`${prefix} `)).map((entry) => entry.name);
    if (below.length === 0) continue;
    const next = words[prefix.split(' ').length];
    const typed =
      next === undefined
        ? `${prefix} needs a ${prefix === first ? 'second' : 'third'} word`
        : `unknown command '${prefix} ${next}'`;
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
