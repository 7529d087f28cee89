// A word of a command line as a shell reads it.

import { encodePath } from '../kernel/text/file-name.ts';
import { escapeControls } from '../render/escape.ts';

/** For any shell of POSIX. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9_\-+=:.,/@]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * As people can read and paste it: what drives a terminal or hides in a text stands as the octal numbers of its bytes,
 * in $'', which POSIX has since 2024.
 */
export function quotedVisibly(word: string): string {
  if (escapeControls(word) === word) return quoted(word);
  const characters = Array.from(word, (character) => {
    if (character === '\\' || character === "'") return `\\${character}`;
    return escapeControls(character) === character ? character : octal(character);
  });
  return `$'${characters.join('')}'`;
}

function octal(character: string): string {
  const bytes = encodePath(character);
  return [...bytes].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
}
