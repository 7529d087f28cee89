import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conversions, sharesOf, weightOf } from '../../../src/cgroups/weight-conversion.ts';

describe('shares and weight', () => {
  // As the engines' own tests and issues have them.
  it.each([
    [2, 1, 1, 1],
    [102, 17, 4, 9],
    [256, 35, 10, 25],
    [512, 59, 20, 50],
    [1024, 100, 39, 100],
    [2000, 170, 77, 195],
    [2048, 174, 79, 200],
    [4096, 303, 157, 400],
    [8192, 532, 313, 800],
    [262_144, 10_000, 10_000, 10_000],
  ])('%i shares are %i, %i or %i', (shares, ...weights) => {
    expect(conversions.map((conversion) => weightOf(shares, conversion))).toEqual(weights);
  });

  it('39 may have been 1024 shares or 300', () => {
    const [least, most] = sharesOf(39, 'linear') ?? [0, 0];
    expect(least <= 1024 && most >= 1024).toBe(true);
    expect(sharesOf(39, 'quadratic')?.[0]).toBeGreaterThan(280);
    expect(sharesOf(39, 'quadratic')?.[1]).toBeLessThan(310);
  });

  it('convert both ways', () => {
    const shares = fc.integer({ min: 2, max: 262_144 });
    const weight = fc.integer({ min: 1, max: 10_000 });
    fc.assert(
      fc.property(shares, fc.constantFrom(...conversions), (from, conversion) => {
        const [least, most] = sharesOf(weightOf(from, conversion), conversion) ?? [0, -1];
        expect(least <= from && from <= most).toBe(true);
      }),
    );
    fc.assert(
      fc.property(weight, fc.constantFrom(...conversions), (to, conversion) => {
        for (const from of sharesOf(to, conversion) ?? []) expect(weightOf(from, conversion)).toBe(to);
      }),
    );
  });
});
