// What a shell executes in its turn: of `sh -c 'CMD'` the program of CMD, where CMD is plain words.

import type { ExecResult } from '../../capabilities/exec.ts';

export interface Following {
  /** Absent (null): nothing that we foresee. */
  readonly words: readonly string[] | null;
  /** Why not. Absent (null): there is nothing to foresee. */
  readonly unforeseen: string | null;
}

const SHELLS = /^(?:sh|bash|dash|ash|ksh|zsh|mksh)$/;

/** Words without anything that a shell would read as more than a word. */
const PLAIN = /^[A-Za-z0-9_./:@%+,-]+$/;

/** What shells do themselves, without a file. */
const BUILT_IN = new Set(
  'alias bg cd command echo eval exit export false fg hash jobs kill printf pwd read set shift test times trap true type ulimit umask unset wait'.split(
    ' ',
  ),
);

/** null: it is no shell, or gets no command. */
export function nextOf(path: string, args: readonly string[], { uids, gids }: ExecResult): Following | null {
  const command = SHELLS.test(path.slice(path.lastIndexOf('/') + 1)) ? commandIn(args) : undefined;
  if (command === undefined) return null;
  const unforeseen = (why: string): Following => ({ words: null, unforeseen: `${why}: what follows is not foreseen` });
  if (uids[0] !== uids[1] || gids[0] !== gids[1])
    return unforeseen('with other effective ids than real ones a shell gives the effective ones up, unless it has -p');
  const words = command.trim().split(/[ \t]+/);
  const [first = '', ...rest] = words[0] === 'exec' ? words.slice(1) : words;
  if (![first, ...rest].every((word) => PLAIN.test(word)))
    return unforeseen(`'${command.slice(0, 60)}' is more than plain words`);
  if (BUILT_IN.has(first)) return { words: null, unforeseen: null };
  return { words: [first, ...rest], unforeseen: null };
}

/** The word after `-c`, which may stand in a bundle: `sh -ec CMD`. */
function commandIn(args: readonly string[]): string | undefined {
  const at = args.findIndex((word) => /^-[a-z]*c[a-z]*$/.test(word));
  const isOption = (word: string): boolean => /^[-+]/.test(word);
  if (at < 0 || !args.slice(0, at).every(isOption)) return undefined;
  return args.slice(at + 1).find((word) => !isOption(word));
}
