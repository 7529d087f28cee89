// What the kernel's log says of cgroups: who was killed for want of memory, in which cgroup, and whose limit broke; where
// a fork was refused. Source: Documentation/ABI/testing/dev-kmsg, mm/oom_kill.c, mm/memcontrol.c, mm/memcontrol-v1.c,
// kernel/cgroup/pids.c.

import { decodeText, parseDecimal, parseUnsigned64 } from './text.ts';

/** Of a line without one of these nothing is read. */
export const CGROUP_WORDS: readonly string[] = [
  'invoked oom-killer:',
  'oom-kill:constraint=',
  'killed as a result of limit of ',
  'memory: usage ',
  'Kill process ',
  'Killed process ',
  'are going to be killed due to memory.oom.group',
  'cgroup: fork rejected by pids controller in ',
];

/** All paths are from the root of the hierarchy, whatever our cgroup namespace is. */
export interface OomKill {
  /** Since boot, without the time that the host was suspended. Unit: microseconds. */
  readonly usec: bigint;
  /** In the initial pid namespace. */
  readonly pid: number;
  /** Chosen by the process: hostile. */
  readonly comm: string;
  /** Absent (null): before Linux 4.20. */
  readonly uid: number | null;
  /** memory cgroup: a limit broke. host: its memory ran out, or that of a cpuset or a memory policy. */
  readonly cause: 'memory cgroup' | 'host';
  /** The cgroup whose limit broke. null: none did, or it is not told. */
  readonly limitOf: string | null;
  /** The cgroup that the process was in. null: not told. */
  readonly victimIn: string | null;
  /** It was killed because another one of its cgroup was (memory.oom.group). */
  readonly byGroup: boolean;
  /** Names of cgroups are such that the two paths can be told apart in more than one way. */
  readonly ambiguous: boolean;
  /** Of the cgroup whose limit broke. Unit: bytes. */
  readonly usage: bigint | null;
  readonly limit: bigint | null;
  /** Of the process. Unit: bytes. */
  readonly anon: bigint | null;
  readonly file: bigint | null;
  readonly shmem: bigint | null;
}

/** The first refusal in each cgroup is logged, and no other. */
export interface ForkRefusal {
  readonly usec: bigint;
  readonly path: string;
}

export interface CgroupLog {
  readonly kills: readonly OomKill[];
  readonly refusals: readonly ForkRefusal[];
  /** Earlier kills than are kept. */
  readonly dropped: number;
}

const MOST_KEPT = 1000;

/** `lines`: of /dev/kmsg, in order. Lines of other writers, and what is not as documented, are passed over. */
export function parseCgroupLog(lines: readonly string[]): CgroupLog {
  const reader = new Reader();
  for (const line of lines) {
    const record = parseRecord(line);
    if (record !== undefined) reader.take(record);
  }
  return reader.finish();
}

interface LogRecord {
  readonly usec: bigint;
  readonly text: string;
}

/** `6,2347,35020435607,-;TEXT`. Who writes to /dev/kmsg can't have the kernel's own facility, which is 0. */
function parseRecord(line: string): LogRecord | undefined {
  const [, level, time, text] = /^(\d{1,6}),\d+,(\d+),[^;]*;([^]*)$/.exec(line) ?? [];
  const usec = parseUnsigned64(time);
  const priority = parseDecimal(level);
  if (usec === undefined || text === undefined || priority === undefined || priority >> 3 !== 0) return undefined;
  return { usec, text: unescaped(text) };
}

/** When a line was logged; undefined: it is none. */
export function timeOfRecord(line: string): bigint | undefined {
  return parseUnsigned64(/^\d{1,6},\d+,(\d+),/.exec(line)?.[1]);
}

/** /dev/kmsg writes what is not printable ASCII, and the backslash itself, as `\xNN`. */
function unescaped(text: string): string {
  if (!text.includes('\\x')) return text;
  return text.replaceAll(/(?:\\x[0-9a-f]{2})+/g, (escapes) => {
    const numbers = escapes.slice(2).split('\\x');
    return decodeText(Uint8Array.from(numbers, (number) => Number.parseInt(number, 16)));
  });
}

type Victim = Pick<OomKill, 'pid' | 'comm' | 'anon' | 'file' | 'shmem'> & { readonly cause: OomKill['cause'] | null };

