// The facts about namespaces that a listing shows, a row each: only those that were asked for are read.

import { NETNSA_NSID_NOT_ASSIGNED } from '../kernel/abi/netlink.ts';
import type { NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import type { Reading } from '../kernel/host.ts';
import { value, valueOf } from '../kernel/host.ts';
import { decodeNsidReply, encodeNsidRequest } from '../kernel/netlink/nsid.ts';
import { parseCgroup } from '../kernel/text/cgroup.ts';
import { parseCmdline } from '../kernel/text/cmdline.ts';
import { parsePasswd } from '../kernel/text/passwd.ts';
import { parseStat } from '../kernel/text/stat.ts';
import type { Namespace, Scan } from './discover/scan.ts';
import type { Holder } from './holder.ts';
import { EnteredMarks } from './entered-marks.ts';
import { holdersOf } from './holders.ts';
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
  /** What keeps it alive, counted by sort: `process:3`. Needs a deep scan. */
  readonly holders: readonly string[];
  /** Of a namespace the pids that entered its container from outside; of a process the container that it entered. */
  readonly entered: readonly string[];
}

/** A fact that costs reads. */
export type Fact =
  'ppid' | 'command' | 'uid' | 'user' | 'netnsid' | 'pns' | 'ons' | 'id' | 'name' | 'cgroup' | 'holders' | 'entered';

/** A row for each namespace, by its lowest pid, in the order of inodes. */
export function namespaceRows(scan: Scan, facts: ReadonlySet<Fact>): readonly NamespaceRow[] {
  const reader = new FactReader(scan, facts);
  return [...scan.namespaces.values()]
    .toSorted((a, b) => compare(a.inode, b.inode) || compare(a.kind, b.kind))
    .map((namespace) => reader.row(namespace, lowest(namespace.pids)));
}

/** A row for each process of one namespace, in the order of pids. */
export function processRows(scan: Scan, namespace: Namespace, facts: ReadonlySet<Fact>): readonly NamespaceRow[] {
  const reader = new FactReader(scan, facts);
  return namespace.pids
    .toSorted((a, b) => a - b)
    .map((pid) => ({ ...reader.row(namespace, pid), entered: reader.markOf(pid) }));
}

function compare<T>(a: T, b: T): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function lowest(pids: readonly number[]): number | undefined {
  let least = pids[0];
  for (const pid of pids) if (least === undefined || pid < least) least = pid;
  return least;
}

interface ProcessFacts {
  readonly ppid: number | null;
  readonly command: string | null;
  readonly uid: number | null;
  readonly cgroup: string | null;
}

/** What holds for a namespace, by whichever door it is asked. */
interface NamespaceFacts {
  readonly netnsid: string | null;
  readonly pns: bigint | null;
  readonly ons: bigint | null;
  readonly id: bigint | null;
  readonly holders: readonly string[];
}

/** Reads each process, each namespace and each name once, however many rows show it. */
class FactReader {
  private readonly processes = new Map<number, ProcessFacts>();
  private readonly namespaces = new Map<Namespace, NamespaceFacts>();
  private names: ReadonlyMap<number, string> | undefined;
  private readonly scan: Scan;
  private readonly facts: ReadonlySet<Fact>;
  private readonly naming: Naming;
  private readonly marks: EnteredMarks;

  constructor(scan: Scan, facts: ReadonlySet<Fact>) {
    this.scan = scan;
    this.facts = facts;
    this.naming = new Naming(scan.host);
    this.marks = new EnteredMarks(scan.host);
  }

  markOf(pid: number): readonly string[] {
    return this.facts.has('entered') ? this.marks.ofProcess(pid) : [];
  }

  row(namespace: Namespace, pid: number | undefined): NamespaceRow {
    const path = pid === undefined ? null : `/proc/${pid}/ns/${namespace.kind}`;
    // A mount in a foreign mount namespace is of use only where ours has none: the copies that every new mount
    // namespace makes of /run/netns would only repeat it.
    const nsfs = namespace.mounts.length > 0 ? namespace.mounts : namespace.foreignMounts;
    const door = path ?? nsfs[0];
    const process = pid === undefined ? undefined : this.process(pid);
    const uid = process === undefined ? this.ownerUid(namespace, door) : process.uid;
    return {
      ns: namespace.inode,
      type: namespace.kind,
      path,
      nprocs: namespace.pids.length,
      pid: pid ?? null,
      ppid: process?.ppid ?? null,
      command: process?.command ?? null,
      uid,
      user: uid === null || !this.facts.has('user') ? null : this.userName(uid),
      nsfs,
      name: this.facts.has('name') ? this.naming.nameOf(namespace, pid) : null,
      cgroup: process?.cgroup ?? null,
      entered: this.facts.has('entered') ? this.marks.ofNamespace(namespace) : [],
      ...this.namespace(namespace, door),
    };
  }

