// The facts about processes that a listing of capabilities shows, a row each: only those that were asked for are read.

import { allCapabilities } from '../../capabilities/all-capabilities.ts';
import { formatIab } from '../../capabilities/iab.ts';
import type { CapabilitySets } from '../../capabilities/sets.ts';
import { collapser, summarize } from '../../capabilities/summary.ts';
import { formatCapabilityText } from '../../capabilities/text.ts';
import { displayName } from '../../containers/display-name.ts';
import { IdentityResolver } from '../../containers/identify.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';
import { valueOf, type Host, type Reading } from '../../kernel/host.ts';
import { parseCmdline } from '../../kernel/text/cmdline.ts';
import { formatNamespaceLink, parseNamespaceLink, type NamespaceId } from '../../kernel/text/namespace-link.ts';
import { parsePasswd } from '../../kernel/text/passwd.ts';
import { executableCapabilities } from './executable.ts';
import { openSockets, type OpenSocket } from './open-sockets.ts';
import { TaskReader, type Task } from './tasks.ts';
import { userPlace, type UserPlace } from './user-place.ts';
import { verdictCode, type VerdictCode } from './verdict.ts';

/** A fact that costs reads, or long texts. */
export type CapsFact = 'user' | 'place' | 'command' | 'name' | 'texts' | 'file';

/** Sets are the shortest lists that `caps encode` reads. null: unknown, or there is none; a fact not asked for, too. */
export interface CapsRow extends SetCells, SocketCells {
  readonly pid: number;
  /** Of a row for a thread its own number, else that of the process. */
  readonly tid: number;
  readonly ppid: number;
  /** The name of the thread, which it chose. */
  readonly comm: string;
  /** The command line, its arguments joined by spaces; the name where there is none. */
  readonly command: string | null;
  /** The effective one. */
  readonly uid: number;
  readonly user: string | null;
  /** How many the process has. */
  readonly threads: number;
  readonly verdict: VerdictCode | null;
  /** The inode of its user namespace, where the capabilities count. */
  readonly userns: bigint | null;
  /** Who made that, by name; of the initial one root. */
  readonly owner: string | null;
  /** 0 is the initial one. */
  readonly level: number | null;
  /** In which set what was asked for is. */
  readonly has: 'effective' | 'permitted' | null;
  /** The capabilities of the file it executes. */
  readonly file: string | null;
  readonly name: string | null;
}

interface SetCells {
  /** All sets in a word: see summarize. */
  readonly caps: string;
  readonly effective: string;
  readonly permitted: string;
  readonly inheritable: string;
  readonly bounding: string;
  readonly ambient: string;
  readonly text: string | null;
  readonly iab: string | null;
}

interface SocketCells {
  readonly protocol: OpenSocket['protocol'] | null;
  readonly address: string | null;
  readonly port: number | null;
  readonly number: number | null;
  readonly interface: string | null;
  readonly netns: bigint | null;
}

const NO_SOCKET: SocketCells = {
  protocol: null,
  address: null,
  port: null,
  number: null,
  interface: null,
  netns: null,
};

export interface CapsQuery {
  /** Only these; absent: all but ourselves. */
  readonly pids?: readonly number[];
  /** Only those in this namespace. */
  readonly within: NamespaceId | undefined;
  /** Only those that have all of these, effective or permitted. */
  readonly has: bigint | undefined;
  /** Threads that are unlike the first of their process, too. */
  readonly threads: boolean;
  /** Processes without capabilities whose executable has some, too. */
  readonly files: boolean;
  /** Only those with a socket that waits for others: a row each. */
  readonly sockets: boolean;
  readonly facts: ReadonlySet<CapsFact>;
}

/** Reads each process, each user namespace and each name once, however many rows show it. */
export class CapsRows {
  private readonly host: Host;
  private readonly query: CapsQuery;
  private readonly gaps: GapTally;
  private readonly all: bigint | undefined;
  private readonly short: (mask: bigint) => string;
  private readonly tasks: TaskReader;
  private readonly resolver: IdentityResolver;
  private readonly words = new Map<CapabilitySets, SetCells>();
  private readonly places = new Map<string, UserPlace | null>();
  private readonly files = new Map<number, string | null>();
  private users: ReadonlyMap<number, string> | undefined;

  constructor(host: Host, query: CapsQuery, gaps: GapTally) {
    this.host = host;
    this.query = query;
    this.gaps = gaps;
    const all = allCapabilities(host);
    if (!all.ok) gaps.add('last capability of the kernel', all.gap);
    this.all = valueOf(all);
    this.short = collapser(this.all);
    this.tasks = new TaskReader(host, gaps);
    this.resolver = new IdentityResolver(host);
  }

  /** In the order of pids, threads behind their first. */
  list(): readonly CapsRow[] {
    const { host, query, gaps } = this;
    const { pids, threads, files, has } = query;
    const isWanted = (pid: number): boolean => files && this.fileOf(pid) !== null;
    const isIn = (pid: number): boolean => this.isIn(pid);
    const tasks = this.tasks.capable({ ...(pids === undefined ? {} : { pids }), threads, isIn, isWanted });
    const found = has === undefined ? tasks : tasks.filter((task) => holderOf(task, has) !== null);
    if (!query.sockets) return found.map((task) => this.row(task));
    // Nobody need be disturbed for nothing.
    const sockets = found.length === 0 ? new Map<number, OpenSocket[]>() : openSockets(host, gaps);
    return found.flatMap((task) => (sockets.get(task.pid) ?? []).map((socket) => this.row(task, socket)));
  }

