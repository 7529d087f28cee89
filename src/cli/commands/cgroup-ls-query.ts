// From the options of `cgroup ls` to a query.

import type { Topic } from '../../cgroups/sample.ts';
import type { GroupRow } from '../../inspect/cgroup/group-rows.ts';
import { NsError } from '../../kernel/error.ts';
import { selectColumns } from '../../render/columns.ts';
import { matches, type Filter } from '../../render/filter/filter.ts';
import { flag, optionValue, type Invocation } from '../define-command.ts';
import { defaultGroupColumns, groupColumns, type GroupColumn } from './cgroup-ls-columns.ts';
import { columnNamed, filterOf, sortOf } from './ls-query.ts';
import { secondsOf } from './seconds-option.ts';
import { tableShape, type TableShape } from './table-options.ts';

export interface CgroupLsQuery extends TableShape {
  readonly columns: readonly GroupColumn[];
  readonly topics: ReadonlySet<Topic>;
  readonly owners: boolean;
  readonly below: boolean;
  /** Between the two looks. Unit: milliseconds. undefined: one look is enough. */
  readonly interval: number | undefined;
  readonly throttled: boolean;
  readonly oom: boolean;
  readonly empty: boolean;
  readonly filter: Filter<GroupRow> | undefined;
  readonly sort: GroupColumn | undefined;
}

const COMMAND = 'cgroup ls';
const FILTER_EXAMPLE = `nstool ${COMMAND} -Q 'MEM > 100M && OOM_KILLS > 0'`;

/** Between two looks, where nothing else was said. Unit: milliseconds. */
export const INTERVAL = 2000;

/** Errors: USAGE, BAD_VALUE. */
export function cgroupLsQuery(invocation: Invocation): CgroupLsQuery {
  const asked = secondsOf(invocation, 'for');
  const empty = flag(invocation, 'empty');
  refuseRecorded(invocation);
  const columns = columnsOf(invocation, { interval: asked !== undefined, empty });
  const filter = filterOf(invocation, groupColumns, FILTER_EXAMPLE);
  const sort = sortOf(invocation, groupColumns, COMMAND);
  const needed = groupColumns.filter(
    (column) => columns.includes(column) || filter?.keys.includes(column.key) === true || column === sort,
  );
  const [throttled, oom] = [flag(invocation, 'throttled'), flag(invocation, 'oom')];
  const topics = new Set(needed.flatMap(({ topic }) => topic ?? []));
  if (throttled) topics.add('throttling');
  if (oom) topics.add('oom_kills');
  if (empty) topics.add('processes');
  const isRate = needed.some((column) => column.isRate === true) && optionValue(invocation, 'from') === undefined;
  return {
    columns,
    topics,
    owners: needed.some(({ fact }) => fact === 'owner'),
    below: empty || needed.some(({ fact }) => fact === 'below'),
    interval: asked ?? (isRate ? INTERVAL : undefined),
    throttled,
    oom,
    empty,
    filter: filter?.filter,
    sort,
    ...tableShape(invocation, COMMAND),
  };
}

/** Errors: USAGE. */
export function refuseRecorded(invocation: Invocation): void {
  if (!flag(invocation, 'for') || !flag(invocation, 'from')) return;
  throw new NsError('USAGE', { what: 'a recorded host does not change', tryThis: `nstool ${COMMAND} --from FILE` });
}

/** Errors: BAD_VALUE. */
function columnsOf(
  invocation: Invocation,
  shape: { readonly interval: boolean; readonly empty: boolean },
): readonly GroupColumn[] {
  if (flag(invocation, 'output-all')) return groupColumns;
  const selection = selectColumns(groupColumns, defaultGroupColumns(shape), optionValue(invocation, 'output'));
  return selection.ok ? selection.columns : [columnNamed(groupColumns, selection.unknown, COMMAND)];
}

/** The rows that are asked for. With two looks what was throttled or killed in between counts. */
export function selectGroups(rows: readonly GroupRow[], query: CgroupLsQuery): readonly GroupRow[] {
  const { throttled, oom, empty, filter } = query;
  const isMore = (now: number | null | undefined, ever: number | null): boolean =>
    (query.interval === undefined ? (ever ?? 0) : (now ?? 0)) > 0;
  return rows.filter(
    (row) =>
      (!throttled || isMore(row.rates?.throttled_percent, row.sample.throttled)) &&
      (!oom || isMore(row.rates?.oom_kills, row.sample.oom_kills)) &&
      (!empty || isLeaked(row)) &&
      (filter === undefined || matches(filter, row)),
  );
}

/** Without a process in it and below. The root of a hierarchy cannot go. */
function isLeaked({ below, group }: GroupRow): boolean {
  return below === 0 && group.places.every(({ parent }) => parent !== null);
}
