// The course of `net monitor`: waits for names and changes, tells them, until it is ended.

import type { FolderEvent, FolderEvents } from '../../host/linux/folder-events.ts';
import type { NetworkEventSocket } from '../../host/linux/network-event-socket.ts';
import { allNetworkNames, typedName, type NetworkName } from '../../inspect/network-names.ts';
import { NetworkRecord, type NetworkChange } from '../../inspect/network/network-record.ts';
import { readNetworkDump } from '../../inspect/network/network-dump.ts';
import { errorOfGap } from '../../kernel/error.ts';
import { GapTally } from '../../kernel/gap-tally.ts';
import type { Host, NamespaceDoor } from '../../kernel/host.ts';
import { NAME_FOLDERS } from '../../namespaces/discover/names.ts';
import type { Context, Streaming } from '../define-command.ts';
import { Wake } from '../wake.ts';
import { monitorLine, type Followed, type MonitorReport } from './net-monitor-report.ts';

/** A network namespace to follow. */
export interface Followable extends Followed {
  readonly door: NamespaceDoor;
  /** With its name it is let go. Absent (null): it was not called by one. */
  readonly path: string | null;
}

export interface MonitorQuery {
  readonly followed: readonly Followable[];
  /** Unit: milliseconds. */
  readonly duration: number;
  readonly ndjson: boolean;
}

interface Following extends Followable {
  readonly socket: NetworkEventSocket;
  readonly record: NetworkRecord;
}

/** A file is made before the namespace is mounted on it: so long a name may take to have one. Unit: milliseconds. */
const NAMING_MS = 500;
const NAMING_LOOK_MS = 20;
/** At the end: as many as a full socket takes. */
const MOST_ROUNDS = 100;

/** Errors: of what is to be followed: DENIED, UNSUPPORTED, NO_NAMESPACE. */
export async function monitorNetworks(
  query: MonitorQuery,
  host: Host,
  context: Context,
  streaming: Streaming,
): Promise<number> {
  const wake = new Wake(streaming.ending);
  const up = (): void => wake.up();
  const following: Following[] = [];
  const names = await context.folderEvents(NAME_FOLDERS, up);
  try {
    // Before the first look: what happens during it is told.
    for (const one of query.followed) {
      const socket = await context.networkEvents(one.door, up);
      if (!socket.ok) throw errorOfGap(socket.gap, `cannot follow '${one.word}'`);
      following.push({ ...one, socket: socket.value, record: new NetworkRecord() });
    }
    if (!names.ok) throw errorOfGap(names.gap, 'cannot follow the names of networks');
    const course = new Course(query, host, streaming, following, names.value);
    await course.begin();
    while (!streaming.ending.aborted && course.remaining() > 0) await wake.sleep(await course.round());
    await course.end();
  } finally {
    for (const { socket } of following) socket.close();
    if (names.ok) names.value.close();
  }
  return 0;
}

class Course {
  private readonly query: MonitorQuery;
  private readonly host: Host;
  private readonly streaming: Streaming;
  private readonly following: Following[];
  private readonly names: FolderEvents;
  private readonly gaps = new GapTally();
  private readonly started = performance.now();
  /** By path. */
  private known = new Map<string, NetworkName>();
  /** Made, and without a namespace yet: since when. */
  private readonly unnamed = new Map<string, number>();
  /** Of which something was not told: to be looked at. */
  private readonly unsure = new Set<Following>();
  private changes = 0;
  private overruns = 0;

  constructor(query: MonitorQuery, host: Host, streaming: Streaming, following: Following[], names: FolderEvents) {
    this.query = query;
    this.host = host;
    this.streaming = streaming;
    this.following = following;
    this.names = names;
  }

  /** Milliseconds until it ends by itself. */
  remaining(): number {
    return this.started + this.query.duration - performance.now();
  }

  async begin(): Promise<void> {
    this.known = this.look();
    for (const one of this.following) this.renew(one);
    const followed = this.following.map(({ word, ns }) => ({ word, ns }));
    await this.say([{ type: 'start', followed, gaps: this.gaps.list() }]);
  }

  /** Hears and says what there is; how long to sleep after that. */
  async round(): Promise<number> {
    if (await this.hearAll()) return 0;
    const next = this.unnamed.size > 0 ? NAMING_LOOK_MS : Infinity;
    // A timer takes no more.
    return Math.max(Math.min(next, this.remaining(), 2 ** 31 - 1), 0);
  }

