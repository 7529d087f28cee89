// Who a process belongs to, with no daemon asked: its cgroup tells engine and id, the engine's files tell the rest;
// where the cgroup tells nothing, the mounts of its mount namespace do, and for monitors their command lines.

import { memo } from '../kernel/memo.ts';
import { value, type Reading } from '../kernel/host.ts';
import { parseCgroup, type CgroupMembership } from '../kernel/text/cgroup.ts';
import { identifyMemberships, identifyPath, type PathIdentity, type PathLevel } from './cgroup-identity.ts';
import { taskOf } from './containerd.ts';
import { Shelf, type Facts } from './engine-reader.ts';
import type { Files, Root } from './files.ts';
import { nobody, type Identity } from './identity.ts';
import { ancestorOutside, bundleOf, childrenOf, hasCommandLine, monitorAt } from './kin.ts';
import { lookUp, notFound, type Clues, type Found } from './lookup.ts';
import { readMounts } from './told-mounts.ts';

/** One process. For many, a resolver. Errors: as of reading /proc/PID/cgroup. */
export function identifyProcess(files: Files, pid: number): Reading<Identity> {
  return new IdentityResolver(files).identify(pid);
}

/**
 * By two small files, is it a container's or a monitor's? False can be wrong: where only its mounts or the list of
 * containerd's tasks would tell.
 */
export function looksContained(files: Files, pid: number): boolean {
  const file = `/proc/${pid}/cgroup`;
  const bytes = files.readFile(file);
  const memberships = bytes.ok ? parseCgroup(bytes.value, file) : bytes;
  if (memberships.ok && identifyMemberships(memberships.value).levels.length > 0) return true;
  return monitorAt(files, pid) !== undefined;
}

interface Cgroup {
  /** The same text is the same place, so that it is taken apart once. */
  readonly text: string;
  readonly memberships: readonly CgroupMembership[];
  readonly path: PathIdentity;
}

const cgroups = memo<Reading<Cgroup>>();
const identities = memo<Identity | undefined>();
const containers = memo<Found>();

const latin1 = new TextDecoder('latin1');

/** Identities of many processes: each cgroup, each mount namespace and each engine's file is read once. */
export class IdentityResolver {
  private readonly files: Files;
  private readonly shelf: Shelf;

  constructor(files: Files) {
    this.files = files;
    this.shelf = new Shelf(files);
  }

  /** Errors: as of reading /proc/PID/cgroup. What else was not readable is in the identity's gaps. */
  identify(pid: number): Reading<Identity> {
    const cgroup = this.cgroupOf(pid);
    if (!cgroup.ok) return cgroup;
    const { text, path } = cgroup.value;
    const inside = identities(this.shelf, text, () => this.byPath(path, pid) ?? this.byTask(cgroup.value, pid));
    if (inside !== undefined) return value(inside);
    const base = this.outsideContainers(path, pid);
    return value(this.byMounts(base, pid) ?? this.byCommandLine(base, pid) ?? this.unseen(base, pid));
  }

  /**
   * Whose a cgroup is, by its path. `pid`: a process in it, where it is asked for only if the engine's files are not in
   * the usual place; without one a container within a container has no name.
   */
  ofCgroup(path: string, pid: () => number | undefined): Identity {
    const { levels, unit, uid } = identifyPath(path);
    const level = levels.at(-1);
    if (level === undefined) return { ...nobody, unit, uid: plainUser(uid) };
    const found = containers(this.shelf, `cgroup ${keyOf(levels)}`, () => {
      const inside = pid();
      if (inside !== undefined) return this.factsOf(levels, level, inside);
      const place = { prefix: '', uid: plainUser(level.uid) };
      const { engine, id, podUid } = level;
      if (id === null || levels.length > 1) return notFound;
      return lookUp(this.shelf, { engine, id, podUid, place }, () => ({ bundle: null, mounted: null }));
    });
    return named(fromLevel(level), found);
  }

  /** Of a process without unit and pod its mounts may have told more, had we been let. Kernel threads have none. */
  private unseen(base: Identity, pid: number): Identity {
    const { gap } = readMounts(this.shelf, pid);
    if (gap === undefined || gap.reason === 'gone' || base.unit !== null || base.evidence !== null) return base;
    return hasCommandLine(this.files, pid) ? { ...base, gaps: [gap] } : base;
  }

