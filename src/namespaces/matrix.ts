// Who shares which namespace with whom, and what with the host: a row for each container, each systemd unit, and else
// for the processes of one name, as long as they are in the same namespaces.

import { displayName } from '../containers/display-name.ts';
import { IdentityResolver } from '../containers/identify.ts';
import { containerKey } from '../containers/identity.ts';
import type { NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import { valueOf } from '../kernel/host.ts';
import { statOf } from '../kernel/process-stat.ts';
import { linksOf } from './discover/process-namespaces.ts';
import type { Scan } from './discover/scan.ts';
import { judgeOfInitial, seesKernelThreads } from './initial.ts';

/** The processes of one container, unit or name that are in the same namespaces of all the kinds looked at. */
export interface MatrixRow {
  /** In a form that is a target: `container:web`, `unit:ssh.service`, `comm:bash`; the pid where nothing is told. */
  readonly name: string;
  /** Ascending, at least one. */
  readonly pids: readonly number[];
  /** Of every kind that was looked at. */
  readonly cells: ReadonlyMap<NamespaceKind, MatrixCell>;
}

/** `closed`: the link is refused to us. `none`: a zombie is in few namespaces, and old kernels lack kinds. */
export type MatrixCell = SharedNamespace | 'closed' | 'none';

export interface SharedNamespace {
  readonly ns: bigint;
  /** Is it the host's? null: it cannot be told. */
  readonly initial: boolean | null;
  /** Rows with the same number of a kind share that namespace. null: it is the host's, or this row's alone. */
  readonly group: number | null;
}

/** What a process is counted with; the first process of a row names it. */
interface Party {
  /** Containers first, then units, then others, then the kernel's threads. */
  readonly section: number;
  readonly key: string;
  readonly name: string;
}

interface Draft {
  readonly party: Party;
  readonly pids: number[];
  /** By kind the link's text, `closed` or `none`. */
  readonly links: ReadonlyMap<NamespaceKind, string>;
}

/**
 * Of a scan that has read the links of processes. Groups are numbered from 1 in the order of rows: by section, then
 * name, then lowest pid. Gaps are added to those of the scan.
 */
export function matrixRows(scan: Scan): readonly MatrixRow[] {
  const drafts = draftsOf(scan).toSorted(compare);
  const cells = new Map([...scan.kinds].map((kind) => [kind, cellsOf(scan, kind, drafts)]));
  return drafts.map(({ party, pids }, index) => ({
    name: party.name,
    pids,
    cells: new Map([...cells].map(([kind, column]) => [kind, column[index] ?? 'none'])),
  }));
}

function draftsOf(scan: Scan): readonly Draft[] {
  const parties = new Parties(scan);
  const byKind = new Map([...scan.kinds].map((kind) => [kind, linksOf(scan, kind)]));
  const closed = new Set(scan.closed);
  const drafts = new Map<string, Draft>();
  for (const pid of [...scan.processes, ...scan.closed].toSorted((a, b) => a - b)) {
    const party = parties.of(pid);
    if (party === undefined) continue;
    const links = new Map(
      [...byKind].map(([kind, texts]) => [
        kind,
        closed.has(pid) ? 'closed' : (texts.get(pid) ?? scan.leaderless.get(pid)?.links.get(kind) ?? 'none'),
      ]),
    );
    const key = JSON.stringify([party.section, party.key, ...links.values()]);
    const known = drafts.get(key);
    if (known === undefined) drafts.set(key, { party, pids: [pid], links });
    else known.pids.push(pid);
  }
  return [...drafts.values()];
}

function compare(a: Draft, b: Draft): number {
  if (a.party.section !== b.party.section) return a.party.section - b.party.section;
  if (a.party.name !== b.party.name) return a.party.name < b.party.name ? -1 : 1;
  return (a.pids[0] ?? 0) - (b.pids[0] ?? 0);
}

/** The cells of one kind, by row. */
function cellsOf(scan: Scan, kind: NamespaceKind, drafts: readonly Draft[]): readonly MatrixCell[] {
  const judge = judgeOfInitial(scan.host);
  const rows = new Map<string, number>();
  for (const { links } of drafts) {
    const link = links.get(kind) ?? 'none';
    rows.set(link, (rows.get(link) ?? 0) + 1);
  }
  const groups = new Map<string, number>();
  let untold = false;
  const column = drafts.map(({ links }): MatrixCell => {
    const link = links.get(kind) ?? 'none';
    if (link === 'closed' || link === 'none') return link;
    const ns = scan.namespaces.get(link)?.inode;
    if (ns === undefined) return 'none';
    const initial = judge(kind, ns);
    untold ||= initial === null;
    if (initial === true || rows.get(link) === 1) return { ns, initial, group: null };
    const group = groups.get(link) ?? groups.size + 1;
    groups.set(link, group);
    return { ns, initial, group };
  });
  if (untold) {
    scan.gaps.addUncounted({
      subject: 'namespace of the host',
      reason: 'unsupported',
      errno: null,
      count: 1,
      examples: [kind],
      detail: `which ${kind} namespace is the host's cannot be told from here`,
    });
  }
  return column;
}

/** Tells whom a process is counted with. */
class Parties {
  private readonly scan: Scan;
  private readonly resolver: IdentityResolver;
  private readonly kernelThreads: boolean;

  constructor(scan: Scan) {
    this.scan = scan;
    this.resolver = new IdentityResolver(scan.host);
    this.kernelThreads = seesKernelThreads(scan.host);
  }

  /** undefined: it has ended. */
  of(pid: number): Party | undefined {
    const identity = valueOf(this.resolver.identify(pid));
    const known = identity === undefined ? null : displayName(identity);
    if (identity !== undefined && known !== null) {
      return { section: identity.role === 'payload' ? 0 : 1, key: containerKey(identity), name: known };
    }
    const stat = statOf(this.scan.host, pid);
    if (!stat.ok) {
      this.scan.gaps.add('process name', stat.gap);
      return stat.gap.reason === 'gone' ? undefined : { section: 2, key: `pid ${pid}`, name: String(pid) };
    }
    const { comm, ppid } = stat.value;
    const name = `comm:${comm}`;
    return this.kernelThreads && (pid === 2 || ppid === 2)
      ? { section: 3, key: '', name }
      : { section: 2, key: name, name };
  }
}
