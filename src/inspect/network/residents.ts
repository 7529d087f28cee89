// Who lives in a network namespace.

import { displayName } from '../../containers/display-name.ts';
import type { IdentityResolver } from '../../containers/identify.ts';
import { valueOf } from '../../kernel/host.ts';

export interface Resident {
  /** The container, pod or unit. Absent (null): processes of none. */
  readonly name: string | null;
  /** Ascending. */
  readonly pids: readonly number[];
}

export function residentsOf(resolver: IdentityResolver, pids: readonly number[]): readonly Resident[] {
  const byName = new Map<string | null, number[]>();
  for (const pid of pids.toSorted((a, b) => a - b)) {
    const identity = valueOf(resolver.identify(pid));
    const name = identity === undefined ? null : displayName(identity);
    const known = byName.get(name);
    if (known === undefined) byName.set(name, [pid]);
    else known.push(pid);
  }
  return [...byName].map(([name, of]) => ({ name, pids: of }));
}
