// What every reader of facts needs: files parsed, gaps counted, names and times looked up once.

import { value, valueOf, type Reading } from '../../kernel/host.ts';
import { parseBootTime } from '../../kernel/text/kernel-stat.ts';
import { LAST_CAPABILITY_FILE, parseLastCapability } from '../../kernel/text/last-capability.ts';
import { parsePasswd } from '../../kernel/text/passwd.ts';
import { parseStat, type ProcessStat } from '../../kernel/text/stat.ts';
import type { Namespace, Scan } from '../discover/scan.ts';
import { judgeOfInitial } from '../initial.ts';

export class FactLook {
  readonly scan: Scan;
  readonly isInitial: ReturnType<typeof judgeOfInitial>;
  private readonly stats = new Map<number, ProcessStat | null | undefined>();
  private readonly own = new Map<string, string | undefined>();
  private users: ReadonlyMap<number, string> | undefined;
  private booted: number | null | undefined;
  private capabilities: bigint | null | undefined;

  constructor(scan: Scan) {
    this.scan = scan;
    this.isInitial = judgeOfInitial(scan.host);
  }

  /** The value, or null and a counted gap. */
  known<T>(reading: Reading<T>): T | null {
    if (reading.ok) return reading.value;
    this.scan.gaps.add('fact', reading.gap);
    return null;
  }

  /** Null and a counted gap: there is no way to ask. */
  unknown(what: string): null {
    return this.known({ ok: false, gap: { reason: 'unsupported', what } });
  }

  /** A file parsed; null and a counted gap where that fails. */
  parsed<T>(path: string, parse: (bytes: Uint8Array, file: string) => Reading<T>): T | null {
    return this.known(this.read(path, parse));
  }

  /** As `parsed`; undefined where it is gone, so that what ended meanwhile counts for nothing. */
  parsedOrGone<T>(path: string, parse: (bytes: Uint8Array, file: string) => Reading<T>): T | null | undefined {
    const reading = this.read(path, parse);
    const known = this.known(reading);
    return reading.ok || reading.gap.reason !== 'gone' ? known : undefined;
  }

  private read<T>(path: string, parse: (bytes: Uint8Array, file: string) => Reading<T>): Reading<T> {
    const bytes = this.scan.host.readFile(path);
    return bytes.ok ? parse(bytes.value, path) : bytes;
  }

  /** /proc/PID/stat, read once however many facts come from it; undefined: gone. */
  stat(pid: number): ProcessStat | null | undefined {
    if (!this.stats.has(pid)) this.stats.set(pid, this.parsedOrGone(`/proc/${pid}/stat`, parseStat));
    return this.stats.get(pid);
  }

  /** Are we in it ourselves? Then it needs no entering. */
  isOurs({ kind, inode }: Namespace): boolean {
    if (!this.own.has(kind)) this.own.set(kind, valueOf(this.scan.host.readLink(`/proc/self/ns/${kind}`)));
    return this.own.get(kind) === `${kind}:[${inode}]`;
  }

  userName(uid: number): string {
    if (this.users === undefined) {
      const bytes = valueOf(this.scan.host.readFile('/etc/passwd'));
      this.users = bytes === undefined ? new Map<number, string>() : parsePasswd(bytes);
    }
    return this.users.get(uid) ?? String(uid);
  }

  /** Every one that the kernel knows, as a mask; undefined: it does not tell. */
  allCapabilities(): bigint | undefined {
    if (this.capabilities === undefined) this.capabilities = this.parsed(LAST_CAPABILITY_FILE, parseLastCapability);
    return this.capabilities ?? undefined;
  }

  /** When the host was started, in seconds since 1970. */
  bootTime(): number | null {
    this.booted ??= this.parsed('/proc/stat', parseBootTime);
    return this.booted;
  }
}

/** EPERM here means the top of the tree, or beyond what we may see: the kernel does not tell which. No gap. */
export function visible(answer: Reading<bigint>): Reading<bigint | null> {
  return !answer.ok && answer.gap.errno === 'EPERM' ? value(null) : answer;
}