  private cgroupOf(pid: number): Reading<Cgroup> {
    const file = `/proc/${pid}/cgroup`;
    const bytes = this.files.readFile(file);
    if (!bytes.ok) return bytes;
    // As Latin-1 no two contents are one text.
    const text = latin1.decode(bytes.value);
    return cgroups(this.shelf, text, () => {
      const memberships = parseCgroup(bytes.value, file);
      if (!memberships.ok) return memberships;
      return value({ text, memberships: memberships.value, path: identifyMemberships(memberships.value) });
    });
  }

  /** By the cgroup. undefined: it is no container's, at most a pod's. */
  private byPath({ levels }: PathIdentity, pid: number): Identity | undefined {
    return levels.at(-1)?.id === null ? undefined : this.inLevels(levels, pid);
  }

  /** The container of the last of these levels, in those around it. */
  private inLevels(levels: readonly PathLevel[], pid: number): Identity | undefined {
    const level = levels.at(-1);
    if (level === undefined) return undefined;
    const found = containers(this.shelf, keyOf(levels), () => this.factsOf(levels, level, pid));
    return { ...named(fromLevel(level), found), outer: this.outerOf(levels, pid) };
  }

  private outerOf(levels: readonly PathLevel[], pid: number): readonly Identity[] {
    return levels.slice(1).flatMap((_, index) => this.inLevels(levels.slice(0, index + 1), pid) ?? []);
  }

  private factsOf(levels: readonly PathLevel[], level: PathLevel, pid: number): Found {
    const { engine, id, podUid } = level;
    if (id === null) return notFound;
    const keeper = (): number | undefined => ancestorOutside(this.files, pid, (each) => this.isInside(each, levels));
    if (levels.length === 1) {
      const place = { prefix: '', uid: plainUser(level.uid) };
      const found = lookUp(this.shelf, { engine, id, podUid, place }, () => this.cluesOf(pid, id, keeper()));
      return found.facts.name === null && found.facts.pod === null ? this.byKeeper(found, id, pid, keeper()) : found;
    }
    // An engine within a container has its files there: they are reached through the process it left outside.
    const outside = keeper();
    if (outside === undefined) return notFound;
    const prefix = `/proc/${outside}/root`;
    return lookUp(this.shelf, { engine, id, podUid, place: { prefix, uid: null } }, () => ({
      bundle: bundleOf(this.files, outside, monitorAt(this.files, outside), prefix),
      mounted: null,
    }));
  }

  /** Monitors have the id of what they look after, but are outside of it. */
  private isInside(pid: number, levels: readonly PathLevel[]): boolean {
    const cgroup = this.cgroupOf(pid);
    const same = cgroup.ok ? cgroup.value.path.levels.slice(0, levels.length) : [];
    return keyOf(same) === keyOf(levels) && same.at(-1)?.role === 'payload';
  }

  /** What the monitor has on its command line, for when no file tells or we may not read it. */
  private byKeeper(found: Found, id: string, pid: number, keeper: number | undefined): Found {
    const monitor = keeper === undefined ? undefined : monitorAt(this.files, keeper);
    const name = monitor?.name ?? null;
    // LXC numbers its cgroups where one was left over: `web-1` is the container web.
    const isSame = name !== null && (monitor?.id === id || id.startsWith(`${name}-`));
    // gVisor runs its second kernel as a process within the cgroup.
    const sandbox = found.facts.sandbox ?? monitor?.sandbox ?? monitorAt(this.files, pid)?.sandbox ?? null;
    return { ...found, facts: { ...found.facts, name: isSame ? name : null, sandbox } };
  }

  private cluesOf(pid: number, id: string, keeper: number | undefined): Clues {
    const monitor = keeper === undefined ? undefined : monitorAt(this.files, keeper);
    return {
      bundle: keeper === undefined ? null : bundleOf(this.files, keeper, monitor, ''),
      mounted: this.mountedAround(pid, id),
    };
  }

  /** The engine's folder, by the mounts of a process in the container, or, from a container in it, of one around that. */
  private mountedAround(pid: number, id: string): Root | null {
    const tellsOther = (each: number): boolean => readMounts(this.shelf, each).told?.id !== id;
    const teller = tellsOther(pid) ? ancestorOutside(this.files, pid, tellsOther) : pid;
    return teller === undefined ? null : (readMounts(this.shelf, teller).told?.folder ?? null);
  }

