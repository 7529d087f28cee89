// Shares (cgroup v1, 2 to 262144, 1024 by default) and weight (v2, 1 to 10000, 100 by default): three conversions are in
// use, and what one of them wrote another reads as something else. Source: opencontainers/cgroups, utils.go, in runc since
// 1.3.2; containers/crun, pull request 1767, in crun since 1.23; systemd, cgroup_cpu_shares_to_weight().

export type Conversion = 'quadratic' | 'linear' | 'systemd';

/** A person's name for each: who converts so. */
export const CONVERTERS: Readonly<Record<Conversion, string>> = {
  quadratic: 'runc 1.3.2 and later, crun 1.23 and later',
  linear: 'older runc, crun and kubelet',
  systemd: 'systemd',
};

export const conversions: readonly Conversion[] = ['quadratic', 'linear', 'systemd'];

const MIN_SHARES = 2;
const MAX_SHARES = 262_144;

/** What an engine writes into cpu.weight for these shares. */
export function weightOf(shares: number, conversion: Conversion): number {
  const asked = Math.min(Math.max(shares, MIN_SHARES), MAX_SHARES);
  switch (conversion) {
    case 'quadratic': {
      if (asked === MIN_SHARES) return 1;
      if (asked === MAX_SHARES) return 10_000;
      // Through 2 → 1, 1024 → 100 and 262144 → 10000.
      const log = Math.log2(asked);
      return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
    }
    case 'linear':
      return 1 + Math.floor(((asked - MIN_SHARES) * 9999) / (MAX_SHARES - MIN_SHARES));
    case 'systemd':
      return Math.min(Math.max(Math.floor((asked * 100) / 1024), 1), 10_000);
  }
}

/** The shares that come to this weight; null: none does. */
export function sharesOf(weight: number, conversion: Conversion): readonly [least: number, most: number] | null {
  const least = firstWith(weight, conversion);
  const most = firstWith(weight + 1, conversion) - 1;
  return least <= most && weightOf(least, conversion) === weight ? [least, most] : null;
}

/** The least shares that come to at least this weight; one more than all where none do. */
function firstWith(weight: number, conversion: Conversion): number {
  let [low, high] = [MIN_SHARES, MAX_SHARES + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (weightOf(middle, conversion) >= weight) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Shares in proportion to a weight, as systemd has it: twice the weight is twice the shares, which no other conversion
 * keeps, and so twice the time on v1 too. Rounded up, so that weightOf of them is the weight again.
 */
export function sharesInProportion(weight: number): number {
  return Math.ceil((weight * 1024) / 100);
}
