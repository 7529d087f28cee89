// How long the processes of a cgroup waited for processors, memory and disks. Source: Documentation/accounting/psi.rst.

import type { GapTally } from '../kernel/gap-tally.ts';
import { parsePressure, type Pressure } from '../kernel/text/pressure.ts';
import type { Groups } from './groups.ts';
import { readFrom } from './read.ts';

export const resources = ['cpu', 'memory', 'io', 'irq'] as const;

export type Resource = (typeof resources)[number];

/**
 * With all cgroups below. Beside v1 the unified hierarchy has it too, of the cgroup that the process has there, with no
 * controller at work. Those that this kernel does not have are left out.
 */
export interface Stalls {
  readonly path: string;
  readonly by: ReadonlyMap<Resource, Pressure>;
}

/** undefined: there is no unified hierarchy. */
export function readStalls({ reached }: Groups, gaps: GapTally): Stalls | undefined {
  const unified = reached.find(({ version }) => version === 2);
  if (unified === undefined) return undefined;
  const [own] = unified.levels;
  const read = resources.flatMap((resource): [Resource, Pressure][] => {
    const pressure = readFrom(unified, own, `${resource}.pressure`, parsePressure, gaps);
    return pressure == null ? [] : [[resource, pressure]];
  });
  return { path: own.path, by: new Map(read) };
}
