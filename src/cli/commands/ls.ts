import { namespaceKinds } from '../../kernel/abi/namespace-kinds.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import { discoverNamespaces } from '../../namespaces/discover/discover.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { namespaceTree, processTree } from '../../namespaces/row-tree.ts';
import { namespaceRows, processRows, type NamespaceRow } from '../../namespaces/rows.ts';
import { heading } from '../../render/columns.ts';
import { renderJson, rowJson } from '../../render/json.ts';
import { renderRaw, renderTable, renderTree, type TextOptions } from '../../render/text-table.ts';
import { flag, type CommandDefinition, type Context } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { lsColumns, lsColumnList } from './ls-columns.ts';
import { factsOf, findNamespace, linksOfProcess, lsQuery, type LsQuery } from './ls-query.ts';

const kindNames = namespaceKinds.map((entry) => entry.kind);

export const ls: CommandDefinition = {
  name: 'ls',
  summary: 'list namespaces, who is in them and where they are mounted',
  operands: '[NAMESPACE]',
  arity: [0, 1],
  description: [
    'Lists every namespace that has a process, or that is mounted somewhere in a mount namespace that has one.',
    'With NAMESPACE (4026532177, net:4026532177, net:[4026532177]) it lists the processes in that one.',
    'What could not be read is counted on standard error, and in the JSON.',
    '',
    'columns for -o:',
    ...lsColumnList(),
  ],
  options: [
    {
      long: 'type',
      short: 't',
      value: 'TYPE',
      choices: kindNames,
      help: 'only mnt net ipc user pid uts cgroup time; a list, or repeated',
    },
    { long: 'task', short: 'p', value: 'PID', help: 'only the namespaces of this process' },
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
    { long: 'raw', short: 'r', help: 'words separated by one space, blanks and controls escaped' },
    { long: 'noheadings', short: 'n', help: 'no line of headings' },
    { long: 'notruncate', short: 'u', help: 'shorten nothing, also on a terminal' },
    { long: 'list-columns', short: 'H', help: 'the columns that -o takes' },
  ],
  examples: [
    { line: 'nstool ls', does: 'all namespaces' },
    { line: 'nstool ls -t net', does: 'network namespaces, with their ids and mounts' },
    { line: 'nstool ls -t user,pid -o +PNS,ONS', does: 'with parents and owners' },
    { line: 'nstool ls net:4026531833', does: 'the processes in one namespace' },
  ],
  exitStatus: [
    [0, 'listed; what could not be read is named'],
    [2, 'the command line is wrong'],
    [3, 'no such namespace or process'],
    [4, 'the process asked for is closed to us'],
    [5, '/proc is not that of our own pid namespace'],
  ],
  async run(invocation, context) {
    if (flag(invocation, 'list-columns')) return { stdout: listColumns(flag(invocation, 'json')), status: 0 };
    const query = lsQuery(invocation);
    const host = await context.host(query.recording);
    requireOwnProc(host);
    const links = query.task === undefined ? undefined : linksOfProcess(host, query.task, query.kinds);
    const scan = discoverNamespaces(host, query.kinds);
    const facts = factsOf(query, isTree(query, context));
    const rows =
      query.namespace === undefined
        ? namespaceRows(scan, facts).filter((row) => links === undefined || links.has(`${row.type}:[${row.ns}]`))
        : processRows(scan, findNamespace(scan, query.namespace), facts);
    const gaps = scan.gaps.list();
    if (query.format === 'json') {
      const namespaces = rows.map((row) => rowJson(row, query.columns));
      const stdout = renderJson({ schema: 1, complete: isComplete(gaps), gaps: gaps.map(gapJson), namespaces });
      return { stdout, notes: gaps.map(gapNote), status: 0 };
    }
    return { stdout: await text(rows, query, context), notes: gaps.map(gapNote), status: 0 };
  },
};

/** lsns draws its tree in a pipe too; a record a line is of more use there. */
function isTree(query: LsQuery, context: Context): boolean {
  return query.format === 'text' && !query.flat && context.stdout.isTerminal;
}

async function text(rows: readonly NamespaceRow[], query: LsQuery, context: Context): Promise<string> {
  const { columns, headings } = query;
  if (query.format === 'raw') return renderRaw(rows, columns, headings);
  const options = await textOptions(query, context);
  if (!isTree(query, context)) return renderTable(rows, columns, options);
  const roots = query.namespace === undefined ? namespaceTree(rows) : processTree(rows);
  return renderTree(roots, columns, 'command', options);
}

async function textOptions(query: LsQuery, context: Context): Promise<TextOptions> {
  const width = query.truncate ? context.stdout.columns() : undefined;
  const style = context.stdout.color ? { styleHeading: (await context.theme(context.stdout)).heading } : {};
  return { headings: query.headings, ...style, ...(width === undefined ? {} : { width }) };
}

function listColumns(asJson: boolean): string {
  if (!asJson)
    return lsColumnList()
      .map((line) => `${line.trim()}\n`)
      .join('');
  const columns = lsColumns.map(({ key, type, help }) => ({ name: key.toUpperCase(), type, help }));
  return renderJson({ schema: 1, complete: true, gaps: [], columns });
}
