// How far a long look has come: one line of a terminal, in place of the one before.

import { escapeControls } from '../render/escape.ts';
import { shorten } from '../render/width.ts';
import type { Progress, Stream } from './define-command.ts';

/** Unit: milliseconds. What is done by then needs no telling. */
const PATIENCE = 500;
const INTERVAL = 100;

/** Where the stream is no terminal it says nothing. `now`: milliseconds of any clock. */
export function progressOn(stream: Stream, say: (text: string) => void, now: () => number): Progress {
  const isTerminal = stream.isTerminal;
  let next = now() + PATIENCE;
  let isTold = false;
  return {
    tell(text) {
      if (!isTerminal) return;
      const time = now();
      if (time < next) return;
      next = time + INTERVAL;
      isTold = true;
      say(`\r${shorten(escapeControls(text()), (stream.columns() ?? 80) - 1)}\x1b[K`);
    },
    end() {
      if (isTold) say('\r\x1b[K');
      isTold = false;
    },
  };
}