  private namespace(namespace: Namespace, door: string | undefined): NamespaceFacts {
    const known = this.namespaces.get(namespace);
    if (known !== undefined) return known;
    const found: NamespaceFacts = {
      netnsid: this.facts.has('netnsid') && namespace.kind === 'net' ? this.netnsid(door) : null,
      pns: this.facts.has('pns') ? this.parent(namespace, door) : null,
      ons: this.facts.has('ons') ? this.owner(door) : null,
      id: this.facts.has('id') ? this.id(door) : null,
      holders: this.facts.has('holders') ? countHolders(holdersOf(this.scan, namespace)) : [],
    };
    this.namespaces.set(namespace, found);
    return found;
  }

  private process(pid: number): ProcessFacts {
    const known = this.processes.get(pid);
    if (known !== undefined) return known;
    const found = this.readProcess(pid);
    this.processes.set(pid, found);
    return found;
  }

  private readProcess(pid: number): ProcessFacts {
    const { facts } = this;
    const folder = `/proc/${pid}`;
    const wantsUid = facts.has('uid') || facts.has('user');
    const status = wantsUid ? this.known(this.scan.host.stat(folder)) : null;
    const cmdline = facts.has('command') ? this.known(this.scan.host.readFile(`${folder}/cmdline`)) : null;
    let command = cmdline === null ? null : commandLine(cmdline);
    let ppid: number | null = null;
    if (facts.has('ppid') || (facts.has('command') && command === null)) {
      const stat = this.known(this.read(`${folder}/stat`, parseStat));
      ppid = stat?.ppid ?? null;
      if (facts.has('command')) command ??= stat?.comm ?? null;
    }
    const cgroup = facts.has('cgroup') ? this.known(this.read(`${folder}/cgroup`, parseCgroup)) : null;
    return { ppid, command, uid: status?.uid ?? null, cgroup: cgroup === null ? null : tellingPath(cgroup) };
  }

  private read<T>(path: string, parse: (bytes: Uint8Array, file: string) => Reading<T>): Reading<T> {
    const bytes = this.scan.host.readFile(path);
    return bytes.ok ? parse(bytes.value, path) : bytes;
  }

  /** The value, or null and a counted gap. */
  private known<T>(reading: Reading<T>): T | null {
    if (reading.ok) return reading.value;
    this.scan.gaps.add('fact', reading.gap);
    return null;
  }

  private userName(uid: number): string {
    if (this.names === undefined) {
      const bytes = valueOf(this.scan.host.readFile('/etc/passwd'));
      this.names = bytes === undefined ? new Map<number, string>() : parsePasswd(bytes);
    }
    return this.names.get(uid) ?? String(uid);
  }

  private netnsid(door: string | undefined): string | null {
    if (door === undefined) return null;
    const reply = this.scan.host.netlink(encodeNsidRequest(door));
    const nsid = this.known(reply.ok ? decodeNsidReply(reply.value, door) : reply);
    if (nsid === null) return null;
    return nsid === NETNSA_NSID_NOT_ASSIGNED ? 'unassigned' : String(nsid);
  }

  private parent(namespace: Namespace, door: string | undefined): bigint | null {
    if (door === undefined || (namespace.kind !== 'pid' && namespace.kind !== 'user')) return null;
    return this.known(visible(this.scan.host.askNamespace(door, ['NS_GET_PARENT'])));
  }

  private owner(door: string | undefined): bigint | null {
    if (door === undefined) return null;
    return this.known(visible(this.scan.host.askNamespace(door, ['NS_GET_USERNS'])));
  }

  /** Kernels before 6.18 have none: no gap. */
  private id(door: string | undefined): bigint | null {
    return door === undefined ? null : (valueOf(this.scan.host.askNamespace(door, ['NS_GET_ID'])) ?? null);
  }

  /** A namespace without a process belongs to whoever made the user namespace that owns it. */
  private ownerUid(namespace: Namespace, door: string | undefined): number | null {
    if (door === undefined || !(this.facts.has('uid') || this.facts.has('user'))) return null;
    const path = ['NS_GET_OWNER_UID'] as const;
    const uid = this.scan.host.askNamespace(door, namespace.kind === 'user' ? path : ['NS_GET_USERNS', ...path]);
    const known = this.known(visible(uid));
    return known === null ? null : Number(known);
  }
}

/** Of a process's paths in all hierarchies the longest. */
function tellingPath(memberships: readonly { readonly path: string }[]): string | null {
  return memberships.reduce<string | null>(
    (best, { path }) => (best === null || path.length > best.length ? path : best),
    null,
  );
}

/** `process:3`, in the order in which the sorts were met. */
function countHolders(holders: readonly Holder[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { type } of holders) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].map(([type, count]) => `${type}:${count}`);
}

/** EPERM here means the top of the tree, or beyond what we may see: the kernel does not tell which. No gap. */
function visible(answer: Reading<bigint>): Reading<bigint | null> {
  return !answer.ok && answer.gap.errno === 'EPERM' ? value(null) : answer;
}

/** The arguments joined by spaces; null where there are none, as for kernel threads and zombies. */
function commandLine(cmdline: Uint8Array): string | null {
  const words = parseCmdline(cmdline);
  return words.length === 0 ? null : words.join(' ');
}
