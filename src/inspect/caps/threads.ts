// Threads whose credentials are not those of the first one of their process: each has its own. Source: credentials(7).

import { credentialsOf, type Credentials } from '../../capabilities/credentials.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { parseDecimal } from '../../kernel/text/text.ts';

export interface Threads {
  /** How many the process has, with the first. */
  readonly count: number;
  readonly first: Credentials;
  /** Those that are unlike the first, ascending. */
  readonly unlike: readonly Credentials[];
}

/** Absent (null) where the list or the first thread is not told. */
export function readThreads(host: Host, pid: number, gaps: GapTally): Threads | null {
  const names = host.readDirectory(`/proc/${pid}/task`);
  const first = credentialsOf(host, pid);
  if (!names.ok || !first.ok) {
    for (const reading of [names, first]) if (!reading.ok) gaps.add('list of threads', reading.gap);
    return null;
  }
  const tids = names.value.flatMap((name) => parseDecimal(name) ?? []);
  const own = signature(first.value);
  const unlike = tids
    .filter((tid) => tid !== pid)
    .toSorted((a, b) => a - b)
    .flatMap((tid) => {
      const thread = credentialsOf(host, pid, tid);
      // A thread that ended meanwhile is no gap.
      if (!thread.ok && thread.gap.reason !== 'gone') gaps.add('thread', thread.gap);
      return thread.ok && signature(thread.value) !== own ? [thread.value] : [];
    });
  return { count: tids.length, first: first.value, unlike };
}

/** All that can differ. */
function signature({ uids, gids, groups, sets, noNewPrivileges, seccomp, seccompFilters }: Credentials): string {
  const { effective, permitted, inheritable, bounding, ambient } = sets;
  const masks = [effective, permitted, inheritable, bounding, ambient].map(String);
  return JSON.stringify([uids, gids, groups, masks, noNewPrivileges, seccomp, seccompFilters]);
}
