// Help, from the definitions.

import type { CommandDefinition, OptionDefinition } from './define-command.ts';
import { allOptions } from './parse-command.ts';

const OPTION_WIDTH = 30;

export function helpText(definition: CommandDefinition): string {
  const { name, operands, summary, description, examples, exitStatus } = definition;
  return [
    `nstool ${name}: ${summary}`,
    '',
    `usage: nstool ${name}${operands === '' ? '' : ` ${operands}`}`,
    '',
    ...description,
    '',
    'options:',
    ...allOptions(definition).map(optionLine),
    '',
    'examples:',
    ...examples.map(({ line, does }) => `  ${line.padEnd(44)} ${does}`),
    '',
    'exit status:',
    ...exitStatus.map(([status, meaning]) => `  ${String(status).padEnd(5)} ${meaning}`),
    '',
  ].join('\n');
}

function optionLine(option: OptionDefinition): string {
  const short = option.short === undefined ? '    ' : `-${option.short}, `;
  const value =
    option.value === undefined ? '' : option.optionalValue === true ? `[=${option.value}]` : ` ${option.value}`;
  return `  ${`${short}--${option.long}${value}`.padEnd(OPTION_WIDTH)} ${option.help}`;
}
