// Who shares a namespace: processes of one container or unit are one, others stand for themselves.

import { displayName } from '../../containers/display-name.ts';
import type { IdentityResolver } from '../../containers/identify.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { statOf } from '../../kernel/process-stat.ts';

export interface Sharer {
  /** The container, pod or unit, in a form that is a target. Absent (null): none is known. */
  readonly name: string | null;
  /** The lowest pid of these processes. */
  readonly pid: number;
  /** Its name. Absent (null) when it has ended meanwhile. */
  readonly comm: string | null;
  /** How many processes these are. */
  readonly count: number;
}

/** In the order of their lowest pids. */
export function sharersOf(host: Host, resolver: IdentityResolver, pids: readonly number[]): readonly Sharer[] {
  const found = new Map<string, Sharer>();
  for (const pid of pids) {
    const identity = valueOf(resolver.identify(pid));
    const name = identity === undefined ? null : displayName(identity);
    const key = name ?? String(pid);
    const known = found.get(key);
    found.set(
      key,
      known === undefined ? { name, pid, comm: valueOf(statOf(host, pid))?.comm ?? null, count: 1 } : grown(known),
    );
  }
  return [...found.values()];
}

function grown(sharer: Sharer): Sharer {
  return { ...sharer, count: sharer.count + 1 };
}

/** `container:web (3)`, `4913 bash`. */
export function sharerText({ name, pid, comm, count }: Sharer): string {
  const who = name ?? `${pid} ${comm ?? '-'}`;
  return count === 1 ? who : `${who} (${count})`;
}
