// One namespace, and the ways to it.

import type { GapTally } from '../../kernel/gap-tally.ts';
import type { Host, NamespaceDoor, NamespaceQuestion, Reading } from '../../kernel/host.ts';
import { valueOf } from '../../kernel/host.ts';
import type { Mount } from '../../kernel/text/mountinfo.ts';
import { statOf } from '../../kernel/process-stat.ts';
import type { ProcessStat } from '../../kernel/text/stat.ts';
import { askThrough, doorOf } from '../../namespaces/discover/door-of.ts';
import type { Namespace, Scan } from '../../namespaces/discover/scan.ts';
import { isOwn } from '../../namespaces/own.ts';
import { readMountTable } from '../mount-table.ts';

export class NamespaceLook {
  readonly host: Host;
  readonly scan: Scan;
  readonly namespace: Namespace;
  readonly gaps: GapTally;
  private keptMounts: Reading<readonly Mount[]> | undefined;

  constructor(scan: Scan, namespace: Namespace, gaps: GapTally) {
    this.host = scan.host;
    this.scan = scan;
    this.namespace = namespace;
    this.gaps = gaps;
  }

  /** Of a mount namespace. */
  get mountTable(): Reading<readonly Mount[]> {
    this.keptMounts ??= readMountTable(this.host, this.namespace.inode, this.namespace.pids);
    return this.keptMounts;
  }

  get kind(): Namespace['kind'] {
    return this.namespace.kind;
  }

  /** A process in it; undefined: none that we see. */
  get pid(): number | undefined {
    return this.namespace.pids[0];
  }

  get isOurs(): boolean {
    const { kind, inode } = this.namespace;
    return isOwn(this.host, kind, inode);
  }

  /** What to open for questions over netlink. Absent (undefined): our own, or nothing leads to it. */
  get door(): NamespaceDoor | undefined {
    const door = doorOf(this.namespace);
    return this.isOurs || door === undefined || door.through.length > 0 ? undefined : door.at;
  }

  /** Can it be asked over netlink at all? */
  get isReachable(): boolean {
    return this.isOurs || this.door !== undefined;
  }

  /** EPERM is the top or what is beyond our view: no gap. Absent (null): unknown. */
  ask(...questions: readonly NamespaceQuestion[]): bigint | null {
    const door = doorOf(this.namespace);
    if (door === undefined) return null;
    const answer = askThrough(this.scan, door, questions);
    if (answer.ok) return answer.value;
    if (answer.gap.errno !== 'EPERM') this.gaps.add('answer about the namespace', answer.gap);
    return null;
  }

  /** The value, or null and a gap. */
  known<T>(subject: string, reading: Reading<T>): T | null {
    if (reading.ok) return reading.value;
    this.gaps.add(subject, reading.gap);
    return null;
  }

  /** What only files of its processes tell, and there is no process. */
  needsProcess(subject: string): null {
    const { kind, inode } = this.namespace;
    this.gaps.add(subject, { reason: 'unsupported', what: `${kind}:[${inode}]: no process that we see is in it` });
    return null;
  }

  statOf(pid: number): ProcessStat | null {
    return valueOf(statOf(this.host, pid)) ?? null;
  }
}
