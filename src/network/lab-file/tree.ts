// A lab file as a tree of what stands in it, each part with its place, so that whatever is wrong with it can be told with
// line and column. Made by cli/lab-file.ts.

import { NsError } from '../../kernel/error.ts';

/** Both are counted from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export type Tree = MapTree | ListTree | ScalarTree;

export interface MapTree {
  readonly type: 'map';
  readonly at: Place;
  readonly entries: readonly MapEntry[];
}

/** No two of a map have the same key. */
export interface MapEntry {
  readonly key: string;
  readonly at: Place;
  readonly value: Tree;
}

export interface ListTree {
  readonly type: 'list';
  readonly at: Place;
  readonly items: readonly Tree[];
}

export interface ScalarTree {
  readonly type: 'scalar';
  readonly at: Place;
  readonly value: string | number | boolean | null;
  /** As it is written, without quotes: `0x10` of the number 16. */
  readonly text: string;
}

/** `write`: what stands right there instead. */
export function wrong(at: Place, what: string, write: string, why?: string): NsError {
  const facts = { what: `${at.file}:${at.line}:${at.column}: ${what}`, tryThis: write };
  return new NsError('BAD_VALUE', why === undefined ? facts : { ...facts, why });
}

/** With the word that may have been meant. `known` is what there is. */
export function unknownWord(at: Place, what: string, word: string, known: readonly string[]): NsError {
  return new NsError('BAD_VALUE', {
    what: `${at.file}:${at.line}:${at.column}: ${what}`,
    near: { word, known: new Map(known.map((each) => [each, each])) },
    tryThis: known.length === 0 ? 'there is none' : `one of ${known.slice(0, MOST_TOLD).join(', ')}`,
  });
}

const MOST_TOLD = 20;
