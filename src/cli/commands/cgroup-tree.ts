import { listedProcesses } from '../../cgroups/processes.ts';
import type { Hierarchy, Walk } from '../../cgroups/walk.ts';
import { GroupLook, type GroupRow } from '../../inspect/cgroup/group-rows.ts';
import { chooseHierarchy, subtreeOf, topOf, type Subtree } from '../../inspect/cgroup/hierarchy-choice.ts';
import { isComplete, type GapTally } from '../../kernel/gap-tally.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { isWithin } from '../../kernel/mount-at.ts';
import { statOf } from '../../kernel/process-stat.ts';
import { parseCmdline } from '../../kernel/text/cmdline.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import { selectColumns } from '../../render/columns.ts';
import { renderJson, rowJson, type Json } from '../../render/json.ts';
import { renderTree, type Caption } from '../../render/text-table.ts';
import type { TreeNode } from '../../render/tree.ts';
import { flag, optionValue, type CommandDefinition, type Invocation } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { splitRecordedCgroup } from './cgroup-recorded.ts';
import { groupColumns, type GroupColumn } from './cgroup-ls-columns.ts';
import { columnNamed } from './ls-query.ts';
import { textOptions } from './text-options.ts';

const COMMAND = 'cgroup tree';

/** Rates take two looks, which a tree does not make; the branches tell the path. */
const figures = groupColumns.filter(({ key, isRate }) => isRate !== true && key !== 'path');

const DEFAULT = ['procs', 'mem', 'mem_limit', 'cpu', 'throttled', 'oom_kills', 'owner'];

export const cgroupTree: CommandDefinition = {
  name: COMMAND,
  summary: 'the cgroups of one hierarchy as a tree, with what each uses',
  operands: '[CGROUP | TARGET]',
  arity: [0, 1],
  description: [
    'Draws one hierarchy: that of --controller, else the one with the most cgroups, which of v2 is the only one. With',
    'CGROUP, a path in it or a directory of it, or TARGET, a process in any form, only what is from there down. What a',
    'cgroup uses is told with all that is below it; limits, throttling, kills and PROCS are its own. The columns are',
    'those of nstool cgroup ls that take one look.',
  ],
  options: [
    { long: 'controller', value: 'NAME', help: 'memory, cpu, systemd, v2 ...: the hierarchy that has it' },
    { long: 'processes', short: 'p', help: 'also the processes; those of the kernel are counted' },
    {
      long: 'output',
      short: 'o',
      value: 'LIST',
      choices: figures.map(({ key }) => key.toUpperCase()),
      help: 'these columns; +LIST adds them to the default ones',
    },
    { long: 'json', short: 'J', help: 'as JSON, with the gaps' },
    { long: 'noheadings', short: 'n', help: 'no line of headings' },
    { long: 'notruncate', short: 'u', help: 'shorten nothing, also on a terminal' },
  ],
  examples: [
    { line: 'nstool cgroup tree', does: 'the hierarchy with the most cgroups' },
    { line: 'nstool cgroup tree --controller memory -o MEM,MEM_LIMIT', does: 'memory and its limits' },
    { line: 'nstool cgroup tree -p container:web', does: 'what is in a container, with its processes' },
    { line: 'nstool cgroup tree /system.slice', does: 'services' },
  ],
  exitStatus: [
    [0, 'drawn; what could not be read is named'],
    [2, 'the command line is wrong, or no such hierarchy is mounted'],
    [3, 'no such cgroup or process'],
    [4, 'TARGET is closed to us'],
    [5, 'no cgroups are mounted, or /proc is not that of our own pid namespace'],
  ],
  async run(invocation, context) {
    const [word] = invocation.operands;
    const operand = word === undefined ? undefined : await splitRecordedCgroup(context, word);
    const columns = columnsOf(invocation);
    const host = await context.host(operand?.recording);
    requireOwnProc(host);
    let subtree: Subtree | undefined;
    const look = new GroupLook(host, {
      topics: new Set(columns.flatMap(({ topic }) => topic ?? [])),
      owners: columns.some(({ fact }) => fact === 'owner'),
      below: columns.some(({ fact }) => fact === 'below'),
      now: () => performance.now(),
      choose: (walk) => {
        subtree = operand === undefined ? undefined : subtreeOf(host, walk, operand.word);
        return chosen(walk, optionValue(invocation, 'controller'), subtree);
      },
    });
    const { hierarchy } = look;
    const top = subtree === undefined || hierarchy === undefined ? '/' : topOf(subtree, hierarchy);
    const rows = look.rows().filter(({ group }) => isWithin(top, group.path));
    const members = flag(invocation, 'processes') ? membersOf(host, look.gaps) : undefined;
    if (flag(invocation, 'json')) {
      const cgroups = rows.map((row) => jsonOf(row, columns, members));
      const gaps = look.gaps.list();
      const answer = { schema: 1, complete: isComplete(gaps), gaps: gaps.map(gapJson) } as const;
      const stdout = renderJson({ ...answer, hierarchy: hierarchyJson(hierarchy), cgroups });
      return { stdout, notes: gaps.map(gapNote), status: 0 };
    }
    const options = await textOptions(
      { headings: !flag(invocation, 'noheadings'), truncate: !flag(invocation, 'notruncate') },
      context,
    );
    const stdout = renderTree(nodesOf(rows, members), [...columns, nameColumn(rows)], NAME, options);
    const said = context.stdout.isTerminal && hierarchy !== undefined ? [hierarchyNote(hierarchy, look.walk)] : [];
    return { stdout, notes: [...look.gaps.list().map(gapNote), ...said], status: 0 };
  },
};

