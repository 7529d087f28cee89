// A cgroup that is to get one below it, for a command.

import type { Group } from '../../cgroups/groups.ts';
import type { LimitPlace } from '../../cgroups/limit-place.ts';
import { valueOf } from '../../kernel/host.ts';
import { decodeText } from '../../kernel/text/text.ts';

export interface ParentGroup {
  /** `memory`, `cgroup2`. */
  readonly name: string;
  readonly group: Group;
  readonly place: LimitPlace;
  /** Of v2: what it has to hand on, and does not yet. */
  readonly missing: readonly string[];
  /** We are alone in it, and have to leave it first: who hands controllers on may have no processes. */
  readonly leave: boolean;
}

/** Of a file with words; none: it is empty, or there is none. */
export function wordsIn({ read }: LimitPlace, file: string): readonly string[] {
  const bytes = valueOf(read(file));
  return bytes === undefined ? [] : decodeText(bytes).split(/\s+/).filter(Boolean);
}
