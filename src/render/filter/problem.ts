/** What is wrong with an expression. */
export interface FilterProblem {
  readonly problem: string;
  /** Where in the text, in UTF-16 units from its start. */
  readonly at: number;
  /** What stands there; empty at the end of the text. */
  readonly word: string;
  /** Where only these could stand: the one nearest to `word` may be what was meant. */
  readonly candidates?: readonly string[];
}

/** Ends the parsing from any depth of it; `parseFilter` makes a value of it. */
export class FilterFlaw extends Error {
  readonly flaw: FilterProblem;

  constructor(flaw: FilterProblem) {
    super(flaw.problem);
    this.flaw = flaw;
  }
}

export function fail(problem: string, at: number, word: string, candidates?: readonly string[]): never {
  throw new FilterFlaw({ problem, at, word, ...(candidates === undefined ? {} : { candidates }) });
}
