// Asks a host all that the reading commands would ask: it runs them, or the functions that read for them, for every
// process and namespace, so that what they come to ask is asked here too.
//
// Of all processes together it asks a few times. Of each process and namespace it asks with a /proc that lists only those
// near it: what is asked of all others has been asked by then, and would be asked again thousands of times.

import { audit as auditTargets } from '../../inspect/audit/report.ts';
import { diffTargets } from '../../inspect/diff/diff.ts';
import { sideOfTarget } from '../../inspect/diff/side.ts';
import type { Act } from '../../inspect/can/act.ts';
import { can } from '../../inspect/can/can.ts';
import { idKinds, targetIds, translate } from '../../inspect/ids.ts';
import { kernelReport } from '../../inspect/kernel-report.ts';
import { resolveTarget, type ResolvedTarget } from '../../inspect/resolve-target.ts';
import { beginWhy, endWhy } from '../../inspect/cgroup-why/report.ts';
import { walkGroups } from '../../cgroups/walk.ts';
import { sorts } from '../../inspect/cgroup/members-by.ts';
import { reportCgroups } from '../../inspect/cgroup/cgroup-report.ts';
import { showCapabilities } from '../../inspect/caps/caps-show.ts';
import { findLeaks } from '../../inspect/network/leaks/find-leaks.ts';
import { askForDoctor } from '../../inspect/doctor/ask.ts';
import { Sight } from '../../inspect/doctor/sight.ts';
import { networkPage } from '../../inspect/network/namespace-page.ts';
import { show as showTarget } from '../../inspect/show/show.ts';
import { namespaceKinds, type NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { NsError } from '../../kernel/error.ts';
import { GapTally } from '../../kernel/gap-tally.ts';
import { value, valueOf, type Host } from '../../kernel/host.ts';
import { parseDecimal } from '../../kernel/text/text.ts';
import type { EnterQuery } from '../../launch/enter-query.ts';
import { planEnter } from '../../launch/enter.ts';
import { discoverNamespaces } from '../../namespaces/discover/discover.ts';
import { doorOf } from '../../namespaces/discover/door-of.ts';
import { requireOwnProc } from '../../namespaces/discover/own-proc.ts';
import type { Namespace, Relation, Scan } from '../../namespaces/discover/scan.ts';
import { networkGraph } from '../../inspect/network/graph.ts';
import { readTopology } from '../../network/topology.ts';
import { processRows, type Fact } from '../../namespaces/rows.ts';
import { callerOf } from '../caller.ts';
import { audit } from '../commands/audit.ts';
import { capsDecode } from '../commands/caps-decode.ts';
import { capsDiff } from '../commands/caps-diff.ts';
import { capsList } from '../commands/caps-list.ts';
import { capsLs } from '../commands/caps-ls.ts';
import { capsColumns } from '../commands/caps-ls-columns.ts';
import { capsShow } from '../commands/caps-show.ts';
import { columnsBy } from '../commands/cgroup-by.ts';
import { groupColumns } from '../commands/cgroup-ls-columns.ts';
import { cgroupLs } from '../commands/cgroup-ls.ts';
import { cgroupShow } from '../commands/cgroup-show.ts';
import { cgroupWhy } from '../commands/cgroup-why.ts';
import { cgroupTree } from '../commands/cgroup-tree.ts';
import { diff } from '../commands/diff.ts';
import { holderRows, kindsFor } from '../commands/holders.ts';
import { ids } from '../commands/ids.ts';
import { lsColumns } from '../commands/ls-columns.ts';
import { ls } from '../commands/ls.ts';
import { pageDataOf } from '../commands/net-graph.ts';
import { netLs } from '../commands/net-ls.ts';
import { netShow } from '../commands/net-show.ts';
import { netId } from '../commands/net-id.ts';
import { netIdentify } from '../commands/net-identify.ts';
import { show } from '../commands/show.ts';
import type { CommandDefinition, Context } from '../define-command.ts';
import { parseCommand } from '../parse-command.ts';
import { never, refusedActs } from '../refused-acts.ts';

const kinds: readonly NamespaceKind[] = namespaceKinds.map((entry) => entry.kind);
/** Of a deep look only. */
const HOLDERS = 'holders';
const plainColumns = lsColumns.filter(({ key }) => key !== HOLDERS);
const plainFacts: ReadonlySet<Fact> = new Set(plainColumns.flatMap(({ fact }) => fact ?? []));

/** Errors: FOREIGN_PROC. */
export async function askAll(host: Host): Promise<void> {
  requireOwnProc(host);
  await runCommands(host);
  askOfNamespaces(host);
  for (const pid of pidsOf(host)) askOfProcess(host, pid);
}

/** A name that is nobody's: of each sort, so that all are compared with it, and come close to it. */
const NOBODY = ['nobody-is-called-so', 'container:nobody-is-called-so', 'pod:nobody/is-called-so'].concat([
  'unit:nobody-is-called-so.service',
  'comm:nobody-is-so',
  'netns:nobody-is-called-so',
  'port:1',
]);

/** The commands that look at the whole host, in every shape that asks for more. */
async function runCommands(host: Host): Promise<void> {
  const run = async (definition: CommandDefinition, ...words: readonly string[]): Promise<void> => {
    const outcome = async (): Promise<unknown> => definition.run(parseCommand(definition, words, []), quiet(host));
    await forgiven(outcome);
  };
  kernelReport(host);
  await run(capsDecode, 'ffffffffffffffff');
  await run(capsList);
  const columns = plainColumns.map(({ key }) => key).join(',');
  for (const types of [[], ...kinds.map((kind) => ['-t', kind])]) {
    await run(ls, ...types, '-o', columns, '-T=process');
    await run(ls, ...types, '-o', columns, '-T=owner');
    await run(ls, ...types, '-o', columns, '-T=parent');
    await run(ls, ...types, '--output-all', '--deep');
    await run(ls, ...types, '--matrix');
  }
  await run(netIdentify);
  await run(netId);
  await run(audit, '--all', '--json');
  for (const depth of [[], ['--deep']]) {
    await run(netShow, ...depth, '--json');
    await askForPage(host, depth.length > 0);
    await run(netLs, ...depth, '--output-all');
  }
  const ofProcesses = capsColumns.filter(({ needs }) => needs === undefined).map(({ key }) => key);
  await run(capsLs, '--files', '--tree', '-o', ofProcesses.join(','));
  await run(capsLs, '--net', '--threads');
  for (const kind of kinds) await run(capsLs, '--in', `${kind}:self`);
  await runOnCgroups(host, run);
  for (const word of ['host', 'self', ...NOBODY]) await run(show, word);
  for (const word of ['host', 'self']) {
    await run(capsShow, word);
    await run(cgroupShow, word);
    await run(cgroupWhy, word, '--for', '0');
    await run(capsDiff, word, `${AGAIN}::${word}`);
    await run(ids, word);
    await run(diff, word, `${AGAIN}::${word}`);
    await run(ls, '-p', word);
  }
}

/** The page of net graph shows more than any other form of it. */
async function askForPage(host: Host, deep: boolean): Promise<void> {
  const topology = readTopology(host, { deep });
  await pageDataOf(host, topology, networkGraph(topology));
}

/** Rates take two looks, and a recording is one. */
async function runOnCgroups(
  host: Host,
  run: (definition: CommandDefinition, ...words: readonly string[]) => Promise<void>,
): Promise<void> {
  const ofOneLook = (columns: readonly { readonly key: string; readonly isRate?: true }[]): string =>
    columns
      .filter(({ isRate }) => isRate !== true)
      .map(({ key }) => key)
      .join(',');
  await run(cgroupLs, '-o', ofOneLook(groupColumns));
  for (const sort of sorts) await run(cgroupLs, '--by', sort, '-o', ofOneLook(columnsBy(sort)));
  for (const { name } of walkGroups(host, new GapTally()).hierarchies)
    await run(cgroupTree, '--processes', '--controller', name);
}

/** To the comparison it is another host than itself, so that it takes nothing for the same without reading it. */
const AGAIN = 'again';

/** The process around a command that nobody looks at. A reading command asks it for the host only. */
function quiet(host: Host): Context {
  const nobody = { isTerminal: false, color: false, columns: () => undefined };
  return {
    stdin: nobody,
    stdout: nobody,
    stderr: nobody,
    host: async (recording) => (recording === undefined ? host : { ...host }),
    ...refusedActs(),
    progress: never,
    environment: () => [],
    variable: () => undefined,
    theme: never,
  };
}

/** What a command asked until it failed is what it will ask again. */
async function forgiven(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof NsError)) throw error;
  }
}

