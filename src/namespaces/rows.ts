// The facts about namespaces that a listing shows, a row each: only those that were asked for are read.

import type { NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import { pathDoor, type Door } from './discover/door.ts';
import { doorOf } from './discover/door-of.ts';
import type { Namespace, Scan } from './discover/scan.ts';
import { createdOf } from './facts/created.ts';
import { FactLook } from './facts/fact-look.ts';
import type { Fact } from './facts/fact.ts';
import { hostnameOf, mapsOf } from './facts/inside.ts';
import { interfacesOf, netnsidOf, socketsOf } from './facts/network.ts';
import {
  processorTime,
  readProcess,
  residentMemory,
  ThreadCounter,
  type ProcessCapabilities,
  type ProcessFacts,
} from './facts/processes.ts';
import { idOf, ownerOf, ownerUid, parentOf } from './facts/relations.ts';
import { EnteredMarks } from './entered-marks.ts';
import { countHolders, holdersOf } from './holders.ts';
import { Naming } from './naming.ts';

/** Keys as `lsns -J` has them. null: unknown, or there is none. A fact that was not asked for is null too. */
export interface NamespaceRow {
  /** Inode number of the namespace. */
  readonly ns: bigint;
  readonly type: NamespaceKind;
  /** A path to it through the process with the lowest pid; null without a process. */
  readonly path: string | null;
  /** Processes (not threads) in it that were seen. */
  readonly nprocs: number;
  /** The lowest pid in it. */
  readonly pid: number | null;
  readonly ppid: number | null;
  /** Command line of that process, its arguments joined by spaces; its name where it has no command line. */
  readonly command: string | null;
  /** Owner of that process's folder in /proc; without a process, of the user namespace that owns this one. */
  readonly uid: number | null;
  readonly user: string | null;
  /** What the caller's network namespace calls this one: a number, or `unassigned`. */
  readonly netnsid: string | null;
  /** The paths it is mounted on. */
  readonly nsfs: readonly string[];
  /** Inode of the parent (pid and user namespaces); null at the top, or where it is hidden from us. */
  readonly pns: bigint | null;
  /** Inode of the owning user namespace; null at the top, or where it is hidden from us. */
  readonly ons: bigint | null;
  /** The kernel's number for it, never given twice. Since: Linux 6.18. */
  readonly id: bigint | null;
  /** What a person calls it, in a form that is a target: `container:web`, `netns:blue`, `unit:nginx.service`. */
  readonly name: string | null;
  /** The cgroup of its lowest pid: of all hierarchies the path that says most. */
  readonly cgroup: string | null;
  /** Of its lowest pid. */
  readonly capabilities: ProcessCapabilities | null;
  /** What keeps it alive, counted by sort: `process:3`. Needs a deep scan. */
  readonly holders: readonly string[];
  /** Of a namespace the pids that entered its container from outside; of a process the container that it entered. */
  readonly entered: readonly string[];
  /** Who made the user namespace that owns it, by name; of a user namespace who made that one. */
  readonly owner: string | null;
  /** When it was made: `2026-11-22T10:17:44Z`, and with `~` behind it: about then. null: nothing tells. */
  readonly created: string | null;
  /** Of a uts namespace. */
  readonly hostname: string | null;
  /** Of a network namespace, in the order of their numbers. */
  readonly interfaces: readonly string[] | null;
  /** Of a user namespace: `uid:0:100000:65536`, that is from, to, count; see facts/inside.ts. */
  readonly maps: readonly string[] | null;
  /** All processes in it that were seen. */
  readonly pids: readonly number[];
  /** In a row for a namespace sums over its processes; in a row for a process its own. After a deep scan threads are those that are in it. */
  readonly threads: number | null;
  /** Unit: seconds. */
  readonly cpu: number | null;
  /** Unit: bytes. */
  readonly rss: number | null;
  /** Of a network namespace: how many sockets programs have in it. */
  readonly sockets: number | null;
}

export type { Fact, ProcessCapabilities };

/** A row for each namespace that is to be shown, by its lowest pid, in the order of inodes. */
export function namespaceRows(
  scan: Scan,
  facts: ReadonlySet<Fact>,
  isShown: (namespace: Namespace) => boolean = () => true,
): readonly NamespaceRow[] {
  const reader = new FactReader(scan, facts);
  return [...scan.namespaces.values()]
    .filter(isShown)
    .toSorted((a, b) => compare(a.inode, b.inode) || compare(a.kind, b.kind))
    .map((namespace) => reader.row(namespace, lowest(namespace.pids), namespace.pids));
}

/** A row for each process of one namespace, in the order of pids. */
export function processRows(scan: Scan, namespace: Namespace, facts: ReadonlySet<Fact>): readonly NamespaceRow[] {
  const reader = new FactReader(scan, facts);
  return namespace.pids
    .toSorted((a, b) => a - b)
    .map((pid) => ({ ...reader.row(namespace, pid, [pid]), entered: reader.markOf(pid) }));
}

function compare<T>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function lowest(pids: readonly number[]): number | undefined {
  let least = pids[0];
  for (const pid of pids) if (least === undefined || pid < least) least = pid;
  return least;
}

/** What holds for a namespace, by whichever process of it a row speaks. */
type NamespaceFacts = Pick<
  NamespaceRow,
  'netnsid' | 'pns' | 'ons' | 'id' | 'holders' | 'owner' | 'created' | 'hostname' | 'interfaces' | 'maps' | 'sockets'
>;

/** Reads each process, each namespace and each name once, however many rows show it. */
class FactReader {
  private readonly processes = new Map<number, ProcessFacts>();
  private readonly namespaces = new Map<Namespace, NamespaceFacts>();
  private readonly scan: Scan;
  private readonly facts: ReadonlySet<Fact>;
  private readonly look: FactLook;
  private readonly threads: ThreadCounter;
  private readonly naming: Naming;
  private readonly marks: EnteredMarks;

  constructor(scan: Scan, facts: ReadonlySet<Fact>) {
    this.scan = scan;
    this.facts = facts;
    this.look = new FactLook(scan);
    this.threads = new ThreadCounter(this.look);
    this.naming = new Naming(scan.host);
    this.marks = new EnteredMarks(scan.host);
  }

  markOf(pid: number): readonly string[] {
    return this.facts.has('entered') ? this.marks.ofProcess(pid) : [];
  }

  /** `summed`: the processes of which THREADS, CPU and RSS are. */
  row(namespace: Namespace, pid: number | undefined, summed: readonly number[]): NamespaceRow {
    const { look, facts } = this;
    const path = pid === undefined ? null : `/proc/${pid}/ns/${namespace.kind}`;
    // A mount in a foreign mount namespace is of use only where ours has none: the copies that every new mount
    // namespace makes of /run/netns would only repeat it.
    const nsfs = namespace.mounts.length > 0 ? namespace.mounts : namespace.foreignMounts;
    const door = path === null ? doorOf(namespace) : pathDoor(path);
    const process = pid === undefined ? undefined : this.process(pid);
    const wantsUid = facts.has('uid') || facts.has('user');
    // A namespace without a process belongs to whoever made the user namespace that owns it.
    const uid = process?.uid ?? (pid === undefined && wantsUid ? ownerUid(look, namespace, door) : null);
    return {
      ns: namespace.inode,
      type: namespace.kind,
      path,
      nprocs: namespace.pids.length,
      pid: pid ?? null,
      ppid: process?.ppid ?? null,
      command: process?.command ?? null,
      uid,
      user: uid === null || !facts.has('user') ? null : look.userName(uid),
      nsfs,
      name: facts.has('name') ? this.naming.nameOf(namespace, pid) : null,
      cgroup: process?.cgroup ?? null,
      capabilities: process?.capabilities ?? null,
      entered: facts.has('entered') ? this.marks.ofNamespace(namespace) : [],
      pids: namespace.pids,
      threads: facts.has('threads') ? this.threads.count(namespace, summed) : null,
      cpu: facts.has('cpu') ? processorTime(look, summed) : null,
      rss: facts.has('rss') ? residentMemory(look, summed) : null,
      ...this.namespace(namespace, door),
    };
  }

  private namespace(namespace: Namespace, door: Door | undefined): NamespaceFacts {
    const known = this.namespaces.get(namespace);
    if (known !== undefined) return known;
    const { look, facts } = this;
    const { kind } = namespace;
    const owner = facts.has('owner') ? ownerUid(look, namespace, door) : null;
    const found: NamespaceFacts = {
      netnsid: facts.has('netnsid') && kind === 'net' ? netnsidOf(look, door) : null,
      pns: facts.has('pns') ? parentOf(look, namespace, door) : null,
      ons: facts.has('ons') ? ownerOf(look, namespace, door) : null,
      id: facts.has('id') ? idOf(look, namespace, door) : null,
      holders: facts.has('holders') ? countHolders(holdersOf(this.scan, namespace)) : [],
      owner: owner === null ? null : look.userName(owner),
      created: facts.has('created') ? createdOf(look, namespace) : null,
      hostname: facts.has('hostname') && kind === 'uts' ? hostnameOf(look, namespace, door) : null,
      // Before the links: the socket that asks for them is in the namespace for a moment.
      sockets: facts.has('sockets') && kind === 'net' ? socketsOf(look, namespace, door) : null,
      interfaces: facts.has('interfaces') && kind === 'net' ? interfacesOf(look, namespace, door) : null,
      maps: facts.has('maps') && kind === 'user' ? mapsOf(look, namespace) : null,
    };
    this.namespaces.set(namespace, found);
    return found;
  }

  private process(pid: number): ProcessFacts {
    const known = this.processes.get(pid);
    if (known !== undefined) return known;
    const found = readProcess(this.look, this.facts, pid);
    this.processes.set(pid, found);
    return found;
  }
}
