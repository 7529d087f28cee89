// What of a process's cgroups is beyond our view, as gaps.

import type { Group, Groups } from '../../cgroups/groups.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';

export function tellUnseen(groups: Groups, gaps: GapTally): void {
  for (const { gap, membership } of groups.unreached) gaps.add('cgroup', gap, membership.deleted ? gap.what : null);
  for (const group of groups.reached) tellBeyond(group, gaps);
}

/** A hierarchy without controllers limits nothing. */
function tellBeyond({ isWhole, controllers, levels }: Group, gaps: GapTally): void {
  if (isWhole || controllers.every((name) => name.startsWith('name='))) return;
  const what = `limits above ${levels.at(-1)?.folder ?? ''} (${controllers.join(',')}) are beyond our view`;
  gaps.add('cgroup above', { reason: 'unsupported', what });
}
