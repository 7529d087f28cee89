// What one place of a regular expression takes: characters, ranges and POSIX classes, or all but these.

export type ClassName =
  | 'alnum'
  | 'alpha'
  | 'blank'
  | 'cntrl'
  | 'digit'
  | 'graph'
  | 'lower'
  | 'print'
  | 'punct'
  | 'space'
  | 'upper'
  | 'xdigit';

/** As a UTF-8 locale of glibc has them: [:digit:] is ASCII, other digits are letters, and a
 * blank that does not break is a mark. */
const classes: Readonly<Record<ClassName, RegExp>> = {
  alnum: /[\p{Alphabetic}\p{Nd}]/u,
  alpha: /(?![0-9])[\p{Alphabetic}\p{Nd}]/u,
  blank: /(?![\u00a0\u2007\u202f])[\t\p{Zs}]/u,
  cntrl: /[\p{Cc}\u2028\u2029]/u,
  digit: /[0-9]/,
  graph: /[\u00a0\u2007\u202f]|[^\p{Z}\p{Cc}\p{Cs}\p{Cn}]/u,
  lower: /\p{Lowercase}/u,
  print: /[^\u2028\u2029\p{Cc}\p{Cs}\p{Cn}]/u,
  punct: /[\u00a0\u2007\u202f]|[^\p{Z}\p{Cc}\p{Cs}\p{Cn}\p{Alphabetic}\p{Nd}]/u,
  space: /(?![\u00a0\u2007\u202f]|\ufeff)\s/,
  upper: /\p{Uppercase}/u,
  xdigit: /[0-9A-Fa-f]/,
};

export const classNames: readonly string[] = Object.keys(classes);

export function isClassName(name: string): name is ClassName {
  return Object.hasOwn(classes, name);
}

export interface CharSet {
  /** Takes what is not named. */
  readonly negated: boolean;
  /** Code points, first and last. */
  readonly ranges: readonly (readonly [number, number])[];
  readonly classes: readonly ClassName[];
}

export const anyCharacter: CharSet = { negated: true, ranges: [], classes: [] };

export function oneCharacter(code: number): CharSet {
  return { negated: false, ranges: [[code, code]], classes: [] };
}

const UNDERSCORE = 0x5f;

/** `\w`, and `\W` where negated. */
export function wordCharacter(negated: boolean): CharSet {
  return { negated, ranges: [[UNDERSCORE, UNDERSCORE]], classes: ['alnum'] };
}

/** `\s`, and `\S` where negated. */
export function blankCharacter(negated: boolean): CharSet {
  return { negated, ranges: [], classes: ['space'] };
}

export function takes(set: CharSet, code: number): boolean {
  return isNamed(set, code) !== set.negated;
}

function isNamed(set: CharSet, code: number): boolean {
  for (const [first, last] of set.ranges) if (code >= first && code <= last) return true;
  if (set.classes.length === 0) return false;
  // One character at a time: nothing here can backtrack.
  const character = String.fromCodePoint(code);
  return set.classes.some((name) => classes[name].test(character));
}
