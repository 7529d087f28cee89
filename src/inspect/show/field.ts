// What a page can show, as data: the help, the man page and the page itself are made of such definitions.

import type { Field } from './report.ts';

export interface FieldDefinition<Look> {
  readonly key: string;
  readonly help: string;
  /** Absent: it applies always. */
  readonly applies?: (look: Look) => boolean;
  /** Absent: it is part of the page. */
  readonly onlyAsked?: true;
  readonly build: (look: Look) => Field;
}
