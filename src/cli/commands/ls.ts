import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { resolveNamespace } from '../../inspect/resolve-target.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { relations } from '../../namespaces/discover/relations.ts';
import type { Namespace, Scan } from '../../namespaces/discover/scan.ts';
import { isUnused } from '../../namespaces/holders.ts';
import { namespaceTree, processTree, relationTree } from '../../namespaces/row-tree.ts';
import { namespaceRows, processRows } from '../../namespaces/rows.ts';
import { heading } from '../../render/columns.ts';
import { renderJson, rowJson } from '../../render/json.ts';
import { renderRaw, renderTable, renderTree } from '../../render/text-table.ts';
import { flag, type CommandDefinition, type Context } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { lsColumns, lsColumnList, withCgroups, type LsRow } from './ls-columns.ts';
import { compareCells } from '../../render/columns.ts';
import { lsMatrix, matrixHelp } from './ls-matrix.ts';
import {
  ALL_KINDS,
  askedColumns,
  factsOf,
  findNamespace,
  lsQuery,
  selectionOptions,
  selectRows,
  type LsQuery,
  type TreeShape,
  scanFor,
} from './ls-query.ts';
import { textOptions } from './text-options.ts';

export const ls: CommandDefinition = {
  name: 'ls',
  summary: 'list namespaces, who is in them and where they are mounted',
  operands: '[NAMESPACE]',
  arity: [0, 1],
  description: [
    'Lists every namespace that has a process, or that is mounted somewhere in a mount namespace that has one.',
    'With NAMESPACE (4026532177, net:4026532177, net:self, netns:blue) it lists the processes in that one.',
    'What could not be read is counted on standard error, and in the JSON.',
    '',
    '-Q takes the language of scols-filter(5) over any column, shown or not: == != < <= > >= =~ !~, && || ! and their',
    'words, parentheses. As in lsns && and || bind alike, from the left. What is unknown is equal to nothing, but PNS',
    'and ONS that are not known are 0, as in lsns. Sizes may be written 10M. RSS > 10M && CPU > 60 are numbers.',
    '',
    'In a list of the processes of NAMESPACE, THREADS, CPU and RSS are those of each process, and what is told of a cgroup',
    'is told of its own; else of that of the lowest pid. nstool cgroup show PID has all of it.',
    '',
    ...matrixHelp,
    '',
    'columns for -o:',
    ...lsColumnList(),
  ],
  options: [
    ...selectionOptions,
    { long: 'sort', value: 'COLUMN', choices: lsColumns.map(heading), help: 'in the order of this column' },
    {
      long: 'output',
      short: 'o',
      value: 'LIST',
      choices: lsColumns.map(heading),
      help: 'these columns; +LIST adds them to the default ones',
    },
    { long: 'output-all', help: 'all columns' },
    { long: 'json', short: 'J', help: 'as JSON, with the gaps' },
    { long: 'list', short: 'l', help: 'flat, also on a terminal' },
    {
      long: 'tree',
      short: 'T',
      value: 'SHAPE',
      optionalValue: true,
      choices: ['process', 'owner', 'parent'],
      help: 'as a tree by process, owner (also without SHAPE) or parent: -Tparent',
    },
    { long: 'matrix', help: 'a row each container, unit or process name, a column each kind: who shares what' },
    { long: 'raw', short: 'r', help: 'words separated by one space, blanks and controls escaped' },
    { long: 'noheadings', short: 'n', help: 'no line of headings' },
    { long: 'nowrap', short: 'W', help: 'several values in one cell on one line: so it is always' },
    { long: 'notruncate', short: 'u', help: 'shorten nothing, also on a terminal' },
    { long: 'list-columns', short: 'H', help: 'the columns that -o takes' },
  ],
  examples: [
    { line: 'nstool ls', does: 'all namespaces' },
    { line: 'nstool ls -t net', does: 'network namespaces, with their ids and mounts' },
    { line: 'nstool ls -t user,pid -o +PNS,ONS', does: 'with parents and owners' },
    { line: 'nstool ls net:4026531833', does: 'the processes in one namespace' },
    { line: 'nstool ls --deep -P -o +HOLDERS', does: 'namespaces without a process, and what keeps them' },
    { line: 'nstool ls --matrix', does: 'who shares what with the host and with each other' },
    { line: `nstool ls --matrix -t net -Q 'NET!="host"'`, does: 'who is not in the network of the host' },
    { line: 'nstool ls --unused -o NS,TYPE,NSFS,CREATED', does: 'what a clean-up forgot, and since when' },
    { line: 'nstool ls -t pid -o +CPU,RSS --sort RSS', does: 'which pid namespace takes the memory' },
    {
      line: `nstool ls -t pid -o +CGROUP_MEM,MEM_LIMIT -Q 'OOM_KILLS>0'`,
      does: 'where the kernel killed for memory',
    },
    { line: 'nstool ls -T', does: 'below the user namespaces that own them' },
  ],
  exitStatus: [
    [0, 'listed; what could not be read is named'],
    [2, 'the command line is wrong'],
    [3, 'no such namespace or process'],
    [4, 'the process asked for is closed to us'],
    [5, '/proc is not that of our own pid namespace'],
  ],
  async run(invocation, context) {
    if (flag(invocation, 'matrix')) return lsMatrix(invocation, context);
    if (flag(invocation, 'list-columns')) return { stdout: listColumns(flag(invocation, 'json')), status: 0 };
    const query = lsQuery(invocation);
    const host = await context.host(query.recording);
    requireOwnProc(host);
    const scan = look(host, query, context);
    const rows = await rowsOf(scan, query, treeOf(query, context));
    const gaps = scan.gaps.list();
    if (query.format === 'json') {
      const namespaces = rows.map((row) => rowJson(row, query.columns));
      const stdout = renderJson({ schema: 1, complete: isComplete(gaps), gaps: gaps.map(gapJson), namespaces });
      return { stdout, notes: gaps.map(gapNote), status: 0 };
    }
    return { stdout: await text(scan, rows, query, context), notes: gaps.map(gapNote), status: 0 };
  },
};