  /** The engine's folder, by the mounts of the container that a monitor started. */
  private mountedBelow(pid: number, id: string): Root | null {
    for (const child of childrenOf(this.files, pid)) {
      const { told } = readMounts(this.shelf, child);
      if (told?.id === id) return told.folder;
    }
    return null;
  }

  /** Containers of containerd whose cgroup is `/NAMESPACE/ID`, of any characters: only its files tell. */
  private byTask({ memberships, path, text }: Cgroup, pid: number): Identity | undefined {
    if (path.unit !== null || path.levels.length > 0) return undefined;
    const shim = (): string | undefined => {
      const keeper = ancestorOutside(this.files, pid, (each) => {
        const cgroup = this.cgroupOf(each);
        return cgroup.ok && cgroup.value.text === text;
      });
      const monitor = keeper === undefined ? undefined : monitorAt(this.files, keeper);
      const bundle = keeper === undefined ? null : bundleOf(this.files, keeper, monitor, '');
      // A plain user's program may be called as a shim is.
      return bundle?.owner === undefined ? bundle?.path : undefined;
    };
    const task = taskOf(this.shelf, new Set(memberships.map((membership) => membership.path)), shim);
    if (task === undefined) return undefined;
    const level: Identity = { ...nobody, engine: 'containerd', id: task.id, role: 'payload', evidence: 'cgroup' };
    return named(level, { ...notFound, facts: task.facts });
  }

  /** In a pod at most. */
  private outsideContainers({ levels, unit, uid }: PathIdentity, pid: number): Identity {
    const pod = levels.at(-1);
    if (pod === undefined) return { ...nobody, unit, uid: plainUser(uid) };
    return { ...fromLevel(pod), outer: this.outerOf(levels, pid) };
  }

  private byMounts(base: Identity, pid: number): Identity | undefined {
    const { told } = readMounts(this.shelf, pid);
    if (told === undefined) return undefined;
    const { engine, id, name, owner, folder } = told;
    const podUid = told.podUid ?? base.podUid;
    const container = { ...base, engine, id, name, podUid, uid: owner, role: 'payload', evidence: 'mounts' } as const;
    if (id === null) return container;
    const query = { engine, id, podUid, place: { prefix: '', uid: owner } };
    const found = containers(this.shelf, `mounted ${engine} ${id} ${folder?.path} ${owner}`, () =>
      lookUp(this.shelf, query, () => ({ bundle: null, mounted: folder })),
    );
    return named(container, found);
  }

  private byCommandLine(base: Identity, pid: number): Identity | undefined {
    const monitor = monitorAt(this.files, pid);
    if (monitor === undefined) return undefined;
    const { engine, id, name, sandbox } = monitor;
    const status = this.files.stat(`/proc/${pid}`);
    if (!status.ok) return undefined;
    const uid = plainUser(status.value.uid);
    const query = { engine, id, podUid: base.podUid, place: { prefix: '', uid } };
    const bundle = bundleOf(this.files, pid, monitor, '');
    const found = containers(this.shelf, `monitored ${engine} ${id} ${bundle?.path} ${uid}`, () =>
      lookUp(this.shelf, query, () => ({ bundle, mounted: this.mountedBelow(pid, id) })),
    );
    return named({ ...base, engine, id, name, sandbox, uid, role: 'monitor', evidence: 'cmdline' }, found);
  }
}

/** Which container it is, whatever is running in it. */
function keyOf(levels: readonly PathLevel[]): string {
  return levels.map((level) => `${level.engine} ${level.id} ${level.podUid} ${level.uid}`).join('/');
}

function plainUser(uid: number | null): number | null {
  return uid === 0 ? null : uid;
}

function fromLevel(level: PathLevel): Identity {
  return { ...nobody, ...level, uid: plainUser(level.uid), evidence: 'cgroup' };
}

/** What the files tell goes before what the path told: it is the name without decoration. */
function named(identity: Identity, { facts, owner, folder }: Found): Identity {
  const { engine, name, image, pod, podNamespace, podUid, sandbox, gaps }: Facts = facts;
  return {
    ...identity,
    engine: engine ?? identity.engine,
    name: name ?? identity.name,
    image,
    pod,
    podNamespace,
    podUid: podUid ?? identity.podUid,
    uid: identity.uid ?? owner,
    sandbox: sandbox ?? identity.sandbox,
    folder,
    gaps,
  };
}