function forgive(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof NsError)) throw error;
  }
}

function askOfNamespaces(host: Host): void {
  const deep = discoverNamespaces(host, new Set(kinds), { deep: true });
  for (const kind of kinds) {
    const scan = discoverNamespaces(host, kindsFor({ kind }), { deep: true });
    for (const namespace of scan.namespaces.values()) if (namespace.kind === kind) holderRows(scan, namespace);
  }
  const plain = discoverNamespaces(host, new Set(kinds));
  const below = byParent(deep);
  const topology = readTopology(host, { deep: true });
  findLeaks(host, topology);
  const sight = new Sight(host, topology, new GapTally());
  for (const place of topology.namespaces) {
    networkPage(narrowed(host, processesNear(below, place.namespace)), topology, place);
    askForDoctor(sight, place);
  }
  for (const [text, namespace] of deep.namespaces) {
    const scan = plain.namespaces.has(text) ? plain : deep;
    const near = { ...scan, host: narrowed(host, processesNear(below, namespace)) };
    askOfNamespace(near, scan.namespaces.get(text) ?? namespace);
  }
}

function askOfNamespace(scan: Scan, namespace: Namespace): void {
  const { host } = scan;
  processRows(scan, namespace, plainFacts);
  for (const path of [...namespace.mounts, ...namespace.foreignMounts]) forgive(() => resolveTarget(host, path));
  const way = doorOf(namespace);
  if (way === undefined) return;
  const { kind, inode } = namespace;
  const path = typeof way.at === 'string' && way.through.length === 0 ? way.at : null;
  askOfTarget(host, { type: 'namespace', kind, inode, path, door: way, scan });
  const query = { ...QUERY, kinds: [], given: [{ kind, way }] };
  forgive(() => planEnter(host, query, callerOf(host, [])));
}

