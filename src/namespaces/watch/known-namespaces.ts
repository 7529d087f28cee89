// Which namespaces are known, since when and who is in them, and what changes when somebody looks again.
//
// Inode numbers are used again at once when a namespace is gone. Two sights of one number are the same namespace if a
// process stayed, or if the kernel's id is the same (since Linux 6.18); on older kernels also if it is mounted where it was.

import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import type { NamespaceId } from '../../kernel/text/namespace-link.ts';

/** A namespace under watch. */
export interface WatchedNamespace extends NamespaceId {
  /** When it was first seen, in milliseconds. */
  readonly since: number;
  /** It was there at the first look, so that nobody knows how long it had lived. */
  readonly fromStart: boolean;
  /** The kernel's number for it, never given twice; undefined where it has none. */
  readonly id: bigint | undefined;
  /** Processes in it. */
  readonly pids: Set<number>;
  /** Where it is mounted. */
  mounts: readonly string[];
}

/** What a look saw of a namespace. */
export interface Sight extends NamespaceId {
  readonly pids: readonly number[];
  readonly mounts: readonly string[];
}

export type NamespaceChange =
  /** `reused`: another namespace had the same inode number until now. */
  | { readonly type: 'appeared'; readonly namespace: WatchedNamespace; readonly reused: boolean }
  | { readonly type: 'gone'; readonly namespace: WatchedNamespace }
  /** All that was in it is others now, and this kernel has no ids: it may be another one of the same number. */
  | { readonly type: 'unsure'; readonly namespace: WatchedNamespace };

/** Asks the kernel for the id of a namespace, by its link's text; undefined where it has none. */
export type IdOf = (sight: Sight) => bigint | undefined;

/** The namespaces that were seen last, by the text of the link. */
export class KnownNamespaces {
  private readonly known = new Map<string, WatchedNamespace>();
  /** The namespaces of each process, by the text of the link. */
  private readonly places = new Map<number, readonly string[]>();
  /** Those whose last process has left since somebody looked at the mounts. */
  private readonly emptied = new Set<string>();
  private hasLooked = false;
  private readonly idOf: IdOf;

  constructor(idOf: IdOf) {
    this.idOf = idOf;
  }

  /** Are there some that nothing is known to keep, so that all mounts have to be looked at? */
  get hasEmptied(): boolean {
    return this.emptied.size > 0;
  }

  /** The texts of those of one kind, each with a process in it. */
  ofKind(kind: NamespaceKind): ReadonlyMap<string, number> {
    const found = new Map<string, number>();
    for (const [text, namespace] of this.known) {
      const [pid] = namespace.pids;
      if (namespace.kind === kind && pid !== undefined) found.set(text, pid);
    }
    return found;
  }

  /** Is one of those that are known not among these? */
  lacksSome(sights: ReadonlyMap<string, Sight>): boolean {
    return [...this.known.keys()].some((text) => !sights.has(text));
  }

  /** All that there is, by the text of the link. */
  lookedAtAll(sights: ReadonlyMap<string, Sight>, now: number): readonly NamespaceChange[] {
    const changes: NamespaceChange[] = [];
    for (const [text, namespace] of this.known) if (!sights.has(text)) this.forget(text, namespace, changes);
    this.places.clear();
    this.emptied.clear();
    for (const [text, sight] of sights) {
      this.compare(text, sight, now, changes);
      for (const pid of sight.pids) this.places.set(pid, [...(this.places.get(pid) ?? []), text]);
    }
    this.hasLooked = true;
    return changes;
  }

  private compare(text: string, sight: Sight, now: number, changes: NamespaceChange[]): void {
    const before = this.known.get(text);
    if (before === undefined) {
      this.add(text, sight, { now, reused: false }, changes);
      return;
    }
    const stayed = sight.pids.some((pid) => before.pids.has(pid));
    const isSame = stayed || this.hasSameId(before, sight);
    if (isSame === false) {
      this.replace(text, before, sight, now, changes);
      return;
    }
    if (isSame === undefined && !sharesMount(sight, before)) changes.push({ type: 'unsure', namespace: before });
    before.pids.clear();
    for (const pid of sight.pids) before.pids.add(pid);
    before.mounts = sight.mounts;
  }

