// In what the threads of a process differ from its first one.

import type { Credentials } from '../../capabilities/credentials.ts';
import type { CapabilitySets } from '../../capabilities/sets.ts';
import { value, type Reading } from '../../kernel/host.ts';
import { firstGap, GapTally } from '../../kernel/gap-tally.ts';
import { readThreads } from '../caps/threads.ts';
import type { DifferingThreads, Looked } from './evidence.ts';

const SETS = ['effective', 'permitted', 'inheritable', 'bounding', 'ambient'] as const;
const FLAGS = ['noNewPrivileges', 'seccomp', 'seccompFilters'] as const;
const IDS = ['uids', 'gids', 'groups'] as const;

export function differingThreads({ ask, host, pid }: Looked): Reading<DifferingThreads> {
  const leader = ask('credentials');
  if (!leader.ok) return leader;
  if (leader.value.threads < 2) return value({ tids: [], what: [], more: 0n });
  const gaps = new GapTally();
  const threads = readThreads(host, pid, gaps);
  const unseen = firstGap(gaps);
  if (unseen !== undefined) return { ok: false, gap: unseen };
  const unlike = threads?.unlike ?? [];
  const what = new Set(unlike.flatMap((thread) => differences(leader.value, thread)));
  const more = unlike.reduce((mask, { sets }) => mask | held(sets), 0n) & ~held(leader.value.sets);
  return value({ tids: unlike.map(({ tid }) => tid), what: [...what].toSorted(), more });
}

function held({ effective, permitted }: CapabilitySets): bigint {
  return effective | permitted;
}

function differences(one: Credentials, other: Credentials): readonly string[] {
  return [
    ...SETS.filter((key) => one.sets[key] !== other.sets[key]),
    ...FLAGS.filter((key) => one[key] !== other[key]),
    ...IDS.filter((key) => one[key].join() !== other[key].join()),
  ];
}