/** What comes before the line that says who was killed. */
type Reason = Pick<OomKill, 'cause' | 'limitOf' | 'victimIn' | 'ambiguous' | 'uid'> & {
  readonly usec: bigint;
  /** null: of the old form, which names it later. */
  readonly victim: { readonly pid: number; readonly comm: string } | null;
};

type Size = Pick<OomKill, 'usage' | 'limit'>;

const UNSIZED: Size = { usage: null, limit: null };

class Reader {
  private readonly kills: OomKill[] = [];
  private readonly refusals: ForkRefusal[] = [];
  private dropped = 0;
  private reason: Reason | undefined;
  private size = UNSIZED;
  /** The kill that others follow, and the cgroup they are in. */
  private first: OomKill | undefined;
  private group: string | undefined;

  take({ usec, text }: LogRecord): void {
    const refused = /^cgroup: fork rejected by pids controller in (\/[^]*)$/.exec(text)?.[1];
    if (refused !== undefined) return this.refuse({ usec, path: refused });
    if (/ invoked oom-killer: gfp_mask=/.test(text)) return this.begin();
    const size = sizeOf(text);
    if (size !== undefined) {
      this.size = size;
      return;
    }
    const reason = reasonOf(text, usec) ?? oldReasonOf(text, usec);
    if (reason !== undefined) {
      this.flush();
      this.reason = reason;
      return;
    }
    const group = /^Tasks in (\/[^]*) are going to be killed due to memory\.oom\.group set$/.exec(text)?.[1];
    if (group !== undefined) {
      this.group = group;
      return;
    }
    const victim = victimOf(text);
    if (victim !== undefined) this.kill(usec, victim);
  }

  finish(): CgroupLog {
    this.flush();
    return { kills: this.kills, refusals: this.refusals, dropped: this.dropped };
  }

  private refuse(refusal: ForkRefusal): void {
    this.refusals.push(refusal);
    if (this.refusals.length > MOST_KEPT) this.refusals.shift();
  }

  private begin(): void {
    this.flush();
    this.size = UNSIZED;
    this.first = undefined;
    this.group = undefined;
  }

  /** A reason whose last line is missing. */
  private flush(): void {
    const { reason } = this;
    this.reason = undefined;
    if (reason === undefined || reason.victim === null) return;
    const { victim, ...rest } = reason;
    this.keep({ ...rest, ...victim, ...this.size, byGroup: false, anon: null, file: null, shmem: null });
  }

  private kill(usec: bigint, { cause, ...victim }: Victim): void {
    const { reason } = this;
    if (reason !== undefined && (reason.victim === null || reason.victim.pid === victim.pid)) {
      this.reason = undefined;
      const { victim: _, ...rest } = reason;
      this.keep({ ...rest, ...victim, ...this.size, byGroup: false });
      return;
    }
    const follows = this.group !== undefined ? this.first : undefined;
    this.keep({
      usec,
      ...victim,
      uid: null,
      cause: follows?.cause ?? cause ?? 'host',
      limitOf: follows?.limitOf ?? null,
      victimIn: this.group ?? null,
      ambiguous: false,
      byGroup: follows !== undefined,
      usage: follows?.usage ?? null,
      limit: follows?.limit ?? null,
    });
  }

  private keep(kill: OomKill): void {
    this.first ??= kill;
    this.kills.push(kill);
    if (this.kills.length <= MOST_KEPT) return;
    this.kills.shift();
    this.dropped += 1;
  }
}

/** Source: linux/sched.h TASK_COMM_LEN, without its NUL. Unit: bytes. */
const COMM_LENGTH = 15;

/**
 * `oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a/b,task=c,pid=1,uid=0`;
 * where no limit broke, `global_oom` stands in place of oom_memcg. Since: Linux 5.0.
 */
function reasonOf(text: string, usec: bigint): Reason | undefined {
  const [, head, pidWord, uidWord] =
    /^oom-kill:constraint=CONSTRAINT_[A-Z_]+,([^]*),pid=(\d{1,10}),uid=(\d{1,10})$/.exec(text) ?? [];
  const [pid, uid] = [parseDecimal(pidWord), parseDecimal(uidWord)];
  if (head === undefined || pid === undefined || uid === undefined) return undefined;
  const ways = waysToRead(head);
  const [way] = ways;
  if (way === undefined) return undefined;
  const { comm, limitOf, victimIn } = way;
  const cause = limitOf === null ? 'host' : 'memory cgroup';
  return { usec, cause, limitOf, victimIn, uid, ambiguous: ways.length > 1, victim: { pid, comm } };
}

