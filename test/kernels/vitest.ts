// What esbuild takes for `vitest` in a guest, where node:test runs the tests: so files of test/integration and test/e2e
// run there as they are. A test's name begins with those of what is around it, as TAP is read one level deep.

import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  getState,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
  type ExpectStatic,
} from '@vitest/expect';
import { inspect } from 'node:util';
import { test as guestTest } from './test.ts';

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);

const globals = globalThis as unknown as Record<symbol, object>;
const wrapped = (value: unknown, message?: string): unknown => chai.expect(value, message);
export const expect = Object.assign(
  wrapped,
  chai.expect,
  globals[ASYMMETRIC_MATCHERS_OBJECT],
) as unknown as ExpectStatic;
setState({ ...getState(expect), assertionCalls: 0 }, expect);
globals[GLOBAL_EXPECT] = expect;

type Act = (...values: never[]) => unknown;

/** What stands in one `describe`: its hooks run around its first and its last test. */
interface Suite {
  readonly name: string;
  readonly isSkipped: boolean;
  readonly around: Suite | undefined;
  readonly befores: Act[];
  readonly afters: Act[];
  readonly beforeEach: Act[];
  readonly afterEach: Act[];
  /** Its tests, and those of the suites in it, that have not run. */
  left: number;
  /** undefined: the hooks have not run. */
  ready?: Promise<void>;
}

let suite: Suite = suiteOf('', false, undefined);

function suiteOf(name: string, isSkipped: boolean, around: Suite | undefined): Suite {
  const hooks = { befores: [], afters: [], beforeEach: [], afterEach: [] };
  return { name, isSkipped, around, ...hooks, left: 0 };
}

function chainOf(inner: Suite): readonly Suite[] {
  return inner.around === undefined ? [inner] : [...chainOf(inner.around), inner];
}

async function all(acts: readonly Act[]): Promise<void> {
  // eslint-disable-next-line no-await-in-loop -- one after the other
  for (const act of acts) await act();
}

export function beforeAll(act: Act): void {
  suite.befores.push(act);
}

export function afterAll(act: Act): void {
  suite.afters.push(act);
}

export function beforeEach(act: Act): void {
  suite.beforeEach.push(act);
}

export function afterEach(act: Act): void {
  suite.afterEach.push(act);
}

function addTest(name: string, isSkipped: boolean, act: Act): void {
  const chain = chainOf(suite);
  const full = [...chain.map((each) => each.name), name].filter((part) => part !== '').join(': ');
  if (isSkipped || chain.some((each) => each.isSkipped)) {
    guestTest(full, { skip: 'not for this guest' }, () => {});
    return;
  }
  const body = async (): Promise<void> => {
    try {
      // eslint-disable-next-line no-await-in-loop -- the outer first
      for (const each of chain) await (each.ready ??= all(each.befores));
      await all(chain.flatMap((each) => each.beforeEach));
      await act();
    } finally {
      await all(chain.toReversed().flatMap((each) => each.afterEach));
      for (const each of chain.toReversed()) {
        each.left -= 1;
        // eslint-disable-next-line no-await-in-loop -- the inner first
        if (each.left === 0) await all(each.afters.toReversed());
      }
    }
  };
  if (guestTest(full, { skip: false }, body)) for (const each of chain) each.left += 1;
}

function addSuite(name: string, isSkipped: boolean, act: Act): void {
  suite = suiteOf(name, isSkipped, suite);
  try {
    act();
  } finally {
    suite = suite.around ?? suite;
  }
}

type Add = (name: string, isSkipped: boolean, act: Act) => void;
type Named = (name: string, act: Act) => void;
type ForEach = (rows: readonly unknown[]) => Named;

interface Chained extends Named {
  readonly skipIf: (condition: unknown) => Chained;
  readonly runIf: (condition: unknown) => Chained;
  readonly each: ForEach;
  readonly for: ForEach;
}

function chained(add: Add, isSkipped: boolean): Chained {
  // vitest may be given options before or after what is to be done: a time limit of the test's own is not taken.
  const named = (name: string, ...rest: unknown[]): void => {
    const act = rest.find((each) => typeof each === 'function');
    if (act !== undefined) add(name, isSkipped, act as Act);
  };
  const rows =
    (spread: boolean): ForEach =>
    (cases) =>
    (name, ...rest) => {
      for (const [index, row] of cases.entries()) {
        const values = (spread && Array.isArray(row) ? row : [row]) as never[];
        named(titleOf(name, Array.isArray(row) ? row : [row], index), () => {
          const act = rest.find((each) => typeof each === 'function');
          return act?.(...values);
        });
      }
    };
  return Object.assign(named, {
    skipIf: (condition: unknown) => chained(add, isSkipped || Boolean(condition)),
    runIf: (condition: unknown) => chained(add, isSkipped || !condition),
    each: rows(true),
    for: rows(false),
  });
}

/** As vitest: `%s` takes the next value, `$name` a property of the first. */
function titleOf(name: string, row: readonly unknown[], index: number): string {
  let next = 0;
  const plain = (value: unknown): string =>
    typeof value === 'string' ? value : inspect(value, { breakLength: Infinity });
  return name
    .replaceAll('%#', String(index))
    .replaceAll(/%[sdijo]/g, () => plain(row[next++]))
    .replaceAll(/\$(\w+)/g, (whole, key: string) => {
      const [first] = row;
      return typeof first === 'object' && first !== null && key in first
        ? plain((first as Record<string, unknown>)[key])
        : whole;
    });
}

export const test = chained(addTest, false);
export const it = chained(addTest, false);
export const describe = chained(addSuite, false);
