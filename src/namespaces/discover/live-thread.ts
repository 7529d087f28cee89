// A process whose first thread has ended is a zombie in few namespaces; its other threads go on in theirs.
// Source: pthread_exit(3), fs/proc/namespaces.c.

import { gap, value, type Host, type Reading } from '../../kernel/host.ts';
import { parseDecimal } from '../../kernel/text/text.ts';

/** A thread that goes on where the leader has ended. Errors: gone (there is none), denied. */
export function liveThread(host: Host, pid: number): Reading<number> {
  const what = `/proc/${pid}/task`;
  const tasks = host.readDirectory(what);
  if (!tasks.ok) return tasks;
  const tids = tasks.value.flatMap((name) => parseDecimal(name) ?? []).filter((tid) => tid !== pid);
  for (const tid of tids.toSorted((a, b) => a - b)) {
    const link = host.readLink(`${what}/${tid}/ns/mnt`);
    if (link.ok) return value(tid);
    if (link.gap.reason !== 'gone') return link;
  }
  return gap({ reason: 'gone', what });
}
