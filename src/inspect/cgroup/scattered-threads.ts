// Threads of a process in other cgroups than its first one, which /proc/PID/cgroup tells of: on v1 each thread may be moved
// alone (tasks), on v2 into threaded cgroups. Source: cgroups(7) "Thread mode", "Cgroups v1 hierarchies".

import { hierarchyName } from '../../cgroups/location.ts';
import type { GapTally } from '../../kernel/gap-tally.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { parseCgroup, type CgroupMembership } from '../../kernel/text/cgroup.ts';
import { decodeText, parseDecimal } from '../../kernel/text/text.ts';

/** A file each. */
const MOST_THREADS = 1000;
const MAX_SHOWN = 3;

/** What holds for them is not looked at: that is a gap. */
export function tellScattered(host: Host, pid: number, gaps: GapTally): void {
  const tids = (valueOf(host.readDirectory(`/proc/${pid}/task`)) ?? []).flatMap((name) => parseDecimal(name) ?? []);
  if (tids.length < 2) return;
  const first = textOf(host, `/proc/${pid}/cgroup`, gaps);
  if (first === undefined) return;
  const own = new Set(placesIn(first));
  const elsewhere = new Set<string>();
  let count = 0;
  for (const tid of tids.slice(0, MOST_THREADS)) {
    const text: string | undefined = tid === pid ? first : textOf(host, `/proc/${pid}/task/${tid}/cgroup`, gaps);
    // Of thousands nearly all are where the first is.
    if (text === undefined || text === first) continue;
    const others = placesIn(text).filter((place) => !own.has(place));
    for (const place of others) elsewhere.add(place);
    if (others.length > 0) count += 1;
  }
  const reason = 'unsupported';
  if (tids.length > MOST_THREADS) {
    const what = `/proc/${pid}/task: only ${MOST_THREADS} of ${tids.length} were asked for their cgroups`;
    gaps.add('process of many threads', { reason, what });
  }
  if (count === 0) return;
  const examples = [...elsewhere].slice(0, MAX_SHOWN);
  const more = elsewhere.size > MAX_SHOWN ? ', …' : '';
  const detail = `not where the first one is, and not looked at: ${examples.join(', ')}${more}`;
  gaps.addUncounted({ subject: 'thread of another cgroup', reason, errno: null, count, examples, detail });
}

/** undefined: the thread has ended, or a gap is told. */
function textOf(host: Host, path: string, gaps: GapTally): string | undefined {
  const bytes = host.readFile(path);
  if (bytes.ok) return decodeText(bytes.value);
  if (bytes.gap.reason !== 'gone') gaps.add('cgroup of a thread', bytes.gap);
  return undefined;
}

/** `memory /a`. */
function placesIn(text: string): readonly string[] {
  const parsed: readonly CgroupMembership[] = valueOf(parseCgroup(new TextEncoder().encode(text), 'cgroup')) ?? [];
  return parsed.map((membership) => `${hierarchyName(membership)} ${membership.path}`);
}