function byParent(scan: Scan): ReadonlyMap<Relation | undefined, readonly Namespace[]> {
  const below = new Map<Relation | undefined, Namespace[]>();
  for (const namespace of scan.namespaces.values()) {
    const known = below.get(namespace.parent);
    if (known === undefined) below.set(namespace.parent, [namespace]);
    else known.push(namespace);
  }
  return below;
}

/** The processes of a namespace, of those that lie in it, and of those where it is mounted. */
function processesNear(
  below: ReadonlyMap<Relation | undefined, readonly Namespace[]>,
  namespace: Namespace,
): readonly number[] {
  const all = new Set([namespace]);
  // What is added comes along in turn.
  for (const each of all) for (const child of below.get(each.inode) ?? []) all.add(child);
  const mounts = namespace.holders.flatMap((holder) => ('pid' in holder ? (holder.pid ?? []) : []));
  return [...[...all].flatMap(({ pids }) => pids), ...mounts];
}

function askOfProcess(host: Host, pid: number): void {
  const near = narrowed(host, [pid]);
  forgive(() => askOfTarget(near, resolveTarget(near, String(pid))));
  forgive(() => showCapabilities(near, String(pid)));
  forgive(() => reportCgroups(near, String(pid)));
  forgive(() => endWhy(near, beginWhy(near, String(pid), null), 0));
  forgive(() => auditTargets(near, [{ type: 'process', pid, word: String(pid), whole: false }], { files: false }));
  for (const kind of kinds) forgive(() => resolveTarget(near, `/proc/${pid}/ns/${kind}`));
  for (const asked of ENTERED) forgive(() => planEnter(near, { ...QUERY, ...asked, pid }, callerOf(near, [])));
  for (const act of ACTS) forgive(() => can(near, pid, act));
  for (const type of ['ptrace', 'kill'] as const)
    forgive(() => can(near, host.self.pid, { type, process: String(pid) }));
  forgive(() => can(near, host.self.pid, { type: 'map', process: String(pid) }));
}

/** What reads differently for each process that may do it; what is done to others is asked of each of them as well. */
const ACTS: readonly Act[] = [
  { type: 'bind', port: 80 },
  { type: 'mount' },
  { type: 'module' },
  { type: 'setuid', id: 0 },
];

const QUERY: EnterQuery = {
  kinds: 'all',
  given: [],
  preserveCredentials: false,
  fork: true,
  command: [],
  trace: false,
};

/** What is asked of a process that is entered depends on what is taken from it. */
const ENTERED: readonly Partial<EnterQuery>[] = [
  {},
  ...kinds.map((kind) => ({ kinds: [kind] })),
  { uid: 'follow', gid: 'follow', keepCapabilities: true, followContext: true, joinCgroup: true },
  { kinds: ['net', 'mnt'], uid: 'follow', gid: 'follow', keepCapabilities: true, followContext: true },
  { userParent: true },
  { targetEnvironment: true },
];

/** Nobody can have these: what is said of such ids is asked too. */
const UNMAPPED = idKinds.map((kind) => ({ kind, id: 0xffff_ffff }));

function askOfTarget(host: Host, target: ResolvedTarget): void {
  forgive(() => showTarget(host, target));
  forgive(() => translate(host, targetIds(host, target), UNMAPPED));
  const other = { ...host };
  forgive(() => diffTargets(sideOfTarget(host, target), sideOfTarget(other, target), { env: true }));
}

/** The first process and the parent of the kernel's threads tell which namespaces are the host's. */
const ALWAYS = [1, 2];

/** The host with fewer processes in its /proc. */
function narrowed(host: Host, pids: readonly number[]): Host {
  const names = [...new Set([...ALWAYS, host.self.pid, ...pids])].map(String);
  return { ...host, readDirectory: (path) => (path === '/proc' ? value(names) : host.readDirectory(path)) };
}

function pidsOf(host: Host): readonly number[] {
  return (valueOf(host.readDirectory('/proc')) ?? []).flatMap((name) => parseDecimal(name) ?? []);
}
