// What was found, as data: which cgroup is the cause, with which numbers, how certain that is, and what to change.

import type { WhyCode } from './codes.ts';
import type { At } from './look.ts';

/** What the numbers are counted over: between two looks, since the cgroup was made, now, or what the kernel's log holds. */
export type Span = 'interval' | 'made' | 'now' | 'log';

export type Evidence = Readonly<Record<string, bigint | number | string | boolean | null>>;

export interface Verdict {
  readonly code: WhyCode;
  /** finding: something is wrong. note: worth knowing, and nothing is. */
  readonly level: 'finding' | 'note';
  readonly controller: string;
  /** A sentence without its full stop. Paths and names in it are data of others. */
  readonly what: string;
  /** The cgroup that is the cause, as in /proc/PID/cgroup. null: none is, or it is unknown. */
  readonly path: string | null;
  /** Its directory. null: as before, or it is no more. */
  readonly directory: string | null;
  /** Is it the cgroup that was asked about, and none above or below it? */
  readonly own: boolean;
  /** A guess follows from the numbers, but something else could have made them. */
  readonly certainty: 'certain' | 'guess';
  readonly since: Span;
  readonly evidence: Evidence;
  readonly advice: readonly Advice[];
}

/** What to change, in each one's words. */
export interface Advice {
  /** A reason to, or what it does. */
  readonly why: string;
  /** Of `nstool cgroup set DIRECTORY`: the words after it. null: it has none. */
  readonly set: readonly string[] | null;
  readonly directory: string | null;
  readonly file: string | null;
  /** What is written into the file. */
  readonly value: string | null;
  /** Below linux.resources. */
  readonly oci: string | null;
  readonly docker: string | null;
  readonly kubernetes: string | null;
}

const NO_ADVICE: Advice = {
  why: '',
  set: null,
  directory: null,
  file: null,
  value: null,
  oci: null,
  docker: null,
  kubernetes: null,
};

export function advise(at: At | null, advice: Partial<Advice> & Pick<Advice, 'why'>): Advice {
  return { ...NO_ADVICE, directory: at?.folder ?? null, ...advice };
}

/** Where a verdict stands. */
export function where(at: At, own: At | undefined): Pick<Verdict, 'path' | 'directory' | 'own'> {
  return { path: at.path, directory: at.folder, own: at.path === own?.path };
}

/** What was added since the first look; without one, all there is. null: it is not told. */
export function grown(before: bigint | null | undefined, after: bigint | null | undefined): bigint | null {
  if (after === null || after === undefined) return null;
  if (before === null || before === undefined) return after;
  // It was made anew meanwhile.
  return after < before ? after : after - before;
}

export function bytesText(amount: bigint): string {
  let [size, unit] = [Number(amount), 0];
  while (size >= 1023.95 && unit < UNITS.length - 1) [size, unit] = [size / 1024, unit + 1];
  return `${unit === 0 ? size : size.toFixed(1)}${UNITS[unit]}`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** For an option: `64M`, never less than the number. */
export function sizeWord(amount: bigint): string {
  const mebibytes = (amount + 1_048_575n) / 1_048_576n;
  return `${mebibytes}M`;
}

export function coresText(cores: number): string {
  const text = String(Number(cores.toFixed(3)));
  return `${text} core${text === '1' ? '' : 's'}`;
}

export function percentText(part: number): string {
  return `${(100 * part).toFixed(part < 0.1 ? 1 : 0)}%`;
}
