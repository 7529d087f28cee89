// Processes that were put into a container's namespaces from outside, as nsenter(1) leaves them: in some of them only, or
// in all but not in the container's cgroup. They go on when the container is stopped, its limits do not hold for them, and
// they keep its namespaces alive.
//
// What shares namespaces and is none: what the container runs itself, in new namespaces of its own too; other containers
// of its pod, or with its network (docker's --network container:X); what its engine left beside it; and the namespaces
// that it took over from its engine (a rootless engine's user namespace, the network of the container around it).

import { displayName } from '../containers/display-name.ts';
import type { IdentityResolver } from '../containers/identify.ts';
import { containerKey, type Identity } from '../containers/identity.ts';
import type { NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import { parseNamespaceLink } from '../kernel/text/namespace-link.ts';
import { statOf } from '../kernel/process-stat.ts';
import type { ProcessStat } from '../kernel/text/stat.ts';
import type { Crowd } from './crowd.ts';
import { linksOf } from './discover/process-namespaces.ts';
import type { Scan } from './discover/scan.ts';
import { judgeOfInitial } from './initial.ts';

/** A process that entered a container. */
export interface Entry {
  readonly pid: number;
  readonly comm: string;
  /** The container, in a form that is a target. */
  readonly container: string;
  /** In which of the container's own namespaces it is, and in which it is not. */
  readonly shared: readonly NamespaceKind[];
  readonly missing: readonly NamespaceKind[];
  /** Is it in the container's cgroup, too? */
  readonly inCgroup: boolean;
  /** The unit, or other container, by its cgroup: it tells the session even when who started it has ended. */
  readonly name: string | null;
  /** The nearest process above it that is outside. Absent (null): it has ended, or is beyond this /proc. */
  readonly starter: Starter | null;
}

export interface Starter {
  readonly pid: number;
  readonly comm: string;
  /** The unit or container that it is part of. */
  readonly name: string | null;
  /** The owner of its folder in /proc. Absent (null) when it has ended meanwhile. */
  readonly uid: number | null;
}

export interface Entered {
  /** By pid, ascending. */
  readonly entries: ReadonlyMap<number, Entry>;
  /** What has entered the container that this process runs in; undefined: it runs in none. */
  readonly into: (pid: number) => readonly Entry[] | undefined;
}

type Links = ReadonlyMap<NamespaceKind, string>;

interface Process {
  readonly stat: ProcessStat;
  readonly identity: Identity | undefined;
  /** Of its container; undefined: by its cgroup it is in none. */
  readonly key: string | undefined;
  /** None, where they are closed to us. */
  readonly links: Links;
}

interface Container {
  readonly key: string;
  readonly name: string;
  readonly identity: Identity;
  readonly first: Process;
  /** The nearest process above the first that is not in the cgroup; undefined: none that we see. */
  readonly keeper: Process | undefined;
  /** The namespaces that were made for it. */
  readonly own: Links;
}

/** Which container was meant is told by the namespace that the fewest containers have in common. */
const TELLING: readonly NamespaceKind[] = ['mnt', 'pid', 'cgroup', 'user', 'ipc', 'uts', 'net', 'time'];

/** Deeper is a process tree only when it is made to be. */
const MAX_ANCESTORS = 200;

/**
 * Needs a look at every process. Containers are those that cgroups tell of: inside one, where cgroups are hidden, none
 * is known. A monitor is known by its command line, which any process can choose.
 */
export function enteredProcesses({ scan, resolver }: Crowd): Entered {
  const { host } = scan;
  const pids = [...scan.processes, ...scan.closed].toSorted((a, b) => a - b);
  const look = new Look(host, readProcesses(host, resolver, pids, linksByPid(scan)));
  const entries = new Map<number, Entry>();
  const keys = new Map<number, string>();
  for (const [pid, process] of look.processes) {
    const container = look.entered(process);
    if (container === undefined) continue;
    entries.set(pid, look.entryOf(process, container));
    keys.set(pid, container.key);
  }
  const into = (pid: number): readonly Entry[] | undefined => {
    const key = look.processes.get(pid)?.key;
    return key === undefined ? undefined : [...entries.values()].filter((entry) => keys.get(entry.pid) === key);
  };
  return { entries, into };
}

type LinksByPid = (pid: number) => Links;

function linksByPid(scan: Scan): LinksByPid {
  const byKind = [...scan.kinds].map((kind) => [kind, linksOf(scan, kind)] as const);
  return (pid) =>
    new Map(
      byKind.flatMap(([kind, texts]) => {
        const text = texts.get(pid);
        return text === undefined ? [] : [[kind, text] as const];
      }),
    );
}

/** The dead are in no namespace that counts, and in v1 hierarchies no longer in their cgroup. */
function readProcesses(
  host: Host,
  resolver: IdentityResolver,
  pids: readonly number[],
  links: LinksByPid,
): ReadonlyMap<number, Process> {
  const processes = new Map<number, Process>();
  for (const pid of pids) {
    const stat = valueOf(statOf(host, pid));
    if (stat === undefined || stat.state === 'Z' || stat.state === 'X') continue;
    const identity = valueOf(resolver.identify(pid));
    const isInside = identity?.role === 'payload' && identity.evidence === 'cgroup';
    processes.set(pid, { stat, identity, key: isInside ? containerKey(identity) : undefined, links: links(pid) });
  }
  return processes;
}

class Look {
  readonly processes: ReadonlyMap<number, Process>;
  private readonly host: Host;
  private readonly containers = new Map<string, Container>();
  /** Whose a namespace is: of several containers that have it the one that was there first. */
  private readonly owners = new Map<string, Container>();
  private readonly isForeign: (kind: NamespaceKind, text: string) => boolean;

  constructor(host: Host, processes: ReadonlyMap<number, Process>) {
    this.host = host;
    this.processes = processes;
    this.isForeign = foreignTo(host);
    for (const process of [...processes.values()].toSorted(byStart)) {
      const { key, identity } = process;
      if (key === undefined || identity === undefined || this.containers.has(key)) continue;
      const container = this.containerOf(process, key, identity);
      if (container === undefined) continue;
      this.containers.set(key, container);
      for (const text of container.own.values()) if (!this.owners.has(text)) this.owners.set(text, container);
    }
  }

  /** undefined: in the host's namespaces only, as a process that was moved into the cgroup is. */
  private containerOf(first: Process, key: string, identity: Identity): Container | undefined {
    const foreign = [...first.links].filter(([kind, text]) => this.isForeign(kind, text));
    const name = displayName(identity);
    if (foreign.length === 0 || name === null) return undefined;
    const keeper = this.above(first, (other) => other.key === key);
    const own = new Map(foreign.filter(([kind, text]) => keeper?.links.get(kind) !== text));
    return { key, name, identity, first, keeper, own };
  }

  /** The container that a process has entered; undefined: none. */
  entered(process: Process): Container | undefined {
    const home = process.key === undefined ? undefined : this.containers.get(process.key);
    for (const kind of TELLING) {
      const text = process.links.get(kind);
      const owner = text === undefined ? undefined : this.owners.get(text);
      if (owner === undefined || owner === home || looksAfter(process, owner)) continue;
      // Containers share what their engine is told to let them share; the mount namespace is never among it.
      if (kind !== 'mnt' && home?.first.links.get(kind) === text) continue;
      return owner;
    }
    return home !== undefined && this.isHalfIn(process, home) ? home : undefined;
  }

  /**
   * Moved into the cgroup, but left in namespaces around the container. What the container runs itself has a process
   * above it that is in all of them, or namespaces of its own. The second kernel of a sandbox is where it likes.
   */
  private isHalfIn(process: Process, home: Container): boolean {
    if (home.identity.sandbox !== null || !isPartlyIn(process, home)) return false;
    const stayedOut = [...home.own.keys()].some((kind) => {
      const text = process.links.get(kind);
      return text !== undefined && (!this.isForeign(kind, text) || home.keeper?.links.get(kind) === text);
    });
    const above = this.above(process, (other) => other.key === home.key && !isWhollyIn(other, home));
    return stayedOut && above?.key !== home.key;
  }

  entryOf(process: Process, container: Container): Entry {
    const isShared = ([kind, text]: readonly [NamespaceKind, string]): boolean => process.links.get(kind) === text;
    const kinds = [...container.own];
    return {
      pid: process.stat.pid,
      comm: process.stat.comm,
      container: container.name,
      shared: kinds.filter(isShared).map(([kind]) => kind),
      missing: kinds.filter((each) => !isShared(each)).map(([kind]) => kind),
      inCgroup: process.key === container.key,
      name: cgroupName(process),
      starter: this.starterOf(process, container),
    };
  }

  /**
   * Who is left without a parent hangs on process 1, or on what takes its place for a part of the tree: a systemd of a
   * user, a shim, and in a pid namespace the first process there.
   */
  private starterOf(process: Process, container: Container): Starter | null {
    const above = this.above(process, (other) => other.key !== container.key && isPartlyIn(other, container));
    if (above === undefined || above.key === container.key) return null;
    if (above.identity?.role === 'monitor' || above.stat.comm === 'systemd') return null;
    const { pid, comm } = above.stat;
    return { pid, comm, name: cgroupName(above), uid: valueOf(this.host.stat(`/proc/${pid}`))?.uid ?? null };
  }

  /** The nearest ancestor that is not `passed`. undefined: none that we see, or only the first process. */
  private above(process: Process, passed: (process: Process) => boolean): Process | undefined {
    let current: Process | undefined = process;
    for (let count = 0; count < MAX_ANCESTORS; count += 1) {
      current = current.stat.ppid <= 1 ? undefined : this.processes.get(current.stat.ppid);
      if (current === undefined || !passed(current)) return current;
    }
    return undefined;
  }
}

function byStart({ stat: a }: Process, { stat: b }: Process): number {
  if (a.startTicks !== b.startTicks) return a.startTicks < b.startTicks ? -1 : 1;
  return a.pid - b.pid;
}

/** Is it certain that a namespace is not the host's? */
function foreignTo(host: Host): (kind: NamespaceKind, text: string) => boolean {
  const judge = judgeOfInitial(host);
  return (kind, text) => {
    const id = valueOf(parseNamespaceLink(text, ''));
    return id !== undefined && judge(kind, id.inode) === false;
  };
}

function isWhollyIn({ links }: Process, { own }: Container): boolean {
  return [...own].every(([kind, text]) => links.get(kind) === text);
}

function isPartlyIn({ links }: Process, { own }: Container): boolean {
  return [...own].some(([kind, text]) => links.get(kind) === text);
}

/** A shim, a conmon, the machine monitor of a sandbox, what runs beside the containers of a pod. */
function looksAfter({ identity }: Process, { identity: container }: Container): boolean {
  if (identity?.role !== 'monitor') return false;
  return identity.id === null ? identity.podUid === container.podUid : identity.id === container.id;
}

/** Who it is by its cgroup: its mounts are those of the container that it entered. */
function cgroupName({ identity }: Process): string | null {
  if (identity === undefined) return null;
  if (identity.evidence === 'cgroup') return displayName(identity);
  return identity.unit === null ? null : `unit:${identity.unit}`;
}
