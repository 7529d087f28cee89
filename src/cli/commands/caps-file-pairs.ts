// Capabilities and files as setcap(8) takes them: TEXT PATH, TEXT PATH …, a rootid for all.

import type { FileCapabilities } from '../../capabilities/file-capabilities.ts';
import { parseFileText } from '../../capabilities/file-text.ts';
import { NsError } from '../../kernel/error.ts';
import { parseDecimal } from '../../kernel/text/text.ts';
import { optionValue, type Context, type Invocation, type OptionDefinition } from '../define-command.ts';

export const rootidOption: OptionDefinition = {
  long: 'rootid',
  short: 'n',
  value: 'UID',
  help: 'for the user namespaces whose root is this uid here',
};

export interface FilePair {
  readonly path: string;
  /** As it was given. */
  readonly text: string;
  readonly capabilities: FileCapabilities;
}

/** `all` is what the running kernel knows. Errors: USAGE, BAD_VALUE. */
export function filePairs(invocation: Invocation, context: Context, all: bigint): readonly FilePair[] {
  const { operands } = invocation;
  if (operands.length % 2 !== 0) {
    throw new NsError('USAGE', {
      what: `'${operands.at(-1) ?? ''}' stands alone`,
      why: 'each TEXT is followed by its PATH',
      tryThis: 'cap_net_raw=ep ./ping',
    });
  }
  const rootid = rootidOf(invocation);
  const texts = operands.filter((_, index) => index % 2 === 0);
  const blocks = texts.includes('-') ? stdinBlocks(context) : [];
  let block = 0;
  return texts.map((word, index) => {
    const text = word === '-' ? (blocks[block++] ?? missingBlock(block)) : word;
    const parsed = parseFileText(text, rootid, all);
    if (!parsed.ok) throw badText(text, parsed.problem);
    return { path: operands[2 * index + 1] ?? '', text, capabilities: parsed.capabilities };
  });
}

/** What blank lines part. */
function stdinBlocks(context: Context): readonly string[] {
  const blocks = context.readStdin().split(/\n[ \t]*\n/);
  return blocks.map((text) => text.trim());
}

/** Errors: BAD_VALUE. */
function missingBlock(number: number): never {
  throw new NsError('BAD_VALUE', {
    what: `standard input has ${number - 1} texts, and there are more -`,
    why: 'a blank line parts one from the next',
  });
}

function badText(text: string, problem: string): NsError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return new NsError('BAD_VALUE', {
    what: `'${shown}' is no text of capabilities`,
    why: problem,
    tryThis: 'cap_net_raw=ep, cap_chown,cap_kill=eip, or = for an empty set',
  });
}

/** The last uid (-1) is none. */
const LAST_UID = 0xffff_fffe;

/** Errors: BAD_VALUE. */
function rootidOf(invocation: Invocation): number {
  const word = optionValue(invocation, 'rootid');
  if (word === undefined) return 0;
  const rootid = parseDecimal(word);
  if (rootid !== undefined && rootid <= LAST_UID) return rootid;
  throw new NsError('BAD_VALUE', { what: `--rootid takes a uid, not '${word}'`, why: `from 0 to ${LAST_UID}` });
}
