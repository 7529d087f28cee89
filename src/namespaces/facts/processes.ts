// Facts of processes: of the one that stands for a row, and sums over those that are in a namespace.

import { USER_HZ } from '../../kernel/abi/process.ts';
import { parseCgroup } from '../../kernel/text/cgroup.ts';
import { parseCmdline } from '../../kernel/text/cmdline.ts';
import { parseCapabilityLines, type CapabilityLines } from '../../kernel/text/status-lines.ts';
import { parseStatus } from '../../kernel/text/status.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { linksOf } from '../discover/process-namespaces.ts';
import type { Namespace } from '../discover/scan.ts';
import type { Fact } from './fact.ts';
import type { FactLook } from './fact-look.ts';

export interface ProcessFacts {
  readonly ppid: number | null;
  readonly command: string | null;
  readonly uid: number | null;
  readonly cgroup: string | null;
  readonly capabilities: ProcessCapabilities | null;
}

/** What a process has, and every capability that there is: what it is called depends on both. */
export interface ProcessCapabilities {
  readonly sets: CapabilityLines;
  /** A mask. Absent (undefined): the kernel does not tell. */
  readonly all: bigint | undefined;
}

export function readProcess(look: FactLook, facts: ReadonlySet<Fact>, pid: number): ProcessFacts {
  const { host } = look.scan;
  const folder = `/proc/${pid}`;
  const wantsUid = facts.has('uid') || facts.has('user');
  const status = wantsUid ? look.known(host.stat(folder)) : null;
  const cmdline = facts.has('command') ? look.known(host.readFile(`${folder}/cmdline`)) : null;
  let command = cmdline === null ? null : commandLine(cmdline);
  let ppid: number | null = null;
  if (facts.has('ppid') || (facts.has('command') && command === null)) {
    const stat = look.stat(pid);
    ppid = stat?.ppid ?? null;
    if (facts.has('command')) command ??= stat?.comm ?? null;
  }
  const cgroup = facts.has('cgroup') ? look.parsed(`${folder}/cgroup`, parseCgroup) : null;
  const capabilities = facts.has('caps') ? capabilitiesOf(look, pid) : null;
  return {
    ppid,
    command,
    uid: status?.uid ?? null,
    cgroup: cgroup === null ? null : tellingPath(cgroup),
    capabilities,
  };
}

function capabilitiesOf(look: FactLook, pid: number): ProcessCapabilities | null {
  const sets = look.parsed(`/proc/${pid}/status`, (bytes, file) => parseCapabilityLines(decodeText(bytes), file));
  return sets === null ? null : { sets, all: look.allCapabilities() };
}

/** The arguments joined by spaces; null where there are none, as for kernel threads and zombies. */
function commandLine(cmdline: Uint8Array): string | null {
  const words = parseCmdline(cmdline);
  return words.length === 0 ? null : words.join(' ');
}

/** Of a process's paths in all hierarchies the longest. */
function tellingPath(memberships: readonly { readonly path: string }[]): string | null {
  return memberships.reduce<string | null>(
    (best, { path }) => (best === null || path.length > best.length ? path : best),
    null,
  );
}

/** null where one of them is unknown: part of a sum would look like all of it. What is gone (undefined) adds nothing. */
function sum<T>(
  pids: readonly number[],
  read: (pid: number) => T | null | undefined,
  add: (found: T, pid: number) => number,
): number | null {
  let total = 0;
  for (const pid of pids) {
    const found = read(pid);
    if (found === null) return null;
    if (found !== undefined) total += add(found, pid);
  }
  return total;
}

/** Seconds of processor time of these processes, in user and kernel mode, to a hundredth. */
export function processorTime(look: FactLook, pids: readonly number[]): number | null {
  const ticks = sum(
    pids,
    (pid) => look.stat(pid),
    (stat) => stat.userTicks + stat.systemTicks,
  );
  return ticks === null ? null : ticks / USER_HZ;
}

const KIB = 1024;

/** Bytes of resident memory of these processes; what several share counts for each. */
export function residentMemory(look: FactLook, pids: readonly number[]): number | null {
  return sum(
    pids,
    (pid) => look.parsedOrGone(`/proc/${pid}/status`, parseStatus),
    ({ residentKib }) => residentKib * KIB,
  );
}

/**
 * Threads in a namespace. A plain look takes those of its processes for all of them; a deep one has found the threads that
 * are elsewhere than their leader, and counts each where it is.
 */
export class ThreadCounter {
  private readonly look: FactLook;
  /** By kind, and by pid how many threads are elsewhere. */
  private readonly strays = new Map<string, ReadonlyMap<number, number>>();

  constructor(look: FactLook) {
    this.look = look;
  }

  count(namespace: Namespace, pids: readonly number[]): number | null {
    const strays = this.straysOf(namespace.kind);
    const threads = sum(
      pids,
      (pid) => this.look.stat(pid),
      (stat, pid) => Math.max(stat.threads - (strays.get(pid) ?? 0), 0),
    );
    // In a list of processes a row is of one of them: what the others have elsewhere is none of its.
    const isWhole = pids === namespace.pids;
    const guests = isWhole ? namespace.holders.filter((holder) => holder.type === 'thread').length : 0;
    return threads === null ? null : threads + guests;
  }

  private straysOf(kind: Namespace['kind']): ReadonlyMap<number, number> {
    let strays = this.strays.get(kind);
    if (strays === undefined) this.strays.set(kind, (strays = countStrays(this.look, kind)));
    return strays;
  }
}

/** A leader that has ended is in no namespace, so it counts for none. */
function countStrays({ scan }: FactLook, kind: Namespace['kind']): ReadonlyMap<number, number> {
  const strays = new Map<number, number>();
  const leaders = linksOf(scan, kind);
  for (const namespace of scan.namespaces.values()) {
    if (namespace.kind !== kind) continue;
    for (const holder of namespace.holders) {
      if (holder.type === 'thread' && leaders.has(holder.pid))
        strays.set(holder.pid, (strays.get(holder.pid) ?? 0) + 1);
    }
  }
  return strays;
}
