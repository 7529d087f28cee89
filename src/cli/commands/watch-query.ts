// From the options of `watch` to a query.

import { namespaceKinds, type NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { NsError } from '../../kernel/error.ts';
import type { Fact, NamespaceRow } from '../../namespaces/rows.ts';
import { heading } from '../../render/columns.ts';
import type { Filter } from '../../render/filter/filter.ts';
import { flag, type Invocation } from '../define-command.ts';
import { splitRecorded } from '../recorded-target.ts';
import { filterColumns, lsColumns } from './ls-columns.ts';
import { filterOf, typesOf } from './ls-query.ts';
import { secondsOf } from './seconds-option.ts';

export interface WatchQuery {
  readonly kinds: ReadonlySet<NamespaceKind>;
  readonly filter: Filter<NamespaceRow> | undefined;
  /** What is read of a namespace when it appears. */
  readonly facts: ReadonlySet<Fact>;
  /** Only what belongs to these: words as they were given. */
  readonly tasks: readonly string[];
  /** Milliseconds between two looks at everything; undefined: what suits the source. */
  readonly interval: number | undefined;
  /** Milliseconds after which it ends by itself. */
  readonly duration: number;
  readonly ndjson: boolean;
  /** Also what changes in the cgroups of these. */
  readonly cgroups: boolean;
}

const SHOWN: readonly Fact[] = ['ppid', 'command', 'uid', 'user'];

/** Errors: USAGE, BAD_VALUE. */
export function watchQuery(invocation: Invocation): WatchQuery {
  const filter = filterOf(invocation, filterColumns, `nstool watch -Q 'TYPE == "net"'`);
  const tasks = (invocation.options.get('task') ?? []).map((word) => splitRecorded(word));
  if (flag(invocation, 'from') || tasks.some((task) => task.recording !== undefined)) {
    throw new NsError('USAGE', { what: 'a recorded host does not change', tryThis: 'nstool ls --from FILE' });
  }
  if (flag(invocation, 'cgroups') && tasks.length === 0) {
    throw new NsError('USAGE', { what: '--cgroups needs -p', why: 'it looks at the cgroups of these targets' });
  }
  const keys = filter?.keys ?? [];
  if (keys.includes('holders')) {
    throw new NsError('BAD_VALUE', { what: '--filter: HOLDERS needs a deep look, which watch does not make' });
  }
  const columns = lsColumns.filter((column) => keys.includes(column.key));
  const ofCgroup = columns.find(({ cgroup }) => cgroup !== undefined);
  if (ofCgroup !== undefined) {
    throw new NsError('BAD_VALUE', {
      what: `--filter: ${heading(ofCgroup)} is of cgroups, which watch does not ask of each namespace`,
      tryThis: 'nstool watch --cgroups -p TARGET',
    });
  }
  const asked = columns.flatMap((column) => column.fact ?? []);
  const interval = secondsOf(invocation, 'interval');
  return {
    kinds: new Set(typesOf(invocation) ?? namespaceKinds.map((entry) => entry.kind)),
    filter: filter?.filter,
    facts: new Set([...SHOWN, ...asked]),
    tasks: tasks.map((task) => task.word),
    interval,
    duration: secondsOf(invocation, 'for') ?? Infinity,
    ndjson: flag(invocation, 'ndjson'),
    cgroups: flag(invocation, 'cgroups'),
  };
}
