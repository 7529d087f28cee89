// What the host says of the guest in which we are: what nstool has to find out by itself.

import { readFileSync } from 'node:fs';

interface Facts {
  readonly name: string;
  /** As in `6.1`. */
  readonly series: string;
  readonly arch: string;
  readonly cgroups: 'v1' | 'v2';
  readonly init: 'script' | 'systemd';
  /** Only the tests whose name has one of these. Empty: all. */
  readonly only: readonly string[];
}

export const facts = JSON.parse(readFileSync(new URL('guest.json', import.meta.url), 'utf8')) as Facts;

const [major = 0, minor = 0] = facts.series.split('.').map(Number);

/** Is the kernel of the guest this one, or later? */
export function since(first: number, second: number): boolean {
  return major > first || (major === first && minor >= second);
}