/** Of a directory of one hierarchy that one. */
function chosen(walk: Walk, controller: string | undefined, subtree: Subtree | undefined): Hierarchy {
  const only = subtree?.paths.size === 1 ? [...subtree.paths.keys()][0] : undefined;
  return chooseHierarchy(walk, controller ?? only);
}

/** Errors: BAD_VALUE. */
function columnsOf(invocation: Invocation): readonly GroupColumn[] {
  const selection = selectColumns(figures, DEFAULT, optionValue(invocation, 'output'));
  return selection.ok ? selection.columns : [columnNamed(figures, selection.unknown, 'cgroup ls')];
}

const NAME = 'cgroup';

/** The last name of the path; of the uppermost all of it. */
function nameColumn(rows: readonly GroupRow[]): GroupColumn {
  const shown = new Set(rows.map(({ group }) => group.path));
  return {
    key: NAME,
    type: 'string',
    help: 'name of the cgroup',
    shrinks: true,
    get: ({ group: { path } }) => (shown.has(parentOf(path) ?? '') ? path.slice(path.lastIndexOf('/') + 1) : path),
  };
}

function parentOf(path: string): string | undefined {
  return path === '/' ? undefined : path.slice(0, path.lastIndexOf('/')) || '/';
}

type Members = (row: GroupRow) => { readonly processes: readonly Member[]; readonly kernelThreads: number };

interface Member {
  readonly pid: number;
  /** Command line; the name where there is none. */
  readonly command: string;
}

/** The parent of the kernel's threads. */
const KTHREADD = 2;

function membersOf(host: Host, gaps: GapTally): Members {
  return ({ group }) => {
    const processes: Member[] = [];
    let kernelThreads = 0;
    for (const pid of listedProcesses(group.places[0], gaps)) {
      const stat = valueOf(statOf(host, pid));
      if (stat === undefined) continue;
      const bytes = valueOf(host.readFile(`/proc/${pid}/cmdline`));
      const words = bytes === undefined ? [] : parseCmdline(bytes);
      if (words.length === 0 && (pid === KTHREADD || stat.ppid === KTHREADD)) kernelThreads += 1;
      else processes.push({ pid, command: words.length === 0 ? stat.comm : words.join(' ') });
    }
    return { processes, kernelThreads };
  };
}

/** Processes go before the cgroups below. */
function nodesOf(rows: readonly GroupRow[], members: Members | undefined): readonly TreeNode<GroupRow | Caption>[] {
  const roots: TreeNode<GroupRow | Caption>[] = [];
  const known = new Map<string, TreeNode<GroupRow | Caption>[]>();
  for (const row of rows) {
    const children: TreeNode<GroupRow | Caption>[] = (members === undefined ? [] : captions(members(row))).map(
      (caption) => ({ row: { caption }, children: [] }),
    );
    known.set(row.group.path, children);
    (known.get(parentOf(row.group.path) ?? '') ?? roots).push({ row, children });
  }
  return roots;
}

function captions({ processes, kernelThreads }: ReturnType<Members>): readonly string[] {
  const lines = processes.map(({ pid, command }) => `${pid} ${command}`);
  return kernelThreads === 0 ? lines : [...lines, `${kernelThreads} of the kernel's threads`];
}

function jsonOf(row: GroupRow, columns: readonly GroupColumn[], members: Members | undefined): Json {
  const { path } = row.group;
  const cells = rowJson(row, columns);
  if (members === undefined) return { path, ...cells };
  const { processes, kernelThreads } = members(row);
  return { path, ...cells, processes: processes.map((each) => ({ ...each })), kernel_threads: kernelThreads };
}

function hierarchyJson(hierarchy: Hierarchy | undefined): Json {
  if (hierarchy === undefined) return null;
  const { name, version, controllers, folder } = hierarchy;
  return { name, version, controllers, folder };
}

function hierarchyNote({ name, folder }: Hierarchy, { hierarchies }: Walk): string {
  const others = hierarchies.filter((each) => each.name !== name).map((each) => each.name);
  return `this is ${name}, at ${folder}${others.length === 0 ? '' : `; others (--controller): ${others.join(', ')}`}`;
}