interface Way {
  readonly comm: string;
  readonly limitOf: string | null;
  readonly victimIn: string;
}

/** Names of cgroups and processes may have all of these words in them. No name has a slash, and no cgroup is outside of that whose limit broke. */
function waysToRead(head: string): readonly Way[] {
  const ways: Way[] = [];
  for (const task of splits(head, ',task=')) {
    if (new TextEncoder().encode(task.after).length > COMM_LENGTH) continue;
    for (const { before, after: victimIn } of splits(task.before, ',task_memcg=')) {
      if (!victimIn.startsWith('/')) continue;
      if (before.endsWith(',global_oom')) ways.push({ comm: task.after, limitOf: null, victimIn });
      // The path is all that follows the first one: before it stands one name, which has no slash.
      const at = before.indexOf(',oom_memcg=/');
      const limitOf = at < 0 ? undefined : before.slice(at + ',oom_memcg='.length);
      if (limitOf !== undefined && isBelow(victimIn, limitOf)) ways.push({ comm: task.after, limitOf, victimIn });
    }
    if (ways.length > MOST_WAYS) break;
  }
  return ways;
}

/** More than one is too many: how many does not matter. */
const MOST_WAYS = 8;

function* splits(text: string, word: string): Generator<{ readonly before: string; readonly after: string }> {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1))
    yield { before: text.slice(0, at), after: text.slice(at + word.length) };
}

/** Is it that cgroup, or one below it? */
export function isBelow(path: string, above: string): boolean {
  return above === '/' || path === above || path.startsWith(`${above}/`);
}

/** `Task in /a/b killed as a result of limit of /a`: until Linux 4.20. */
function oldReasonOf(text: string, usec: bigint): Reason | undefined {
  const word = ' killed as a result of limit of ';
  if (!text.startsWith('Task in /')) return undefined;
  const ways = [...splits(text.slice('Task in '.length), word)].filter(
    ({ before, after }) => after.startsWith('/') && isBelow(before, after),
  );
  const [way] = ways;
  if (way === undefined) return undefined;
  const told = { limitOf: way.after, victimIn: way.before, ambiguous: ways.length > 1 };
  return { usec, cause: 'memory cgroup', uid: null, ...told, victim: null };
}

/** `memory: usage 30720kB, limit 30720kB, failcnt 342`. */
function sizeOf(text: string): Size | undefined {
  const [, usage, limit] = /^memory: usage (\d+)kB, limit (\d+)kB, failcnt \d+$/.exec(text) ?? [];
  return usage === undefined ? undefined : { usage: kilobytes(usage), limit: kilobytes(limit) };
}

/**
 * `Memory cgroup out of memory: Killed process 2157 (python3) total-vm:82120kB, anon-rss:30464kB, file-rss:5844kB,
 * shmem-rss:0kB, …`; until Linux 5.0 without what stands before `Killed`, shmem-rss since 4.5.
 */
function victimOf(text: string): Victim | undefined {
  const [, head, pidWord, comm, anon, file, shmem] =
    /^(?:(Memory cgroup out|Out) of memory[^:]*: )?Killed process (\d{1,10}) \(([^]{0,64})\),?(?: UID \d+,)? total-vm:\d+kB, anon-rss:(\d+)kB, file-rss:(\d+)kB(?:, shmem-rss:(\d+)kB)?/.exec(
      text,
    ) ?? [];
  const pid = parseDecimal(pidWord);
  if (pid === undefined || comm === undefined) return undefined;
  const cause = head === undefined ? null : head.startsWith('Memory') ? 'memory cgroup' : 'host';
  return { cause, pid, comm, anon: kilobytes(anon), file: kilobytes(file), shmem: kilobytes(shmem) };
}

function kilobytes(word: string | undefined): bigint | null {
  const number = parseUnsigned64(word);
  return number === undefined ? null : number * 1024n;
}
