// Which threads `caps why TARGET` follows: those of the process and of what it started; where it is the first one of a
// pid namespace, as in a container, all that is in that one, also what enters it later (docker exec, nsenter).

import type { CapabilityTrace } from '../../host/linux/trace.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { parseNamespaceLink } from '../../kernel/text/namespace-link.ts';
import { parseStatus } from '../../kernel/text/status.ts';
import { decodeText, parseDecimal } from '../../kernel/text/text.ts';

export class Watched {
  private readonly trace: CapabilityTrace;
  private readonly host: Host;
  /** The inode of the pid namespace of which everything is followed; undefined: of none. */
  private readonly namespace: bigint | undefined;
  /** The processes of the last look. */
  private seen: ReadonlySet<number> = new Set();

  constructor(trace: CapabilityTrace, host: Host, pid: number) {
    this.trace = trace;
    this.host = host;
    this.namespace = isFirst(host, pid) ? pidNamespaceOf(host, pid) : undefined;
    this.watchTree(pid);
    this.look();
  }

  /** What has entered since. What it makes itself, the kernel follows. */
  look(): void {
    if (this.namespace === undefined) return;
    const names = valueOf(this.host.readDirectory('/proc')) ?? [];
    const processes = new Set(names.flatMap((name) => parseDecimal(name) ?? []));
    for (const pid of processes)
      if (!this.seen.has(pid) && pidNamespaceOf(this.host, pid) === this.namespace) this.watchTree(pid);
    this.seen = processes;
  }

  /** The threads of the process and of what it started; those that appear while they are looked for, too. */
  private watchTree(pid: number): void {
    const watched = new Set<number>();
    for (;;) {
      const news = [...threadsBelow(this.host, pid)].filter((tid) => !watched.has(tid));
      if (news.length === 0) return;
      this.trace.watch(news);
      for (const tid of news) watched.add(tid);
    }
  }
}

/** Is it process 1 of a pid namespace below ours? */
function isFirst(host: Host, pid: number): boolean {
  const file = `/proc/${pid}/status`;
  const status = valueOf(host.readFile(file));
  const pids = status === undefined ? [] : (valueOf(parseStatus(status, file))?.namespacePids ?? []);
  return pids.length > 1 && pids.at(-1) === 1;
}

function pidNamespaceOf(host: Host, pid: number): bigint | undefined {
  const path = `/proc/${pid}/ns/pid`;
  const link = valueOf(host.readLink(path));
  return link === undefined ? undefined : valueOf(parseNamespaceLink(link, path))?.inode;
}

function threadsBelow(host: Host, pid: number): ReadonlySet<number> {
  const threads = new Set<number>();
  const waiting = [pid];
  for (const process of waiting) {
    for (const name of valueOf(host.readDirectory(`/proc/${process}/task`)) ?? []) {
      const tid = parseDecimal(name);
      if (tid === undefined || threads.has(tid)) continue;
      threads.add(tid);
      const children = valueOf(host.readFile(`/proc/${process}/task/${tid}/children`));
      if (children !== undefined)
        waiting.push(
          ...decodeText(children)
            .split(' ')
            .flatMap((word) => parseDecimal(word) ?? []),
        );
    }
  }
  return threads;
}
