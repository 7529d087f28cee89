// What of a process's cgroups is beyond our view, as gaps.

import { beyondView } from '../../cgroups/group-gaps.ts';
import type { Group, Groups } from '../../cgroups/groups.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';

export function tellUnseen(groups: Groups, gaps: GapTally): void {
  for (const { gap, membership } of groups.unreached) gaps.add('cgroup', gap, membership.deleted ? gap.what : null);
  for (const group of groups.reached) tellBeyond(group, gaps);
}

/** A hierarchy without controllers limits nothing. */
function tellBeyond(group: Group, gaps: GapTally): void {
  const { isWhole, controllers } = group;
  if (isWhole || controllers.every((name) => name.startsWith('name='))) return;
  gaps.add('cgroup above', beyondView(group, controllers));
}
