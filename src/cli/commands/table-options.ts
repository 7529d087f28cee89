// The forms of a table: options that every list with columns has.

import { flag, type Invocation, type OptionDefinition } from '../define-command.ts';
import { refuseBoth } from './ls-query.ts';

export interface TableShape {
  readonly format: 'text' | 'raw' | 'json';
  readonly headings: boolean;
  readonly truncate: boolean;
}

export const tableOptions: readonly OptionDefinition[] = [
  { long: 'json', short: 'J', help: 'as JSON, with the gaps' },
  { long: 'raw', short: 'r', help: 'words separated by one space, blanks and controls escaped' },
  { long: 'noheadings', short: 'n', help: 'no line of headings' },
  { long: 'notruncate', short: 'u', help: 'shorten nothing, also on a terminal' },
];

/** Errors: USAGE, BAD_VALUE. */
export function tableShape(invocation: Invocation, command: string): TableShape {
  refuseBoth(invocation, [['--json', '--raw']], command);
  return {
    format: flag(invocation, 'json') ? 'json' : flag(invocation, 'raw') ? 'raw' : 'text',
    headings: !flag(invocation, 'noheadings'),
    truncate: !flag(invocation, 'notruncate'),
  };
}
