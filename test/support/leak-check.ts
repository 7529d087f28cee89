// Set-up file of the integration and e2e projects: a test file leaves nothing behind.

import { afterAll, beforeAll, expect } from 'vitest';
import { belongings, type Belongings } from './leaks.ts';
import { removeInstallation } from './program.ts';

let before: Belongings;

beforeAll(() => {
  before = belongings();
});

afterAll(async () => {
  removeInstallation();
  // What was killed a moment ago may not have been reaped yet.
  for (let attempt = 0; attempt < 40 && differ(); attempt += 1) await new Promise((done) => setTimeout(done, 50));
  expect(belongings()).toEqual(before);
});

function differ(): boolean {
  return JSON.stringify(belongings()) !== JSON.stringify(before);
}
