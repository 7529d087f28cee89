import { networkRows, type NetworkRow } from '../../inspect/network/network-rows.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { readTopology } from '../../network/topology.ts';
import { compareCells, heading, selectColumns, type Column } from '../../render/columns.ts';
import { matches } from '../../render/filter/filter.ts';
import { renderJson, rowJson } from '../../render/json.ts';
import { renderRaw, renderTable } from '../../render/text-table.ts';
import { flag, optionValue, type CommandDefinition, type Invocation } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { keyLine } from '../page.ts';
import { columnNamed, filterOf, sortOf } from './ls-query.ts';
import { defaultNetLsColumns, netLsColumns } from './net-ls-columns.ts';
import { tableOptions, tableShape } from './table-options.ts';
import { textOptions } from './text-options.ts';

const COMMAND = 'net ls';
const columnLines = netLsColumns.map(({ key, help }) => keyLine({ key: key.toUpperCase(), help }));

export const netLs: CommandDefinition = {
  name: COMMAND,
  summary: 'the network namespaces of the host with all their names, and names that lead to none',
  operands: '',
  arity: [0, 0],
  description: [
    'Lists every network namespace that can be reached, with or without a name: those of ip netns and docker, of containers',
    'and units, of processes alone. `ip netns list` has only what is in /run/netns. A stale name, an empty file in /run/netns',
    'with no namespace behind it, has a row of its own; nstool net rm NAME removes it.',
    '',
    '-Q takes the language of nstool ls, over any column, shown or not.',
    '',
    'columns for -o:',
    ...columnLines,
  ],
  options: [
    { long: 'deep', help: 'also namespaces that only descriptors, sockets or foreign mounts keep' },
    { long: 'filter', short: 'Q', value: 'EXPR', help: 'only rows for which it holds: \'STATE=="stale"\'' },
    { long: 'sort', value: 'COLUMN', choices: netLsColumns.map(heading), help: 'in the order of this column' },
    {
      long: 'output',
      short: 'o',
      value: 'LIST',
      choices: netLsColumns.map(heading),
      help: 'these columns; +LIST adds them to the default ones',
    },
    { long: 'output-all', help: 'all columns' },
    ...tableOptions,
    { long: 'list-columns', short: 'H', help: 'the columns that -o takes' },
  ],
  examples: [
    { line: 'nstool net ls', does: 'all of them, a line each' },
    { line: `nstool net ls -Q 'STATE=="stale"' -n -o NETNS`, does: 'names without a namespace' },
    { line: `nstool net ls -Q 'RESIDENTS=~"container:"' -o NAME,ADDRESSES`, does: 'containers with their addresses' },
    { line: 'nstool net ls --json --from incident.json', does: 'of a recorded host, for a script' },
  ],
  exitStatus: [
    [0, 'listed; what could not be read is named'],
    [2, 'the command line is wrong'],
    [5, '/proc is not that of our own pid namespace'],
  ],
  async run(invocation, context) {
    if (flag(invocation, 'list-columns')) return { stdout: listColumns(flag(invocation, 'json')), status: 0 };
    const { format, headings, truncate } = tableShape(invocation, COMMAND);
    const columns = columnsOf(invocation);
    const filter = filterOf(invocation, netLsColumns, `nstool ${COMMAND} -Q 'STATE=="stale"'`)?.filter;
    const sort = sortOf(invocation, netLsColumns, COMMAND);
    const host = await context.host();
    requireOwnProc(host);
    const topology = readTopology(host, { deep: flag(invocation, 'deep') });
    const found = networkRows(host, topology).filter((row) => filter === undefined || matches(filter, row));
    const rows = sort === undefined ? found : found.toSorted((a, b) => compareCells(sort.get(a), sort.get(b)));
    if (format === 'json') {
      const namespaces = rows.map((row) => rowJson(row, columns));
      const gaps = topology.gaps.list();
      const stdout = renderJson({ schema: 1, complete: isComplete(gaps), gaps: gaps.map(gapJson), namespaces });
      return { stdout, notes: gaps.map(gapNote), status: 0 };
    }
    const stdout =
      format === 'raw'
        ? renderRaw(rows, columns, headings)
        : renderTable(rows, columns, await textOptions({ headings, truncate }, context));
    return { stdout, notes: topology.gaps.list().map(gapNote), status: 0 };
  },
};

/** Errors: BAD_VALUE. */
function columnsOf(invocation: Invocation): readonly Column<NetworkRow>[] {
  if (flag(invocation, 'output-all')) return netLsColumns;
  const selection = selectColumns(netLsColumns, defaultNetLsColumns, optionValue(invocation, 'output'));
  return selection.ok ? selection.columns : [columnNamed(netLsColumns, selection.unknown, COMMAND)];
}

function listColumns(asJson: boolean): string {
  if (!asJson) return columnLines.map((line) => `${line.trim()}\n`).join('');
  const columns = netLsColumns.map(({ key, type, help }) => ({ name: key.toUpperCase(), type, help }));
  return renderJson({ schema: 1, complete: true, gaps: [], columns });
}
