// From the options of `caps ls` to a query.

import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import { parseCapabilities } from '../../capabilities/expression.ts';
import { capabilityNames } from '../../capabilities/names.ts';
import type { CapsFact, CapsQuery, CapsRow } from '../../inspect/caps/caps-rows.ts';
import { firstProcess } from '../../inspect/initial-namespace.ts';
import { resolveTarget } from '../../inspect/resolve-target.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import type { NamespaceId } from '../../kernel/text/namespace-link.ts';
import { selectColumns } from '../../render/columns.ts';
import type { Filter } from '../../render/filter/filter.ts';
import { flag, optionValue, type Invocation } from '../define-command.ts';
import { nearest } from '../nearest.ts';
import { splitRecorded } from '../recorded-target.ts';
import { capsColumns, defaultColumns, type CapsColumn, type Shape } from './caps-ls-columns.ts';
import { columnNamed, filterOf, refuseBoth, sortOf } from './ls-query.ts';

export interface CapsLsQuery extends Shape {
  /** Only these processes: words as they were given. */
  readonly tasks: readonly string[];
  /** Only those in this namespace: a word as it was given. */
  readonly namespace: string | undefined;
  /** As it was given. */
  readonly wanted: string | undefined;
  readonly tree: boolean;
  readonly columns: readonly CapsColumn[];
  readonly facts: ReadonlySet<CapsFact>;
  readonly filter: Filter<CapsRow> | undefined;
  readonly sort: CapsColumn | undefined;
  readonly format: 'text' | 'raw' | 'json';
  readonly headings: boolean;
  readonly truncate: boolean;
  readonly recording: string | undefined;
}

const COMMAND = 'caps ls';
const FILTER_EXAMPLE = `nstool ${COMMAND} -Q 'VERDICT == "host_root" && USER != "root"'`;

/** Of a process with several sockets there is no one place in a tree. */
const EXCLUSIVE = [
  ['--json', '--raw'],
  ['--tree', '--net'],
  ['--tree', '--sort'],
] as const;

/** Errors: USAGE, BAD_VALUE. */
export function capsLsQuery(invocation: Invocation): CapsLsQuery {
  refuseBoth(invocation, EXCLUSIVE, COMMAND);
  const tasks = (invocation.options.get('task') ?? []).map((word) => splitRecorded(word));
  const namespace = splitRecorded(optionValue(invocation, 'in'));
  const wanted = optionValue(invocation, 'has');
  const tree = flag(invocation, 'tree');
  const shape: Shape = {
    threads: tree || flag(invocation, 'threads'),
    sockets: flag(invocation, 'net'),
    has: wanted !== undefined,
    files: flag(invocation, 'files'),
  };
  const known = capsColumns.filter(({ needs }) => needs === undefined || (needs === 'net' ? shape.sockets : shape.has));
  const columns = columnsOf(optionValue(invocation, 'output'), known, shape);
  const filter = filterOf(invocation, known, FILTER_EXAMPLE);
  const sort = sortOf(invocation, capsColumns, COMMAND);
  if (sort !== undefined && !known.includes(sort)) throw withoutOption(sort);
  const asked = known.filter((column) => filter?.keys.includes(column.key) === true || column === sort);
  return {
    ...shape,
    tasks: tasks.map(({ word }) => word),
    namespace: namespace?.word,
    wanted,
    tree,
    columns,
    facts: new Set([...columns, ...asked].flatMap(({ fact }) => fact ?? [])),
    filter: filter?.filter,
    sort,
    format: flag(invocation, 'json') ? 'json' : flag(invocation, 'raw') ? 'raw' : 'text',
    headings: !flag(invocation, 'noheadings'),
    truncate: !flag(invocation, 'notruncate'),
    recording: [...tasks, ...(namespace === undefined ? [] : [namespace])].find((each) => each.recording !== undefined)
      ?.recording,
  };
}

/** Errors: BAD_VALUE. */
function columnsOf(list: string | undefined, known: readonly CapsColumn[], shape: Shape): readonly CapsColumn[] {
  const selection = selectColumns(known, defaultColumns(shape), list);
  if (selection.ok) return selection.columns;
  throw withoutOption(columnNamed(capsColumns, selection.unknown, COMMAND));
}

function withoutOption({ key, needs = 'net' }: CapsColumn): NsError {
  return new NsError('BAD_VALUE', {
    what: `there is nothing in the column ${key.toUpperCase()} without --${needs}`,
    tryThis: `nstool ${COMMAND} --${needs}${needs === 'has' ? ' CAP' : ''}`,
  });
}

/** What the words mean on this host. Errors: as of resolving targets; BAD_VALUE. */
export function resolvedQuery(host: Host, query: CapsLsQuery): CapsQuery {
  const { tasks, namespace, wanted, threads, files, sockets, facts } = query;
  return {
    ...(tasks.length === 0 ? {} : { pids: pidsOf(host, tasks) }),
    within: namespace === undefined ? undefined : namespaceOf(host, namespace),
    has: wanted === undefined ? undefined : maskOf(host, wanted),
    threads,
    files,
    sockets,
    facts,
  };
}

function pidsOf(host: Host, words: readonly string[]): readonly number[] {
  const pids = words.map((word) => {
    const target = resolveTarget(host, word);
    if (target.type === 'process') return target.pid;
    if (target.type === 'namespace') {
      throw new NsError('BAD_VALUE', {
        what: `'${word}' is a namespace`,
        why: '--task takes processes',
        tryThis: `nstool ${COMMAND} --in ${word}`,
      });
    }
    const first = firstProcess(host);
    if (!first.ok) throw errorOfGap(first.gap, 'cannot look at the host');
    return first.value;
  });
  return [...new Set(pids)].toSorted((a, b) => a - b);
}

function namespaceOf(host: Host, word: string): NamespaceId {
  const target = resolveTarget(host, word);
  if (target.type === 'namespace') return { kind: target.kind, inode: target.inode };
  throw new NsError('BAD_VALUE', {
    what: `'${word}' is ${target.type === 'host' ? 'the host' : 'a process'}, which has eight namespaces`,
    tryThis: `nstool ${COMMAND} --in user:${word}`,
  });
}

/** One capability or a list. */
function maskOf(host: Host, word: string): bigint {
  const parsed = parseCapabilities(word, valueOf(allCapabilities(host)) ?? 0n, 'capability');
  if (parsed.ok && parsed.mask !== 0n) return parsed.mask;
  const near = parsed.ok
    ? undefined
    : nearest(
        parsed.word,
        capabilityNames.map((name) => name.slice('cap_'.length)),
      );
  throw new NsError('BAD_VALUE', {
    what: `--has: '${word}' names no capability`,
    why: parsed.ok ? 'the list is empty' : near === undefined ? parsed.problem : `did you mean ${near}?`,
    tryThis: 'nstool caps list',
  });
}
