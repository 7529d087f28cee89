import { setTimeout as sleep } from 'node:timers/promises';
import { GroupLook, type GroupRow } from '../../inspect/cgroup/group-rows.ts';
import { sorts } from '../../inspect/cgroup/members-by.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { compareCells, heading } from '../../render/columns.ts';
import { renderJson, rowJson } from '../../render/json.ts';
import { renderRaw, renderTable } from '../../render/text-table.ts';
import { flag, type CommandDefinition } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { byHelp, cgroupBy } from './cgroup-by.ts';
import { groupColumnLines, groupColumns } from './cgroup-ls-columns.ts';
import { cgroupLsQuery, selectGroups } from './cgroup-ls-query.ts';
import { tableOptions } from './table-options.ts';
import { textOptions } from './text-options.ts';

export const cgroupLs: CommandDefinition = {
  name: 'cgroup ls',
  summary: 'every cgroup with its owner, what it uses, and where it was held back',
  operands: '',
  arity: [0, 0],
  description: [
    'Lists the cgroups of every hierarchy that is mounted, v1 and v2. The same path in several hierarchies is one row, as',
    'engines and systemd make one in each; HIERARCHIES says which have it. What a cgroup uses is told with all that is',
    'below it; limits, throttling and kills are its own. A figure that no controller counts there is -.',
    '',
    'It answers at once, from what the kernel has counted since each cgroup was made. With --for, or a column whose name',
    'ends in _NOW, it looks twice and tells what happened in between: 2 seconds, if --for does not say.',
    '',
    '--empty lists what was left over: cgroups without a process, in themselves or below. DYING counts those that were',
    'removed and are still held, mostly by page cache.',
    '',
    ...byHelp,
    '',
    '-Q takes the language of nstool ls, over any column, shown or not; max is larger than any number.',
    '',
    'columns for -o:',
    ...groupColumnLines(),
  ],
  options: [
    { long: 'throttled', help: 'only those that their own quota held back' },
    { long: 'oom', help: 'only those whose processes were killed for want of memory' },
    { long: 'empty', help: 'only those without a process, also below' },
    { long: 'by', value: 'SORT', choices: [...sorts], help: 'a row for each net, pid or user namespace, or container' },
    { long: 'for', value: 'SECONDS', help: 'look twice, and tell what happened in that time' },
    { long: 'filter', short: 'Q', value: 'EXPR', help: "only rows for which it holds: 'MEM > 100M && OOM_KILLS > 0'" },
    { long: 'sort', value: 'COLUMN', choices: groupColumns.map(heading), help: 'in the order of this column' },
    {
      long: 'output',
      short: 'o',
      value: 'LIST',
      choices: groupColumns.map(heading),
      help: 'these columns; +LIST adds them to the default ones',
    },
    { long: 'output-all', help: 'all columns' },
    ...tableOptions,
    { long: 'list-columns', short: 'H', help: 'the columns that -o takes' },
  ],
  examples: [
    { line: 'nstool cgroup ls', does: 'all cgroups' },
    { line: 'nstool cgroup ls --throttled --for 5', does: 'who is held back by a quota now' },
    { line: 'nstool cgroup ls --oom', does: 'who lost processes for want of memory' },
    { line: 'nstool cgroup ls --by net --for 2', does: 'what each network namespace does, with its traffic' },
    { line: 'nstool cgroup ls --empty', does: 'what was left over' },
    { line: `nstool cgroup ls -Q 'OWNER=~"^container:"' --sort MEM`, does: 'containers, the largest last' },
    { line: 'nstool cgroup ls -o CPU_NOW,READ_NOW,OWNER,PATH --sort CPU_NOW', does: 'who is busy' },
  ],
  exitStatus: [
    [0, 'listed; what could not be read is named'],
    [2, 'the command line is wrong'],
    [5, 'no cgroups are mounted, or /proc is not that of our own pid namespace'],
  ],
  async run(invocation, context) {
    if (flag(invocation, 'by')) return cgroupBy(invocation, context);
    if (flag(invocation, 'list-columns')) return { stdout: listColumns(flag(invocation, 'json')), status: 0 };
    const query = cgroupLsQuery(invocation);
    const { interval, columns, sort, format } = query;
    const host = await context.host();
    requireOwnProc(host);
    const look = new GroupLook(host, { ...query, now: () => performance.now() });
    if (interval !== undefined) {
      await sleep(interval);
      look.again();
    }
    const found = selectGroups(look.rows(), query);
    const rows = sort === undefined ? found : found.toSorted((a, b) => compareCells(sort.get(a), sort.get(b)));
    const gaps = look.gaps.list();
    const notes = gaps.map(gapNote);
    if (format === 'json') {
      const cgroups = rows.map((row) => rowJson(row, columns));
      const stdout = renderJson({ schema: 1, complete: isComplete(gaps), gaps: gaps.map(gapJson), cgroups });
      return { stdout, notes, status: 0 };
    }
    const stdout =
      format === 'raw'
        ? renderRaw<GroupRow>(rows, columns, query.headings)
        : renderTable<GroupRow>(rows, columns, await textOptions(query, context));
    return { stdout, notes, status: 0 };
  },
};

function listColumns(asJson: boolean): string {
  if (!asJson) return groupColumns.map(({ key, help }) => `${key.toUpperCase().padEnd(18)} ${help}\n`).join('');
  const columns = groupColumns.map(({ key, type, help }) => ({ name: key.toUpperCase(), type, help }));
  return renderJson({ schema: 1, complete: true, gaps: [], columns });
}
