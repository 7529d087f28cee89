// The colours, by meaning. The level is decided by the caller: chalk itself does not honour NO_COLOR.

import { Chalk } from 'chalk';

export interface Theme {
  readonly heading: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
}

export function theme(color: boolean): Theme {
  const chalk = new Chalk({ level: color ? 1 : 0 });
  return { heading: chalk.bold, good: chalk.green, bad: chalk.red };
}
