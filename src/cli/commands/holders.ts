import { namespaceKinds, type NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import { valueOf } from '../../kernel/host.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { resolveNamespace, type NamespaceName } from '../../inspect/resolve-target.ts';
import { discoverNamespaces } from '../../namespaces/discover/discover.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import type { Namespace, Scan } from '../../namespaces/discover/scan.ts';
import type { Holder } from '../../namespaces/holder.ts';
import { holdersOf, releaseCommand } from '../../namespaces/holders.ts';
import type { Column } from '../../render/columns.ts';
import { renderJson, rowJson } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import { flag, type CommandDefinition, type Invocation } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { quoted, quotedVisibly } from '../shell-quoting.ts';
import { splitRecorded } from '../recorded-target.ts';
import { release, releaseJson, releaseText, requireReleasable, type Release } from './holders-release.ts';
import { findNamespace } from './ls-query.ts';

export const holders: CommandDefinition = {
  name: 'holders',
  summary: 'what keeps a namespace alive, and the command that releases it',
  operands: 'NAMESPACE',
  arity: [1, 1],
  description: [
    'Lists every reason that was found why NAMESPACE (net:4026532177, a path, netns:NAME) is alive: processes, threads,',
    'open descriptors, sockets, tun devices, mounts in any mount namespace, names, namespaces below it; with the command',
    'that would release each. Of a process or container the kind must be named: net:self, net:container:web.',
    '',
    '--release lists the same, and then what it would take away; with --yes it does so. That is names and mounts only, in',
    'any mount namespace: each is unmounted if it still is this namespace, and of a name in /run/netns the file is removed,',
    'as ip-netns(8) does. Processes, threads and descriptors are left alone: what they keep goes on, and is named.',
  ],
  options: [
    { long: 'release', help: 'after the list, what would be done to take its names and mounts away' },
    { long: 'yes', help: 'with --release: do it' },
    { long: 'json', short: 'J', help: 'as JSON, with the gaps' },
  ],
  examples: [
    { line: 'nstool holders net:4026532177', does: 'why is it still there' },
    { line: 'nstool holders netns:blue --json', does: 'the same by name, as JSON' },
    { line: 'nstool holders net:4026532177 --release', does: 'what a release would do' },
    { line: 'nstool holders net:4026532177 --release --yes', does: 'takes its names and mounts away' },
  ],
  exitStatus: [
    [0, 'listed; with --release --yes: it has no name and no mount any more'],
    [1, 'with --release --yes: there was none, or one could not be taken away'],
    [2, 'the command line is wrong'],
    [3, 'no such namespace'],
  ],
  async run(invocation, context) {
    const { word, recording } = splitRecorded(invocation.operands[0] ?? '');
    requireReleasable(invocation, recording);
    const host = await context.host(recording);
    requireOwnProc(host);
    const name = resolveNamespace(host, word);
    const scan = discoverNamespaces(host, kindsFor(name), { deep: true });
    const namespace = findNamespace(scan, name, true);
    const rows = holderRows(scan, namespace);
    const released = flag(invocation, 'release') ? await release(scan, namespace, invocation, context) : undefined;
    const notes = [...scan.gaps.list().map(gapNote), ...(released?.notes ?? [])];
    return { stdout: print(invocation, rows, scan, released), notes, status: released?.status ?? 0 };
  },
};

/** Which kinds to look for. A user namespace owns others of any kind. Mount namespaces tell how a mount in one of them is released. */
export function kindsFor({ kind }: Pick<NamespaceName, 'kind'>): ReadonlySet<NamespaceKind> {
  const isOfAny = kind === undefined || kind === 'user';
  return new Set(isOfAny ? namespaceKinds.map((entry) => entry.kind) : [kind, 'mnt']);
}

/** All that is listed of a namespace. Needs a deep scan. */
export function holderRows(scan: Scan, namespace: Namespace): readonly HolderRow[] {
  return holdersOf(scan, namespace).map((holder) => rowOf(scan, holder));
}

interface HolderRow {
  readonly holder: string;
  readonly pid: number | null;
  readonly what: string | null;
  readonly comm: string | null;
  readonly release: readonly string[] | null;
}

const plainColumns: readonly Column<HolderRow>[] = [
  { key: 'holder', type: 'string', help: 'what sort of thing holds it', get: (row) => row.holder },
  { key: 'pid', type: 'number', help: 'the process that has it', get: (row) => row.pid },
  { key: 'what', type: 'string', help: 'descriptor, path, name or namespace', get: (row) => row.what },
  { key: 'comm', type: 'string', help: 'the name of that process', shrinks: true, get: (row) => row.comm },
];

/** A terminal is shown no control character: there the command is written as bash, ksh and zsh read it, not dash. */
function columnsFor(quote: (word: string) => string): readonly Column<HolderRow>[] {
  const get = ({ release }: HolderRow): string | null => release?.map(quote).join(' ') ?? null;
  return [...plainColumns, { key: 'release', type: 'string', help: 'the command that would release it', get }];
}

function rowOf(scan: Scan, holder: Holder): HolderRow {
  const pid = 'pid' in holder ? holder.pid : null;
  const comm = pid === null ? undefined : valueOf(scan.host.readFile(`/proc/${pid}/comm`));
  return {
    holder: holder.type,
    pid,
    what: whatOf(holder),
    comm: comm === undefined ? null : decodeText(comm).trimEnd(),
    release: releaseCommand(scan, holder) ?? null,
  };
}

function whatOf(holder: Holder): string | null {
  switch (holder.type) {
    case 'process':
    case 'unseen':
      return null;
    case 'thread':
    case 'for_children':
      return `thread ${holder.tid}`;
    case 'descriptor':
    case 'inotify':
      return descriptor(holder);
    case 'socket':
      return `${descriptor(holder)} socket:[${holder.inode}]`;
    case 'tun':
      return `${descriptor(holder)} ${holder.interface ?? 'without an interface'}`;
    case 'mount':
      return holder.mountNamespace === null ? holder.path : `${holder.path} in mnt:[${holder.mountNamespace}]`;
    case 'name':
      return holder.path;
    case 'child':
      return `${holder.kind}:[${holder.inode}]`;
  }
}

function descriptor({ pid, tid, fd }: { readonly pid: number; readonly tid: number; readonly fd: number }): string {
  return pid === tid ? `fd ${fd}` : `thread ${tid} fd ${fd}`;
}

function print(invocation: Invocation, rows: readonly HolderRow[], scan: Scan, released: Release | undefined): string {
  if (!flag(invocation, 'json')) {
    return `${renderTable(rows, columnsFor(quotedVisibly), { headings: true })}${released === undefined ? '' : releaseText(released)}`;
  }
  const gaps = scan.gaps.list();
  const columns = columnsFor(quoted);
  const list = rows.map((row) => rowJson(row, columns));
  const more = released === undefined ? {} : { release: releaseJson(released) };
  return renderJson({ schema: 1, complete: isComplete(gaps), gaps: gaps.map(gapJson), holders: list, ...more });
}
