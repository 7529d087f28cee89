// From the options of `ls` to a query.

import { isNamespaceKind, namespaceKinds, type NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { errorOfGap, NsError } from '../../kernel/error.ts';
import type { Host, Reading } from '../../kernel/host.ts';
import { formatNamespaceLink } from '../../kernel/text/namespace-link.ts';
import { initialNamespace } from '../../inspect/initial-namespace.ts';
import { resolveTarget, type NamespaceName } from '../../inspect/resolve-target.ts';
import { discoverNamespaces } from '../../namespaces/discover/discover.ts';
import { liveThread } from '../../namespaces/discover/live-thread.ts';
import type { Namespace, Scan } from '../../namespaces/discover/scan.ts';
import { noteAskedThread } from '../../namespaces/discover/threads.ts';
import type { Fact } from '../../namespaces/rows.ts';
import { selectColumns, type Column } from '../../render/columns.ts';
import { matches, parseFilter, type Filter } from '../../render/filter/filter.ts';
import { flag, optionValue, type Invocation, type OptionDefinition } from '../define-command.ts';
import { nearest } from '../nearest.ts';
import { splitRecorded } from '../recorded-target.ts';
import { filterColumns, lsColumns, type LsColumn, type LsRow } from './ls-columns.ts';

/** Which namespaces. */
export interface Selection {
  readonly kinds: ReadonlySet<NamespaceKind>;
  /** Only the namespaces of these targets: words as they were given. */
  readonly tasks: readonly string[];
  /** Use every source of discovery. */
  readonly deep: boolean;
  /** Is anything of the answer about what keeps a namespace? That can be one of another kind. */
  readonly asksHolders: boolean;
  /** Only namespaces without a process. */
  readonly persistent: boolean;
  /** Only namespaces that nothing but names and mounts keep. */
  readonly unused: boolean;
  readonly filter: Filter<LsRow> | undefined;
  /** What the filter asks, shown or not. */
  readonly filterKeys: readonly string[];
  /** The recorded host that a target named. */
  readonly recording: string | undefined;
}

export interface LsQuery extends Selection {
  /** List the processes of this one: a word as it was given. */
  readonly namespace: string | undefined;
  readonly columns: readonly LsColumn[];
  readonly format: 'text' | 'raw' | 'json';
  /** How rows hang below each other. */
  readonly tree: TreeShape;
  readonly sort: LsColumn | undefined;
  readonly headings: boolean;
  readonly truncate: boolean;
}

/** `none`: a flat list; `default`: by process on a terminal, else flat. */
export type TreeShape = 'none' | 'default' | 'process' | 'owner' | 'parent';

const TREE_SHAPES = ['process', 'owner', 'parent'] as const;

export const ALL_KINDS: ReadonlySet<NamespaceKind> = new Set(namespaceKinds.map((entry) => entry.kind));

const FILTER_EXAMPLE = 'TYPE == "net" && NPROCS > 1';

/** The options that say which. */
export const selectionOptions: readonly OptionDefinition[] = [
  {
    long: 'type',
    short: 't',
    value: 'TYPE',
    choices: [...ALL_KINDS],
    help: 'only mnt net ipc user pid uts cgroup time; a list, or repeated',
  },
  { long: 'task', short: 'p', value: 'TARGET', help: 'only the namespaces of this process or name; repeatable' },
  { long: 'persistent', short: 'P', help: 'only namespaces without a process' },
  { long: 'unused', help: 'only those that nothing but names and mounts keep; implies --deep' },
  { long: 'deep', help: 'look everywhere: threads, descriptors, sockets, all mounts, owners; slower' },
  { long: 'filter', short: 'Q', value: 'EXPR', help: `only rows for which it holds: '${FILTER_EXAMPLE}'` },
];

/** Errors: USAGE, BAD_VALUE. */
export function selectionOf(invocation: Invocation, command: string): Selection {
  const tasks = (invocation.options.get('task') ?? []).map((word) => splitRecorded(word));
  refuseBoth(invocation, [['--task', '--persistent']]);
  const filter = filterOf(invocation, filterColumns, `nstool ${command} -Q '${FILTER_EXAMPLE}'`);
  const unused = flag(invocation, 'unused');
  const asksHolders = unused || filter?.keys.includes('holders') === true;
  return {
    kinds: new Set(typesOf(invocation) ?? ALL_KINDS),
    tasks: tasks.map((task) => task.word),
    deep: flag(invocation, 'deep') || asksHolders,
    asksHolders,
    unused,
    persistent: flag(invocation, 'persistent'),
    filter: filter?.filter,
    filterKeys: filter?.keys ?? [],
    recording: tasks.find((task) => task.recording !== undefined)?.recording,
  };
}

/** Errors: USAGE, BAD_VALUE. */
export function lsQuery(invocation: Invocation): LsQuery {
  const { operands } = invocation;
  const operand = splitRecorded(operands[0]);
  refuseBoth(invocation, EXCLUSIVE);
  const json = flag(invocation, 'json');
  const types = typesOf(invocation);
  const selection = selectionOf(invocation, 'ls');
  const columns = columnsOf(invocation, operand !== undefined, types?.includes('net') === true);
  const sort = sortOf(invocation, lsColumns);
  const asked = [...columns.map(({ key }) => key), sort?.key];
  const asksHolders = selection.asksHolders || asked.includes('holders');
  return {
    ...selection,
    columns,
    format: json ? 'json' : flag(invocation, 'raw') ? 'raw' : 'text',
    tree: treeOf(invocation),
    deep: selection.deep || asksHolders,
    asksHolders,
    sort,
    headings: !flag(invocation, 'noheadings'),
    truncate: !flag(invocation, 'notruncate'),
    namespace: operand?.word,
    recording: selection.recording ?? operand?.recording,
  };
}

/** As lsns has them. */
const EXCLUSIVE = [
  ['--json', '--raw'],
  ['--list', '--tree'],
  ['--task', 'NAMESPACE'],
  ['--unused', 'NAMESPACE'],
] as const;

/** Errors: USAGE. */
export function refuseBoth(
  invocation: Invocation,
  pairs: readonly (readonly [string, string])[],
  command = 'ls',
): void {
  for (const [one, other] of pairs) {
    if (isGiven(invocation, one) && isGiven(invocation, other)) {
      throw new NsError('USAGE', { what: `${one} and ${other} exclude each other`, tryThis: `nstool help ${command}` });
    }
  }
}

function isGiven(invocation: Invocation, what: string): boolean {
  return what === 'NAMESPACE' ? invocation.operands.length > 0 : flag(invocation, what.slice(2));
}

function treeOf(invocation: Invocation): TreeShape {
  const shape = optionValue(invocation, 'tree');
  // Raw and JSON output are flat whatever was asked.
  if (flag(invocation, 'list') || flag(invocation, 'raw') || flag(invocation, 'json')) return 'none';
  if (shape === undefined) return 'default';
  if (shape === '') return 'owner';
  const known = TREE_SHAPES.find((name) => name === shape);
  if (known !== undefined) return known;
  const meant = nearest(shape, TREE_SHAPES);
  throw new NsError('BAD_VALUE', {
    what: `unknown tree '${shape}'`,
    why: meant === undefined ? `the trees are ${TREE_SHAPES.join(', ')}` : `did you mean ${meant}?`,
  });
}

/** What -Q asks of these columns. Errors: BAD_VALUE. */
export function filterOf<Row>(
  invocation: Invocation,
  columns: readonly Column<Row>[],
  example: string,
): { readonly filter: Filter<Row>; readonly keys: readonly string[] } | undefined {
  const text = optionValue(invocation, 'filter');
  if (text === undefined) return undefined;
  const parsed = parseFilter(text, columns);
  if (parsed.ok) return parsed;
  const meant = parsed.candidates === undefined ? undefined : nearest(parsed.word, parsed.candidates);
  throw new NsError('BAD_VALUE', {
    what: `--filter: ${parsed.problem} at character ${parsed.at + 1}`,
    why: meant === undefined ? `in '${text}'` : `did you mean ${meant}?`,
    tryThis: example,
  });
}

/** Errors: BAD_VALUE. */
export function sortOf<C extends { readonly key: string }>(
  invocation: Invocation,
  columns: readonly C[],
  command = 'ls',
): C | undefined {
  const name = optionValue(invocation, 'sort');
  return name === undefined ? undefined : columnNamed(columns, name, command);
}

/** The kinds of -t; undefined: it was not given. Errors: BAD_VALUE. */
export function typesOf(invocation: Invocation): readonly NamespaceKind[] | undefined {
  const words = invocation.options.get('type')?.flatMap((list) => list.split(','));
  return words?.map((word) => {
    if (isNamespaceKind(word)) return word;
    const kinds = namespaceKinds.map((entry) => entry.kind);
    const meant = nearest(word, kinds);
    throw new NsError('BAD_VALUE', {
      what: `unknown namespace type '${word}'`,
      why: meant === undefined ? `the types are ${kinds.join(', ')}` : `did you mean ${meant}?`,
    });
  });
}

function columnsOf(invocation: Invocation, ofProcesses: boolean, netAsked: boolean): readonly LsColumn[] {
  if (flag(invocation, 'output-all')) return lsColumns;
  const defaults = ofProcesses
    ? ['pid', 'ppid', 'user', 'command']
    : ['ns', 'type', 'nprocs', 'pid', 'user', ...(netAsked ? ['netnsid', 'nsfs'] : []), 'command'];
  const selection = selectColumns(lsColumns, defaults, optionValue(invocation, 'output'));
  return selection.ok ? selection.columns : [columnNamed(lsColumns, selection.unknown)];
}

/** In any case. Errors: BAD_VALUE. */
export function columnNamed<C extends { readonly key: string }>(
  columns: readonly C[],
  name: string,
  command = 'ls',
): C {
  const column = columns.find((entry) => entry.key === name.toLowerCase());
  if (column !== undefined) return column;
  const names = columns.map((entry) => entry.key.toUpperCase());
  const meant = nearest(name, names);
  throw new NsError('BAD_VALUE', {
    what: `unknown column '${name}'`,
    why: meant === undefined ? `the columns are ${names.join(', ')}` : `did you mean ${meant}?`,
    tryThis: `nstool ${command} --list-columns`,
  });
}

/** The rows of these namespaces, in the order of inodes. Errors: as of resolving the targets. */
export function selectRows(
  scan: Scan,
  rows: readonly LsRow[],
  { tasks, kinds, persistent, filter }: Selection,
): readonly LsRow[] {
  const links = tasks.length === 0 ? undefined : linksOfTargets(scan.host, tasks, kinds);
  return rows.filter(
    (row) =>
      (links === undefined || links.has(`${row.type}:[${row.ns}]`)) &&
      (!persistent || row.nprocs === 0) &&
      (filter === undefined || matches(filter, row)),
  );
}

/** Those that are shown, that the filter asks and that give the order. */
export function askedColumns({ columns, filterKeys, sort }: LsQuery): readonly LsColumn[] {
  const others = lsColumns.filter((column) => filterKeys.includes(column.key) || column === sort);
  return [...columns, ...others];
}

/** What the columns need, and the tree: it hangs rows below their process's parent. */
export function factsOf(columns: readonly LsColumn[], tree: boolean): ReadonlySet<Fact> {
  const facts = new Set(columns.flatMap((column) => column.fact ?? []));
  if (tree) facts.add('ppid');
  return facts;
}

/** What there is of these kinds. A thread that is asked for by its number is looked at also where others are not. */
export function scanFor(
  host: Host,
  { deep, tasks }: Pick<Selection, 'deep' | 'tasks'>,
  kinds: ReadonlySet<NamespaceKind>,
): Scan {
  const scan = discoverNamespaces(host, kinds, { deep });
  if (!deep) for (const word of tasks) if (/^[0-9]+$/.test(word)) noteAskedThread(scan, Number(word));
  return scan;
}

/** The links of the targets: of a process all of its namespaces. Errors: as of resolving, NO_PROCESS, DENIED. */
export function linksOfTargets(
  host: Host,
  words: readonly string[],
  kinds: ReadonlySet<NamespaceKind>,
): ReadonlySet<string> {
  return new Set(
    words.flatMap((word) => {
      const target = resolveTarget(host, word);
      switch (target.type) {
        case 'process':
          return linksOfProcess(host, target.pid, kinds);
        case 'host':
          return linksOfHost(host, kinds);
        case 'namespace':
          return [`${target.kind}:[${target.inode}]`];
      }
    }),
  );
}

function linksOfProcess(host: Host, pid: number, kinds: ReadonlySet<NamespaceKind>): readonly string[] {
  return [...kinds].flatMap((kind) => {
    const link = linkOf(host, pid, kind);
    // A zombie has only some of them.
    if (!link.ok && link.gap.reason === 'gone') return [];
    if (!link.ok) throw errorOfGap(link.gap, `cannot read the namespaces of process ${pid}`);
    return [link.value];
  });
}

/** Of a process whose first thread has ended that of another one. */
function linkOf(host: Host, pid: number, kind: NamespaceKind): Reading<string> {
  const link = host.readLink(`/proc/${pid}/ns/${kind}`);
  if (link.ok || link.gap.reason !== 'gone') return link;
  const thread = liveThread(host, pid);
  return thread.ok ? host.readLink(`/proc/${pid}/task/${thread.value}/ns/${kind}`) : link;
}

/** Errors: DENIED. */
function linksOfHost(host: Host, kinds: ReadonlySet<NamespaceKind>): readonly string[] {
  return [...kinds].map((kind) => {
    const { inode } = initialNamespace(host, kind);
    if (!inode.ok) throw errorOfGap(inode.gap, 'cannot tell the namespaces of the host');
    return formatNamespaceLink({ kind, inode: inode.value });
  });
}

/** `deep`: the look used every source. Errors: NO_NAMESPACE. */
export function findNamespace(scan: Scan, name: NamespaceName, deep: boolean): Namespace {
  for (const namespace of scan.namespaces.values()) {
    if (namespace.inode === name.inode && (name.kind ?? namespace.kind) === namespace.kind) return namespace;
  }
  const shown = name.kind === undefined ? String(name.inode) : `${name.kind}:[${name.inode}]`;
  throw new NsError('NO_NAMESPACE', {
    what: `no namespace ${shown}`,
    why: deep
      ? 'no process, descriptor, socket or mount that can be seen leads to it'
      : 'no process that can be seen is in it, and it is mounted nowhere',
    tryThis: deep
      ? 'nstool ls --deep'
      : `nstool ls --deep ${name.kind === undefined ? '' : `${name.kind}:`}${name.inode}`,
    gaps: scan.gaps.list(),
  });
}