/** lsns draws its tree in a pipe too; a record a line is of more use there. */
function treeOf(query: LsQuery, context: Context): Exclude<TreeShape, 'default'> {
  if (query.tree !== 'default') return query.tree;
  return query.format === 'text' && context.stdout.isTerminal ? 'process' : 'none';
}

function look(host: Host, query: LsQuery, context: Context): Scan {
  const tree = treeOf(query, context);
  const related = tree === 'owner' || tree === 'parent';
  const kinds = query.asksHolders ? ALL_KINDS : shownKinds(query, tree);
  const scan = scanFor(host, query, kinds);
  if (related && !query.deep) relations.discover(scan);
  return scan;
}

/** What owns the others has to be in the tree of owners. */
function shownKinds({ kinds }: LsQuery, tree: TreeShape): ReadonlySet<NamespaceKind> {
  return tree === 'owner' ? new Set([...kinds, 'user' as const]) : kinds;
}

async function rowsOf(scan: Scan, query: LsQuery, tree: TreeShape): Promise<readonly LsRow[]> {
  const { sort, namespace, unused } = query;
  const kinds = shownKinds(query, tree);
  const columns = askedColumns(query);
  const facts = factsOf(columns, tree === 'process');
  const isShown = (of: Namespace): boolean => kinds.has(of.kind) && (!unused || isUnused(scan, of));
  const all =
    namespace === undefined
      ? namespaceRows(scan, facts, isShown)
      : processRows(scan, findNamespace(scan, resolveNamespace(scan.host, namespace), query.deep), facts);
  const rows = selectRows(scan, await withCgroups(scan, all, columns), query);
  return sort === undefined ? rows : rows.toSorted((a, b) => compareCells(sort.get(a), sort.get(b)));
}

async function text(scan: Scan, rows: readonly LsRow[], query: LsQuery, context: Context): Promise<string> {
  const { columns, headings } = query;
  if (query.format === 'raw') return renderRaw(rows, columns, headings);
  const options = await textOptions(query, context);
  const tree = treeOf(query, context);
  if (tree === 'none') return renderTable(rows, columns, options);
  if (query.namespace !== undefined) return renderTree(processTree(rows), columns, 'command', options);
  if (tree === 'process') return renderTree(namespaceTree(rows), columns, 'command', options);
  return renderTree(relationTree(scan, rows, tree), columns, 'ns', options);
}

function listColumns(asJson: boolean): string {
  if (!asJson)
    return lsColumnList()
      .map((line) => `${line.trim()}\n`)
      .join('');
  const columns = lsColumns.map(({ key, type, help }) => ({ name: key.toUpperCase(), type, help }));
  return renderJson({ schema: 1, complete: true, gaps: [], columns });
}
