// A definition as a page for man(1), in the macros of groff_man(7).

import type { CommandDefinition, OptionDefinition } from '../src/cli/define-command.ts';
import { allOptions } from '../src/cli/parse-command.ts';

/** Text for roff: nothing in it is a request or an escape. */
function escape(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('…', '\\&...')
    .replaceAll(/^\./gm, '\\&.');
}

function title(name: string): string {
  return `.TH ${name.toUpperCase().replaceAll(' ', '\\-')} 1 "" nstool "User Commands"`;
}

export function manPage(definition: CommandDefinition): string {
  const { name, summary, operands, description, examples, exitStatus } = definition;
  const words = `nstool\\-${name.replaceAll(' ', '\\-')}`;
  return [
    title(`nstool ${name}`),
    '.SH NAME',
    `${words} \\- ${escape(summary)}`,
    '.SH SYNOPSIS',
    `.B nstool ${escape(name)}`,
    `.RI ${quote('[options]')} ${quote(` ${operands}`)}`,
    '.SH DESCRIPTION',
    ...paragraphs(description),
    '.SH OPTIONS',
    ...allOptions(definition).flatMap(option),
    '.SH EXAMPLES',
    ...examples.flatMap(({ line, does }) => ['.TP', `.B ${escape(line)}`, escape(does)]),
    '.SH EXIT STATUS',
    ...exitStatus.flatMap(([status, meaning]) => ['.TP', `.B ${status}`, escape(meaning)]),
    '.SH SEE ALSO',
    '.BR nstool (1),',
    '.BR namespaces (7)',
    '',
  ].join('\n');
}

function quote(text: string): string {
  return `"${escape(text).replaceAll('"', '\\(dq')}"`;
}

/** Indented lines stand as they are. */
function paragraphs(lines: readonly string[]): readonly string[] {
  const out: string[] = [];
  let literal = false;
  for (const line of lines) {
    const isLiteral = line.startsWith('  ');
    if (isLiteral !== literal) out.push(isLiteral ? '.nf' : '.fi');
    literal = isLiteral;
    out.push(line === '' ? '.PP' : escape(line));
  }
  return literal ? [...out, '.fi'] : out;
}

function option({ long, short, value, optionalValue, help }: OptionDefinition): readonly string[] {
  const letter = short === undefined ? '' : `\\-${short}, `;
  const argument = value === undefined ? '' : optionalValue === true ? `[=${value}]` : ` ${value}`;
  return ['.TP', `.B ${letter}\\-\\-${escape(long)}${escape(argument)}`, escape(help)];
}

export function overviewPage(definitions: readonly CommandDefinition[]): string {
  return [
    title('nstool'),
    '.SH NAME',
    'nstool \\- namespaces, capabilities and cgroups of a Linux host: list, explain, enter',
    '.SH SYNOPSIS',
    '.B nstool',
    '.I COMMAND',
    '.RI "[options] [operands]"',
    '.SH DESCRIPTION',
    'Answers go to standard output, talk goes to standard error, and the exit status is the verdict.',
    'What could not be seen is counted and named there, and in the output of',
    '.BR \\-\\-json ,',
    'whose keys only grow; the text for people may change, so scripts should use',
    '.B \\-\\-json',
    'or name their columns.',
    '.SH COMMANDS',
    ...definitions.flatMap(({ name, summary }) => [
      '.TP',
      `.BR nstool\\-${name.replaceAll(' ', '\\-')} (1)`,
      escape(summary),
    ]),
    '.SH ENVIRONMENT',
    '.TP',
    '.BR NO_COLOR ", " FORCE_COLOR ", " TERM',
    'whether colours are used; the option',
    '.B \\-\\-color',
    'stands above them',
    '.TP',
    '.B COLUMNS',
    'the width of the terminal',
    '.SH EXIT STATUS',
    ...statuses.flatMap(([status, meaning]) => ['.TP', `.B ${status}`, escape(meaning)]),
    '.SH SEE ALSO',
    '.BR lsns (8),',
    '.BR nsenter (1),',
    '.BR capsh (1),',
    '.BR namespaces (7),',
    '.BR capabilities (7)',
    '',
  ].join('\n');
}

const statuses = [
  [0, 'done'],
  [1, 'the answer is no'],
  [2, 'the command line is wrong'],
  [3, 'no such thing'],
  [4, 'denied'],
  [5, 'this kernel, or this installation, lacks what is needed'],
  [70, 'a bug of nstool, or a kernel file that is not as documented'],
  [74, 'the answer could not be written'],
] as const;
