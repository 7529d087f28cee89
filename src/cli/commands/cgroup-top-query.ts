// From the options of `cgroup top` to a query.

import type { Topic } from '../../cgroups/sample.ts';
import type { GroupRow } from '../../inspect/cgroup/group-rows.ts';
import type { Sort } from '../../inspect/cgroup/members-by.ts';
import { NsError } from '../../kernel/error.ts';
import { matches } from '../../render/filter/filter.ts';
import { flag, optionValue, type Invocation } from '../define-command.ts';
import { sortNamed } from './cgroup-by.ts';
import { groupColumns } from './cgroup-ls-columns.ts';
import { groupView, topTopics } from './cgroup-top-groups.ts';
import { sortKeys, type Sortable, type SortKey, type TopState } from './cgroup-top-keys.ts';
import { partyView } from './cgroup-top-parties.ts';
import { filterOf, refuseBoth } from './ls-query.ts';
import { secondsOf } from './seconds-option.ts';

export interface TopQuery {
  readonly state: TopState;
  /** Looks after the first, which tells no rates; Infinity: until it is ended. */
  readonly iterations: number;
  readonly ndjson: boolean;
  /** undefined: of cgroups. */
  readonly by: Sort | undefined;
  readonly topics: readonly Topic[];
  readonly isWanted: (row: GroupRow) => boolean;
}

const COMMAND = 'cgroup top';

/** Unit: milliseconds. */
const DELAY = 2000;

/** Errors: USAGE, BAD_VALUE. */
export function topQuery(invocation: Invocation): TopQuery {
  if (flag(invocation, 'from')) {
    throw new NsError('USAGE', { what: 'a recorded host does not change', tryThis: 'nstool cgroup ls --from FILE' });
  }
  refuseBoth(
    invocation,
    ['--throttled', '--oom', '--filter'].map((other) => ['--by', other] as const),
    COMMAND,
  );
  const by = flag(invocation, 'by') ? sortNamed(optionValue(invocation, 'by') ?? '') : undefined;
  const filter = filterOf(invocation, groupColumns, `nstool ${COMMAND} -Q 'CPU_NOW > 0.5'`);
  const asked = groupColumns.filter(({ key }) => filter?.keys.includes(key) === true);
  const below = asked.find(({ fact }) => fact === 'below');
  if (below !== undefined) {
    throw new NsError('BAD_VALUE', { what: `--filter: ${below.key.toUpperCase()} is not counted by ${COMMAND}` });
  }
  const [throttled, oom] = [flag(invocation, 'throttled'), flag(invocation, 'oom')];
  return {
    state: {
      sort: sortIn(invocation, by === undefined ? groupView : partyView(by)),
      delay: secondsOf(invocation, 'delay') ?? DELAY,
      paused: false,
      help: false,
    },
    iterations: iterationsIn(invocation),
    ndjson: flag(invocation, 'ndjson'),
    by,
    topics: [...new Set([...topTopics, ...asked.flatMap(({ topic }) => topic ?? [])])],
    isWanted: (row) =>
      (!throttled || (row.rates?.throttled_percent ?? 0) > 0) &&
      (!oom || (row.sample.oom_kills ?? 0) > 0) &&
      (filter === undefined || matches(filter.filter, row)),
  };
}

function sortIn(invocation: Invocation, { sizes }: Sortable): SortKey {
  const word = optionValue(invocation, 'sort') ?? 'cpu';
  const known = sortKeys.filter((key) => key in sizes);
  const sort = known.find((key) => key === word.toLowerCase());
  if (sort !== undefined) return sort;
  throw new NsError('BAD_VALUE', { what: `--sort takes ${known.join(', ')}, not '${word}'` });
}

function iterationsIn(invocation: Invocation): number {
  const word = optionValue(invocation, 'iterations');
  if (word === undefined) return Infinity;
  const number = /^[0-9]{1,9}$/.test(word) ? Number(word) : 0;
  if (number > 0) return number;
  throw new NsError('BAD_VALUE', { what: `--iterations takes a number from 1, not '${word}'` });
}
