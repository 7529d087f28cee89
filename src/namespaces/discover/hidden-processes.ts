// Processes that /proc does not even name: the mount option hidepid. They leave no trace in the list of /proc, so the
// gap has to be told from the mount itself. Source: proc(5), Documentation/filesystems/proc.rst.

import { valueOf } from '../../kernel/host.ts';
import { parseMountinfo } from '../../kernel/text/mountinfo.ts';
import { parseStatus } from '../../kernel/text/status.ts';
import { decodeText, parseDecimal } from '../../kernel/text/text.ts';
import type { Scan, Source } from './scan.ts';

/** `hidepid=1` (noaccess) still lists the processes: their links are refused one by one, and counted there. */
const HIDING = new Set(['hidepid=2', 'hidepid=invisible', 'hidepid=4', 'hidepid=ptraceable']);

export const hiddenProcesses: Source = {
  name: 'hidden processes',
  blind: 'which processes they are',
  discover(scan) {
    const option = hidingOption(scan);
    if (option === undefined) return;
    const tasks = hiddenTasks(scan);
    if (tasks === 0) return;
    scan.gaps.addUncounted({
      subject: tasks === null ? 'process' : 'task',
      reason: 'denied',
      errno: null,
      count: tasks,
      examples: ['/proc'],
      detail: `hidden by the mount option ${option} of /proc`,
    });
  },
};

function hidingOption(scan: Scan): string | undefined {
  const bytes = valueOf(scan.host.readFile('/proc/self/mountinfo'));
  const mounts = bytes === undefined ? undefined : valueOf(parseMountinfo(bytes, '/proc/self/mountinfo', 'proc'));
  // The last mount on a path is the one on top.
  const proc = mounts?.findLast((mount) => mount.mountPoint === '/proc');
  return proc?.superOptions.find((option) => HIDING.has(option));
}

/** Tasks (threads) of the whole kernel less those we see; null when the kernel does not tell. */
function hiddenTasks(scan: Scan): number | null {
  const load = valueOf(scan.host.readFile('/proc/loadavg'));
  const all = load === undefined ? undefined : parseDecimal(/ [0-9]+\/([0-9]+) /.exec(decodeText(load))?.[1]);
  const entries = valueOf(scan.host.readDirectory('/proc'));
  if (all === undefined || entries === undefined) return null;
  let seen = 0;
  for (const entry of entries) {
    if (parseDecimal(entry) === undefined) continue;
    const path = `/proc/${entry}/status`;
    const status = valueOf(scan.host.readFile(path));
    seen += status === undefined ? 0 : (valueOf(parseStatus(status, path))?.threads ?? 0);
  }
  return Math.max(all - seen, 0);
}