  /** The same rows, and those of the processes above them, whatever they have. */
  withAncestors(rows: readonly CapsRow[]): readonly CapsRow[] {
    const known = new Map(rows.filter(({ pid, tid }) => pid === tid).map((row) => [row.pid, row]));
    const threads = rows.filter(({ pid, tid }) => pid !== tid);
    const wanted = [...known.values(), ...threads].map((row) => (row.pid === row.tid ? row.ppid : row.pid));
    for (let pid = wanted.pop(); pid !== undefined; pid = wanted.pop()) {
      if (pid === 0 || known.has(pid)) continue;
      const task = this.tasks.one(pid);
      if (task === undefined) continue;
      known.set(pid, this.row(task));
      wanted.push(task.ppid);
    }
    return [...known.values(), ...threads].toSorted((a, b) => a.pid - b.pid || order(a) - order(b));
  }

  private row(task: Task, socket?: OpenSocket): CapsRow {
    const { facts, has } = this.query;
    const { pid, tid, ppid, comm, uid, threads, sets } = task;
    const place = facts.has('place') ? this.placeOf(pid) : null;
    const { protocol, address, port, number, interface: name, netns } = socket ?? NO_SOCKET;
    return {
      pid,
      tid,
      ppid,
      comm,
      command: facts.has('command') ? this.commandOf(task) : null,
      uid,
      user: facts.has('user') ? this.userName(uid) : null,
      threads,
      verdict: facts.has('place') ? verdictCode(sets, this.all, place) : null,
      userns: place?.inode ?? null,
      owner: place === null || place.owner === null ? null : this.userName(place.owner),
      level: place?.level ?? null,
      ...this.wordsOf(sets),
      has: has === undefined ? null : holderOf(task, has),
      file: facts.has('file') ? this.fileOf(pid) : null,
      name: facts.has('name') ? this.nameOf(pid) : null,
      protocol,
      address,
      port,
      number,
      interface: name,
      netns,
    };
  }

  private wordsOf(sets: CapabilitySets): SetCells {
    const before = this.words.get(sets);
    if (before !== undefined) return before;
    const { all, short } = this;
    const inFull = this.query.facts.has('texts') && all !== undefined;
    const words: SetCells = {
      caps: summarize(sets, short),
      effective: short(sets.effective),
      permitted: short(sets.permitted),
      inheritable: short(sets.inheritable),
      bounding: short(sets.bounding),
      ambient: short(sets.ambient),
      text: inFull ? formatCapabilityText(sets, all) : null,
      iab: inFull ? formatIab(sets, all) : null,
    };
    this.words.set(sets, words);
    return words;
  }

  private known<T>(subject: string, reading: Reading<T>): T | null {
    if (reading.ok) return reading.value;
    this.gaps.add(subject, reading.gap);
    return null;
  }

  /** Whose namespace is closed to us may be in it: that is a gap. */
  private isIn(pid: number): boolean {
    const { within } = this.query;
    if (within === undefined) return true;
    const link = this.host.readLink(`/proc/${pid}/ns/${within.kind}`);
    // A zombie has left it.
    if (!link.ok && link.gap.reason !== 'gone') this.gaps.add('namespace of a process', link.gap);
    return link.ok && link.value === formatNamespaceLink(within);
  }

  private placeOf(pid: number): UserPlace | null {
    const door = `/proc/${pid}/ns/user`;
    const link = this.known('user namespace', this.host.readLink(door));
    if (link === null) return null;
    const before = this.places.get(link);
    if (before !== undefined) return before;
    const id = this.known('user namespace', parseNamespaceLink(link, door));
    const place = id === null ? null : userPlace(this.host, door, id.inode);
    this.places.set(link, place);
    return place;
  }

  private commandOf({ pid, comm }: Task): string | null {
    const bytes = this.known('command line', this.host.readFile(`/proc/${pid}/cmdline`));
    if (bytes === null) return null;
    const words = parseCmdline(bytes);
    return words.length === 0 ? comm : words.join(' ');
  }

  private userName(uid: number): string {
    if (this.users === undefined) {
      const bytes = valueOf(this.host.readFile('/etc/passwd'));
      this.users = bytes === undefined ? new Map<number, string>() : parsePasswd(bytes);
    }
    return this.users.get(uid) ?? String(uid);
  }

  private fileOf(pid: number): string | null {
    if (this.all === undefined) return null;
    const before = this.files.get(pid);
    if (before !== undefined) return before;
    const file = executableCapabilities(this.host, pid, this.all, this.gaps);
    this.files.set(pid, file);
    return file;
  }

  private nameOf(pid: number): string | null {
    const identity = this.known('identity', this.resolver.identify(pid));
    return identity === null ? null : displayName(identity);
  }
}

/** Threads stand behind the first. */
function order({ pid, tid }: CapsRow): number {
  return pid === tid ? 0 : tid;
}

/** What is effective is permitted, too. */
function holderOf({ sets: { effective, permitted } }: Task, mask: bigint): CapsRow['has'] {
  if ((mask & ~effective) === 0n) return 'effective';
  return (mask & ~permitted) === 0n ? 'permitted' : null;
}
