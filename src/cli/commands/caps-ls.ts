import { CapsRows, type CapsRow } from '../../inspect/caps/caps-rows.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import type { Host } from '../../kernel/host.ts';
import { hiddenProcesses } from '../../namespaces/discover/hidden-processes.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { emptyScan } from '../../namespaces/discover/scan.ts';
import { hang } from '../../namespaces/row-tree.ts';
import { compareCells, heading } from '../../render/columns.ts';
import { matches } from '../../render/filter/filter.ts';
import { renderJson, rowJson } from '../../render/json.ts';
import { renderRaw, renderTable, renderTree } from '../../render/text-table.ts';
import { flag, type CommandDefinition, type Context } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { capsColumnList, capsColumns } from './caps-ls-columns.ts';
import { capsLsQuery, resolvedQuery, type CapsLsQuery } from './caps-ls-query.ts';
import { textOptions } from './text-options.ts';

export const capsLs: CommandDefinition = {
  name: 'caps ls',
  summary: 'the processes that have capabilities, and what they are worth',
  operands: '',
  arity: [0, 0],
  description: [
    'Lists every process with a capability in any set but the bounding one: also where it is only permitted, inheritable',
    'or ambient. Left out are nstool itself and the threads of the kernel, which have them all. CAPS is what is effective,',
    'in the shortest list that the other commands read (full,-sys_resource), then what differs in the other sets. VERDICT',
    'says what the permitted set is worth: host_root is root of the host (all, or one that gives the rest), host_part',
    'others there; namespace_root and namespace_part count only in a user namespace, which OWNER made at LEVEL.',
    'What could not be read is counted on standard error, and in the JSON.',
    '',
    '--net lists each socket that waits for others (tcp that listens, udp that is bound, raw, packet) in every network',
    'namespace, also in one that no process is in. --tree has the processes above them too, whatever they have, and the',
    'threads that differ. --files reads the capabilities of the file that a process executes, whatever its path leads to',
    'by now, and lists also those that have none although their file has. -Q is that of nstool ls.',
    '',
    'columns for -o:',
    ...capsColumnList(),
  ],
  options: [
    {
      long: 'threads',
      help: 'also threads with another uid or set than the first of their process',
    },
    { long: 'tree', short: 'T', help: 'as a tree of processes, with the threads that differ' },
    { long: 'net', help: 'only those with a listening, raw or packet socket: a row a socket' },
    { long: 'files', help: 'with the capabilities of the file that is executed' },
    { long: 'in', value: 'NS', help: 'only those in this namespace: user:4913, net:4026532177, netns:blue' },
    { long: 'has', value: 'CAP', help: 'only those that have it, or all of a list, effective or permitted' },
    { long: 'task', short: 'p', value: 'TARGET', help: 'only this process; of a container its first; repeatable' },
    {
      long: 'filter',
      short: 'Q',
      value: 'EXPR',
      help: `only rows for which it holds: 'VERDICT == "host_root" && UID != 0'`,
    },
    {
      long: 'sort',
      value: 'COLUMN',
      choices: capsColumns.map(heading),
      help: 'in the order of this column, not of pids',
    },
    {
      long: 'output',
      short: 'o',
      value: 'LIST',
      choices: capsColumns.map(heading),
      help: 'these columns; +LIST adds them to the default ones',
    },
    { long: 'json', short: 'J', help: 'as JSON, with the gaps' },
    { long: 'raw', short: 'r', help: 'words separated by one space, blanks and controls escaped' },
    { long: 'noheadings', short: 'n', help: 'no line of headings' },
    { long: 'notruncate', short: 'u', help: 'shorten nothing, also on a terminal' },
    { long: 'list-columns', short: 'H', help: 'the columns that -o takes' },
  ],
  examples: [
    { line: 'nstool caps ls', does: 'who has capabilities, and where they count' },
    { line: 'nstool caps ls --has sys_admin', does: 'who could mount' },
    { line: 'nstool caps ls --net', does: 'what can be reached over the network, and what it may do' },
    { line: `nstool caps ls -Q 'VERDICT=~"^host"' --sort UID`, does: 'whose count on the host' },
    { line: 'nstool caps ls --in pid:container:web --tree', does: 'the tree of a container' },
    { line: 'nstool caps ls --threads -o pid,tid,comm,text,iab', does: "with libcap's texts" },
  ],
  exitStatus: [
    [0, 'listed; what could not be read is named'],
    [2, 'the command line is wrong'],
    [3, 'no such namespace or process'],
    [4, 'the target asked for is closed to us'],
    [5, '/proc is not that of our own pid namespace'],
  ],
  async run(invocation, context) {
    if (flag(invocation, 'list-columns')) return { stdout: listColumns(flag(invocation, 'json')), status: 0 };
    const query = capsLsQuery(invocation);
    const host = await context.host(query.recording);
    requireOwnProc(host);
    const tally = hiddenOf(host);
    const reader = new CapsRows(host, resolvedQuery(host, query), tally);
    const rows = selected(reader.list(), query);
    if (query.format === 'text') {
      const stdout = await text(reader, rows, query, context);
      return { stdout, notes: tally.list().map(gapNote), status: 0 };
    }
    const gaps = tally.list();
    const notes = gaps.map(gapNote);
    if (query.format === 'raw') return { stdout: renderRaw(rows, query.columns, query.headings), notes, status: 0 };
    const processes = rows.map((row) => rowJson(row, query.columns));
    const stdout = renderJson({ schema: 1, complete: isComplete(gaps), gaps: gaps.map(gapJson), processes });
    return { stdout, notes, status: 0 };
  },
};

/** What /proc does not even name. */
function hiddenOf(host: Host): GapTally {
  const scan = emptyScan(host, new Set());
  hiddenProcesses.discover(scan);
  return scan.gaps;
}

function selected(rows: readonly CapsRow[], { filter, sort }: CapsLsQuery): readonly CapsRow[] {
  const found = filter === undefined ? rows : rows.filter((row) => matches(filter, row));
  return sort === undefined ? found : found.toSorted((a, b) => compareCells(sort.get(a), sort.get(b)));
}

async function text(reader: CapsRows, rows: readonly CapsRow[], query: CapsLsQuery, context: Context): Promise<string> {
  const options = await textOptions(query, context);
  if (!query.tree) return renderTable(rows, query.columns, options);
  const tree = hang(
    reader.withAncestors(rows),
    ({ tid }) => tid,
    ({ pid, tid, ppid }) => (pid === tid ? ppid : pid),
  );
  return renderTree(tree, query.columns, 'comm', options);
}

function listColumns(asJson: boolean): string {
  if (!asJson)
    return capsColumnList()
      .map((line) => `${line.trim()}\n`)
      .join('');
  const columns = capsColumns.map(({ key, type, help }) => ({ name: key.toUpperCase(), type, help }));
  return renderJson({ schema: 1, complete: true, gaps: [], columns });
}