  /** Is there more to hear at once? */
  private async hearAll(): Promise<boolean> {
    const reports: MonitorReport[] = [];
    let more = false;
    for (const one of this.following) more = this.hear(one, reports) || more;
    this.hearNames(reports);
    await this.say(reports);
    return more;
  }

  private hear(one: Following, reports: MonitorReport[]): boolean {
    const { events, overrun, more } = one.socket.read();
    const changes: NetworkChange[] = [];
    let isUnsure = false;
    for (const event of events) {
      const heard = one.record.hear(event);
      changes.push(...heard.changes);
      isUnsure ||= heard.isUnsure;
    }
    if (overrun) {
      this.overruns += 1;
      reports.push({ type: 'overrun', of: one });
    }
    if (overrun || isUnsure) this.unsure.add(one);
    // What is still to be read is older than a look would be.
    if (!more && this.unsure.delete(one)) changes.push(...this.renew(one));
    this.changes += changes.length;
    reports.push(...changes.map((change): MonitorReport => ({ type: 'network', of: one, change })));
    return more;
  }

  private renew({ door, record }: Following): readonly NetworkChange[] {
    const dump = readNetworkDump(this.host, door, this.gaps);
    return dump === undefined ? [] : record.renew(dump);
  }

  private look(): Map<string, NetworkName> {
    const { names, gaps } = allNetworkNames(this.host);
    for (const gap of gaps) this.gaps.add('name of a network', gap);
    return new Map(names.map((name) => [name.path, name]));
  }

  private hearNames(reports: MonitorReport[]): void {
    const { events, overrun } = this.names.read();
    const isWaiting = this.unnamed.size > 0;
    if (events.length === 0 && !overrun && !isWaiting) return;
    if (overrun) {
      this.overruns += 1;
      reports.push({ type: 'overrun', of: null });
    }
    const now = this.look();
    for (const event of events) this.take(event, reports);
    if (overrun) this.compare(now, reports);
    for (const [path, since] of this.unnamed) {
      const name = now.get(path);
      const isDue = performance.now() - since > NAMING_MS;
      if (name === undefined || (name.inode === null && !isDue)) continue;
      this.unnamed.delete(path);
      this.known.set(path, name);
      this.tellName('added', name, reports);
    }
  }

  private take({ folder, name, isGone }: FolderEvent, reports: MonitorReport[]): void {
    const path = `${folder}/${name}`;
    if (!isGone) {
      this.unnamed.set(path, performance.now());
      return;
    }
    // What was made and removed before it was looked at was there all the same.
    const known = this.known.get(path) ?? { name, path, inode: null };
    if (this.unnamed.delete(path)) this.tellName('added', known, reports);
    this.known.delete(path);
    this.tellName('removed', known, reports);
    this.unfollow(path, reports);
  }

  /** After an overrun. */
  private compare(now: ReadonlyMap<string, NetworkName>, reports: MonitorReport[]): void {
    for (const [path, name] of this.known) {
      if (now.has(path)) continue;
      this.known.delete(path);
      this.tellName('removed', name, reports);
      this.unfollow(path, reports);
    }
    for (const path of now.keys())
      if (!this.known.has(path) && !this.unnamed.has(path)) this.unnamed.set(path, performance.now());
  }

  private tellName(event: 'added' | 'removed', name: NetworkName, reports: MonitorReport[]): void {
    this.changes += 1;
    reports.push({ type: 'name', event, name: typedName(name), ns: name.inode });
  }

  private unfollow(path: string, reports: MonitorReport[]): void {
    for (const one of this.following.filter((each) => each.path === path)) {
      this.following.splice(this.following.indexOf(one), 1);
      one.socket.close();
      reports.push({ type: 'unfollowed', of: one });
    }
  }

  async end(): Promise<void> {
    // What was told up to now is still heard, unless others tell faster than that.
    for (let rounds = 0; rounds < MOST_ROUNDS && (await this.hearAll()); rounds += 1);
    await this.say([{ type: 'end', changes: this.changes, overruns: this.overruns, gaps: this.gaps.list() }]);
  }

  private async say(reports: readonly MonitorReport[]): Promise<void> {
    if (reports.length === 0) return;
    const time = new Date();
    await this.streaming.emit(reports.map((report) => monitorLine(report, time, this.query.ndjson)).join(''));
  }
}
