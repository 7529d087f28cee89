// One process, its files read when a field first asks and then kept.

import { IdentityResolver } from '../../containers/identify.ts';
import type { Identity } from '../../containers/identity.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';
import type { Host, Reading } from '../../kernel/host.ts';
import { parseStat, type ProcessStat } from '../../kernel/text/stat.ts';
import { parseStatusMasks, type StatusMasks } from '../../kernel/text/status-masks.ts';
import { parseStatus, type ProcessStatus } from '../../kernel/text/status.ts';
import { readUserIds, type UserIds } from '../user-ids.ts';

export class ProcessLook {
  readonly host: Host;
  readonly pid: number;
  readonly gaps: GapTally;
  private readonly known = new Map<string, unknown>();

  constructor(host: Host, pid: number, gaps: GapTally) {
    this.host = host;
    this.pid = pid;
    this.gaps = gaps;
  }

  /** Absent (null) when unreadable, as all below. */
  get stat(): ProcessStat | null {
    return this.once('stat', () => this.parsed('stat', parseStat));
  }

  get status(): ProcessStatus | null {
    return this.once('status', () => this.parsed('status', parseStatus));
  }

  get masks(): StatusMasks | null {
    return this.once('masks', () => this.parsed('status', parseStatusMasks));
  }

  get user(): UserIds {
    return this.once('user', () => readUserIds(this.host, this.pid, this.gaps));
  }

  get identity(): Identity | null {
    return this.once('identity', () => {
      const identity = new IdentityResolver(this.host).identify(this.pid);
      const told = this.value('container', identity);
      for (const gap of told?.gaps ?? []) this.gaps.add('container', gap);
      return told;
    });
  }

  /** The first process of a pid namespace, which is init there. */
  get isInit(): boolean {
    return this.status?.namespacePids.at(-1) === 1;
  }

  parsed<T>(name: string, parse: (bytes: Uint8Array, file: string) => Reading<T>): T | null {
    const path = `/proc/${this.pid}/${name}`;
    const bytes = this.host.readFile(path);
    return this.value(name, bytes.ok ? parse(bytes.value, path) : bytes);
  }

  link(name: string): string | null {
    return this.value(name, this.host.readLink(`/proc/${this.pid}/${name}`));
  }

  private value<T>(subject: string, reading: Reading<T>): T | null {
    if (reading.ok) return reading.value;
    this.gaps.add(subject, reading.gap);
    return null;
  }

  private once<T>(key: string, read: () => T): T {
    if (!this.known.has(key)) this.known.set(key, read());
    // Each key has one type: that of its getter.
    return this.known.get(key) as T;
  }
}