  /** A process, and the links that it has now. */
  lookedAt(pid: number, links: ReadonlyMap<string, NamespaceId>, now: number): readonly NamespaceChange[] {
    const changes: NamespaceChange[] = [];
    for (const text of this.places.get(pid) ?? []) if (!links.has(text)) this.leave(pid, text);
    for (const [text, id] of links) this.arrive(pid, text, id, now, changes);
    this.places.set(pid, [...links.keys()]);
    return changes;
  }

  private arrive(pid: number, text: string, id: NamespaceId, now: number, changes: NamespaceChange[]): void {
    const before = this.known.get(text);
    const sight = { ...id, pids: [pid], mounts: [] };
    if (before === undefined) {
      this.add(text, sight, { now, reused: false }, changes);
    } else if (this.emptied.has(text) && !this.isStill(before, sight)) {
      this.replace(text, before, sight, now, changes);
    } else {
      before.pids.add(pid);
      this.emptied.delete(text);
    }
  }

  /** Everybody had left, and now somebody is in it: without ids only what is mounted can have stayed. */
  private isStill(before: WatchedNamespace, sight: Sight): boolean {
    return this.hasSameId(before, sight) ?? before.mounts.length > 0;
  }

  /** A child is where its parent is, until it is looked at. */
  forked(parent: number, pid: number): void {
    // Its number may have been that of a process whose end nobody heard of.
    this.ended(pid);
    const places = this.places.get(parent);
    if (places === undefined) return;
    this.places.set(pid, places);
    for (const text of places) this.known.get(text)?.pids.add(pid);
  }

  ended(pid: number): void {
    for (const text of this.places.get(pid) ?? []) this.leave(pid, text);
    this.places.delete(pid);
  }

  /** What is mounted in our own mount namespace, by the text of the link. */
  lookedAtMounts(mounted: ReadonlyMap<string, Sight>, now: number): readonly NamespaceChange[] {
    const changes: NamespaceChange[] = [];
    for (const [text, sight] of mounted) {
      const before = this.known.get(text);
      if (before === undefined) this.add(text, sight, { now, reused: false }, changes);
      else before.mounts = sight.mounts;
    }
    for (const [text, { pids, mounts }] of this.known) {
      // What is mounted in other mount namespaces has paths through the processes there.
      const wasOurs = pids.size === 0 && mounts.every((path) => !path.startsWith('/proc/'));
      if (wasOurs && !mounted.has(text)) this.emptied.add(text);
    }
    return changes;
  }

  /** Those that everybody has left are gone, but for what is mounted anywhere. */
  settle(mounted: ReadonlyMap<string, Sight>): readonly NamespaceChange[] {
    const changes: NamespaceChange[] = [];
    for (const text of this.emptied) {
      const namespace = this.known.get(text);
      if (namespace === undefined) continue;
      namespace.mounts = mounted.get(text)?.mounts ?? [];
      if (namespace.mounts.length === 0) this.forget(text, namespace, changes);
    }
    this.emptied.clear();
    return changes;
  }

  private leave(pid: number, text: string): void {
    const namespace = this.known.get(text);
    namespace?.pids.delete(pid);
    if (namespace?.pids.size === 0) this.emptied.add(text);
  }

  private hasSameId(before: WatchedNamespace, sight: Sight): boolean | undefined {
    const id = before.id === undefined ? undefined : this.idOf(sight);
    return id === undefined ? undefined : id === before.id;
  }

  private replace(text: string, before: WatchedNamespace, sight: Sight, now: number, changes: NamespaceChange[]): void {
    this.forget(text, before, changes);
    this.emptied.delete(text);
    this.add(text, sight, { now, reused: true }, changes);
  }

  private add(
    text: string,
    sight: Sight,
    { now, reused }: { readonly now: number; readonly reused: boolean },
    changes: NamespaceChange[],
  ): void {
    const { kind, inode, pids, mounts } = sight;
    const fromStart = !this.hasLooked;
    const id = this.idOf(sight);
    const namespace = { kind, inode, since: now, fromStart, id, pids: new Set(pids), mounts };
    this.known.set(text, namespace);
    changes.push({ type: 'appeared', namespace, reused });
  }

  private forget(text: string, namespace: WatchedNamespace, changes: NamespaceChange[]): void {
    this.known.delete(text);
    changes.push({ type: 'gone', namespace });
  }
}

function sharesMount(sight: Sight, before: WatchedNamespace): boolean {
  return sight.mounts.some((path) => before.mounts.includes(path));
}
