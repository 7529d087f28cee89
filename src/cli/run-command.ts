// From a command and its words to an outcome, and from the outcome to descriptors and exit status.

import { NsError } from '../kernel/error.ts';
import { decodePath } from '../kernel/text/file-name.ts';
import { escapeControls } from '../render/escape.ts';
import { commandLineBytes, makeContext } from './context.ts';
import {
  optionValue,
  type CommandDefinition,
  type CommandEntry,
  type Invocation,
  type Outcome,
} from './define-command.ts';
import { BUG_STATUS, bugText, errorStatus, errorText } from './error-text.ts';
import { say, writeAnswer } from './output.ts';

/** Errors of these commands are ours, not the program's: env(1)'s status tells them apart. */
const OWN_FAILURE_STATUS = 125;

/** `words` follow the command's name. */
export async function runCommand(entry: CommandEntry, words: readonly string[]): Promise<void> {
  let failureStatus: number | undefined;
  try {
    const definition = await entry.load();
    if (definition.program !== undefined && definition.program.ownStatus !== true) failureStatus = OWN_FAILURE_STATUS;
    await finish(await invoke(definition, words));
  } catch (error) {
    report(error, words.includes('--debug'), failureStatus);
  }
}

async function invoke(definition: CommandDefinition, given: readonly string[]): Promise<Outcome> {
  const { parseCommand } = await import('./parse-command.ts');
  const words = exactWords(given);
  const invocation = parseCommand(definition, words, bytesOf(definition, words));
  if (invocation.options.has('help')) return help(definition);
  const context = makeContext(optionValue(invocation, 'color'), optionValue(invocation, 'from'));
  return definition.run(invocation, context);
}

/** Of a word that is no UTF-8, the name of a file, Node makes one that cannot be turned back. */
function exactWords(words: readonly string[]): readonly string[] {
  return words.some((word) => word.includes('\uFFFD')) ? commandLineBytes(words.length).map(decodePath) : words;
}

/** Only a program's words must arrive byte for byte. */
function bytesOf(definition: CommandDefinition, words: readonly string[]): Invocation['program'] {
  return definition.program === undefined ? [] : commandLineBytes(words.length);
}

export async function help(definition: CommandDefinition): Promise<Outcome> {
  const { helpText } = await import('./help.ts');
  return { stdout: helpText(definition), status: 0 };
}

export async function finish(outcome: Outcome): Promise<void> {
  if (!('stream' in outcome)) for (const note of outcome.notes ?? []) say(`nstool: ${escapeControls(note)}\n`);
  if ('replaceBy' in outcome) {
    const { replaceByNsexec } = await import('../host/linux/nsexec.ts');
    const { nsexecPath } = await import('./installation.ts');
    try {
      return replaceByNsexec(outcome.replaceBy, nsexecPath());
    } catch (error) {
      outcome.takeBack?.();
      throw error;
    }
  }
  if ('stream' in outcome) {
    const { runStream } = await import('./streaming.ts');
    return runStream(outcome.stream);
  }
  process.exitCode = outcome.status;
  writeAnswer(outcome.stdout);
  if (outcome.error !== undefined) say(errorText(outcome.error));
}

export function report(error: unknown, debug: boolean, failureStatus: number | undefined): void {
  if (error instanceof NsError) {
    say(errorText(error));
    process.exitCode = failureStatus ?? errorStatus(error);
  } else {
    say(bugText(error, debug));
    process.exitCode = failureStatus ?? BUG_STATUS;
  }
}
