// `cgroup why` where it really happened: on this machine's cgroups. The same cases run in the guests.

import { describe, it } from 'vitest';
import { whyCases, whyNot, runWhyCase } from '../support/why-cases.ts';

describe('what is wrong is found, and where nothing is, nothing', () => {
  for (const each of whyCases) {
    it.skipIf(whyNot(each) !== undefined)(each.name, () => runWhyCase(each), 60_000);
  }
});
