// One process, its files read when a field first asks and then kept.

import { findGroups, type Groups } from '../../cgroups/groups.ts';
import { askedOnce } from '../../cgroups/asked-once.ts';
import { IdentityResolver } from '../../containers/identify.ts';
import type { Identity } from '../../containers/identity.ts';
import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';
import { valueOf, type Host, type Reading } from '../../kernel/host.ts';
import { kept } from '../../kernel/memo.ts';
import { parseCgroup, type CgroupMembership } from '../../kernel/text/cgroup.ts';
import { parseStat, type ProcessStat } from '../../kernel/text/stat.ts';
import { parseStatusMasks, type StatusMasks } from '../../kernel/text/status-masks.ts';
import { parseStatus, type ProcessStatus } from '../../kernel/text/status.ts';
import { lookAtAll, type Crowd } from '../../namespaces/crowd.ts';
import { liveThread } from '../../namespaces/discover/live-thread.ts';
import { tellUnseen } from '../cgroup/unseen.ts';
import { readUserIds, type UserIds } from '../user-ids.ts';

/** No process has this pid: nothing is told of it. */
export const NOBODY = 0;

export class ProcessLook {
  readonly host: Host;
  readonly pid: number;
  readonly gaps: GapTally;
  private readonly keptStat = kept(() => this.parsed('stat', parseStat));
  private readonly keptStatus = kept(() => this.parsed('status', parseStatus));
  private readonly keptMasks = kept(() => this.parsed('status', parseStatusMasks));
  private readonly keptUser = kept(() => readUserIds(this.host, this.pid, this.gaps));
  private readonly keptIdentity = kept(() => this.identify());
  private readonly keptThread = kept(() => valueOf(liveThread(this.host, this.pid)));
  private readonly keptGroups = kept(() => this.findGroups());
  private readonly keptCrowd = kept(() => this.lookAround());
  private readonly resolver: IdentityResolver;

  constructor(host: Host, pid: number, gaps: GapTally, resolver: IdentityResolver = new IdentityResolver(host)) {
    this.host = host;
    this.pid = pid;
    this.gaps = gaps;
    this.resolver = resolver;
  }

  /** Absent (null) when unreadable, as all below. */
  get stat(): ProcessStat | null {
    return this.keptStat();
  }

  get status(): ProcessStatus | null {
    return this.keptStatus();
  }

  get masks(): StatusMasks | null {
    return this.keptMasks();
  }

  get user(): UserIds {
    return this.keptUser();
  }

  get identity(): Identity | null {
    return this.keptIdentity();
  }

  /** All processes. What of them could not be seen is a gap. */
  get crowd(): Crowd {
    return this.keptCrowd();
  }

  /** The first process of a pid namespace, which is init there. */
  get isInit(): boolean {
    return this.status?.namespacePids.at(-1) === 1;
  }

  /** The text of its link in /proc/PID/ns; where its first thread has ended that of another one. */
  namespaceLink(kind: NamespaceKind): Reading<string> {
    const link = this.host.readLink(`/proc/${this.pid}/ns/${kind}`);
    if (link.ok || link.gap.reason !== 'gone') return link;
    const tid = this.keptThread();
    return tid === undefined ? link : this.host.readLink(`/proc/${this.pid}/task/${tid}/ns/${kind}`);
  }

  get memberships(): readonly CgroupMembership[] | null {
    return this.parsed('cgroup', parseCgroup);
  }

  /** Where those are; what of them is beyond our view is a gap. null: all. */
  get groups(): Groups | null {
    return this.keptGroups();
  }

  parsed<T>(name: string, parse: (bytes: Uint8Array, file: string) => Reading<T>): T | null {
    const path = `/proc/${this.pid}/${name}`;
    const bytes = this.host.readFile(path);
    return this.value(name, bytes.ok ? parse(bytes.value, path) : bytes);
  }

  link(name: string): string | null {
    return this.value(name, this.host.readLink(`/proc/${this.pid}/${name}`));
  }

  /** The value, or null and a gap. */
  value<T>(subject: string, reading: Reading<T>): T | null {
    if (reading.ok) return reading.value;
    this.gaps.add(subject, reading.gap);
    return null;
  }

  private identify(): Identity | null {
    const told = this.value('container', this.resolver.identify(this.pid));
    for (const gap of told?.gaps ?? []) this.gaps.add('container', gap);
    return told;
  }

  private findGroups(): Groups | null {
    const { memberships } = this;
    if (memberships === null) return null;
    const groups = findGroups(askedOnce(this.host), this.pid, memberships);
    tellUnseen(groups, this.gaps);
    // Of none of them anything is known: that nothing limits is not said.
    return groups.reached.length === 0 && groups.unreached.length > 0 ? null : groups;
  }

  private lookAround(): Crowd {
    const crowd = lookAtAll(this.host, this.resolver);
    for (const gap of crowd.scan.gaps.list()) this.gaps.addUncounted(gap);
    return crowd;
  }
}
