// Namespaces as they appear and vanish: what to look at when, and what is said of it. Looks are synchronous and made when
// the caller says so; nothing here waits.

import { namespaceKinds, type NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { GapTally } from '../../kernel/gap-tally.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import type { ProcessEvent } from '../../kernel/netlink/process-events.ts';
import { parseNamespaceLink, type NamespaceId } from '../../kernel/text/namespace-link.ts';
import { bindMounts, readMounts } from '../discover/bind-mounts.ts';
import { noteMountNamespace } from '../discover/chrooted.ts';
import { discoverNamespaces } from '../discover/discover.ts';
import { emptyScan, type Scan } from '../discover/scan.ts';
import { namespaceRows, type Fact, type NamespaceRow } from '../rows.ts';
import { KnownNamespaces, type NamespaceChange, type Sight, type WatchedNamespace } from './known-namespaces.ts';

/** A change of a namespace, and what was known of it when it appeared. */
export type WatchEvent = NamespaceChange & { readonly row: NamespaceRow };

const ALL_KINDS = namespaceKinds.map((entry) => entry.kind);

/** Watches the namespaces of some kinds; the caller tells what the kernel told, and when to look at everything. */
export class NamespaceWatch {
  /** What could not be looked at since the start; what ended meanwhile is in `unseen`. */
  readonly gaps: GapTally = new GapTally();
  /** Processes that ended before they were looked at after something had happened to them. */
  unseen = 0;
  private readonly rows = new WeakMap<WatchedNamespace, NamespaceRow>();
  private readonly known: KnownNamespaces;
  private readonly host: Host;
  /** Mount namespaces are always known: each has mounts of its own. */
  private readonly kinds: ReadonlySet<NamespaceKind>;
  private readonly wanted: ReadonlySet<NamespaceKind>;
  private readonly facts: ReadonlySet<Fact>;
  private idsAreKnown = true;

  constructor(host: Host, kinds: ReadonlySet<NamespaceKind>, facts: ReadonlySet<Fact>) {
    this.host = host;
    this.wanted = kinds;
    this.kinds = new Set(ALL_KINDS.filter((kind) => kinds.has(kind) || kind === 'mnt'));
    this.facts = facts;
    this.known = new KnownNamespaces((sight) => this.idOf(sight));
  }

  /** The first look: all that is there appears. The scan has what could not be seen. */
  begin(now: number): { readonly events: readonly WatchEvent[]; readonly scan: Scan } {
    const scan = discoverNamespaces(this.host, this.kinds);
    return { scan, events: this.describe(this.known.lookedAtAll(sightsOf(scan), now), scan) };
  }

  /**
   * A look at everything. What seems gone is looked for once more: a look takes its time, and a child may have been made
   * behind it by what it saw end.
   */
  look(now: number): readonly WatchEvent[] {
    const scan = discoverNamespaces(this.host, this.kinds);
    const sights = sightsOf(scan);
    if (this.known.lacksSome(sights)) {
      for (const [text, sight] of sightsOf(discoverNamespaces(this.host, this.kinds))) {
        if (!sights.has(text)) sights.set(text, sight);
      }
    }
    return this.describe(this.known.lookedAtAll(sights, now), scan);
  }

  /** What the kernel told, in its order: only the processes concerned are looked at. */
  hear(events: readonly ProcessEvent[], now: number): readonly WatchEvent[] {
    const touched = new Set<number>();
    let hasEnded = false;
    for (const event of events) {
      if (event.type === 'answer') continue;
      if (event.type === 'exit') {
        hasEnded = true;
        if (touched.delete(event.pid)) this.unseen += 1;
        this.known.ended(event.pid);
        continue;
      }
      if (event.type === 'fork') {
        this.known.forked(event.parent, event.pid);
        touched.add(event.parent);
      }
      touched.add(event.pid);
    }
    const found = [...touched].flatMap((pid) => this.lookAt(pid, now));
    return hasEnded ? [...found, ...this.settle(now)] : found;
  }

  private lookAt(pid: number, now: number): readonly WatchEvent[] {
    const links = this.linksOf(pid);
    if (links === undefined) return [];
    // At once, while it is still there to be described.
    return this.describe(this.known.lookedAt(pid, links, now));
  }

  /** undefined: it has ended, or is closed to us. */
  private linksOf(pid: number): ReadonlyMap<string, NamespaceId> | undefined {
    const links = new Map<string, NamespaceId>();
    for (const kind of this.kinds) {
      const path = `/proc/${pid}/ns/${kind}`;
      const link = this.host.readLink(path);
      if (link.ok) {
        const id = parseNamespaceLink(link.value, path);
        if (id.ok) links.set(link.value, id.value);
        continue;
      }
      if (link.gap.reason === 'gone') continue;
      this.gaps.add('process', link.gap);
      return undefined;
    }
    if (links.size > 0) return links;
    this.unseen += 1;
    this.known.ended(pid);
    return undefined;
  }

  /** Somebody has ended: `ip netns add` leaves a mount, and others leave nothing. */
  private settle(now: number): readonly WatchEvent[] {
    const own = emptyScan(this.host, this.kinds);
    readMounts(own, { text: null, pid: this.host.self.pid, folder: '/proc/self', root: '' });
    const appeared = this.describe(this.known.lookedAtMounts(sightsOf(own), now), own);
    if (!this.known.hasEmptied) return appeared;
    const all = emptyScan(this.host, this.kinds);
    for (const [text, pid] of this.known.ofKind('mnt')) noteMountNamespace(all, text, pid);
    bindMounts.discover(all);
    return [...appeared, ...this.describe(this.known.settle(sightsOf(all)))];
  }

  private describe(changes: readonly NamespaceChange[], scan?: Scan): readonly WatchEvent[] {
    const appeared = changes.flatMap(({ type, namespace }) => (type === 'appeared' ? [namespace] : []));
    if (appeared.length > 0) this.readRows(appeared, scan);
    return changes.flatMap((change) => {
      const row = this.rows.get(change.namespace);
      return row === undefined || !this.wanted.has(row.type) ? [] : [{ ...change, row }];
    });
  }

  /** All of them together, so that what several rows need is read once. */
  private readRows(appeared: readonly WatchedNamespace[], scan: Scan | undefined): void {
    const few = emptyScan(this.host, this.kinds);
    const byText = new Map(appeared.map((namespace) => [textOf(namespace), namespace]));
    for (const [text, namespace] of byText) {
      const seen = scan?.namespaces.get(text);
      const { kind, inode, pids, mounts } = namespace;
      const fresh = { kind, inode, pids: [...pids], mounts: [...mounts], foreignMounts: [], holders: [] };
      few.namespaces.set(text, seen ?? fresh);
    }
    for (const row of namespaceRows(few, this.facts)) {
      const namespace = byText.get(textOf({ kind: row.type, inode: row.ns }));
      if (namespace !== undefined) this.rows.set(namespace, row);
    }
  }

  private idOf({ kind, inode, pids, mounts }: Sight): bigint | undefined {
    if (!this.idsAreKnown) return undefined;
    const [pid] = pids;
    const door = pid === undefined ? mounts[0] : `/proc/${pid}/ns/${kind}`;
    if (door === undefined) return undefined;
    // The process may have gone elsewhere meanwhile, and an id of another namespace would be worse than none.
    if (valueOf(this.host.askNamespace(door, [])) !== inode) return undefined;
    const id = this.host.askNamespace(door, ['NS_GET_ID']);
    if (!id.ok && id.gap.reason === 'unsupported') this.idsAreKnown = false;
    return valueOf(id);
  }
}

function textOf({ kind, inode }: NamespaceId): string {
  return `${kind}:[${inode}]`;
}

function sightsOf(scan: Scan): Map<string, Sight> {
  return new Map(
    [...scan.namespaces].map(([text, { kind, inode, pids, mounts, foreignMounts }]) => [
      text,
      { kind, inode, pids, mounts: [...mounts, ...foreignMounts] },
    ]),
  );
}
