// Where a target of cgroups is looked for: a cgroup may have `::` in its name, as `FILE::TARGET` has.

import { isCgroupPath } from '../../inspect/cgroup/cgroup-target.ts';
import type { Context } from '../define-command.ts';
import { splitRecorded, type RecordedTarget } from '../recorded-target.ts';

/** A cgroup that is there is meant before a file that is. */
export async function splitRecordedCgroup(context: Context, word: string): Promise<RecordedTarget> {
  const split = splitRecorded(word);
  if (split.recording === undefined || !word.startsWith('/')) return split;
  return isCgroupPath(await context.host(), word) ? { word } : split;
}
