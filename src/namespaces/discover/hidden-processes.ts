// Processes that /proc does not even name: the mount option hidepid. They leave no trace in the list of /proc, so the
// gap has to be told from the mount itself. Source: proc(5), Documentation/filesystems/proc.rst.

import { valueOf, type Host } from '../../kernel/host.ts';
import { parseMountinfo } from '../../kernel/text/mountinfo.ts';
import { parseStatus } from '../../kernel/text/status.ts';
import { decodeText, parseDecimal } from '../../kernel/text/text.ts';
import type { Scan, Source } from './scan.ts';

/** `hidepid=1` (noaccess) still lists the processes: their links are refused one by one, and counted there. */
const HIDING = new Set(['hidepid=2', 'hidepid=invisible', 'hidepid=4', 'hidepid=ptraceable']);

/** Source: include/linux/proc_ns.h, PROC_PID_INIT_INO and PROC_USER_INIT_INO. */
const INITIAL_PID_NAMESPACE = 'pid:[4026531836]';
const INITIAL_USER_NAMESPACE = 'user:[4026531837]';

/** Source: include/uapi/linux/capability.h. */
const CAP_SYS_PTRACE = 19n;

/** The last of the four ids in /proc/PID/status. */
const FS = 3;

export const hiddenProcesses: Source = {
  name: 'hidden processes',
  when: '/proc has the mount option hidepid',
  cost: 'one file; where processes are hidden, one per process',
  blind: 'which processes they are',
  discover(scan) {
    const mount = hidingMount(scan);
    if (mount === undefined || seesAll(scan.host, mount)) return;
    // The count is of the whole kernel.
    const isInitial = valueOf(scan.host.readLink('/proc/self/ns/pid')) === INITIAL_PID_NAMESPACE;
    const tasks = isInitial ? hiddenTasks(scan) : null;
    if (tasks === 0) return;
    scan.gaps.addUncounted({
      subject: tasks === null ? 'process' : 'task',
      reason: 'denied',
      errno: null,
      count: tasks,
      examples: ['/proc'],
      detail: `hidden by the mount option ${mount.hiding} of /proc`,
    });
  },
};

interface HidingMount {
  /** The option, as mountinfo has it. */
  readonly hiding: string;
  readonly options: readonly string[];
}

function hidingMount(scan: Scan): HidingMount | undefined {
  const bytes = valueOf(scan.host.readFile('/proc/self/mountinfo'));
  const mounts = bytes === undefined ? undefined : valueOf(parseMountinfo(bytes, '/proc/self/mountinfo', 'proc'));
  // The last mount on a path is the one on top.
  const proc = mounts?.findLast((mount) => mount.mountPoint === '/proc');
  const hiding = proc?.superOptions.find((option) => HIDING.has(option));
  return proc === undefined || hiding === undefined ? undefined : { hiding, options: proc.superOptions };
}

/**
 * Nothing is hidden from who may trace every process, nor, but for hidepid=4, from the group of the mount option gid (0,
 * if it is not given). Inside a user namespace neither the capability nor the numbers of groups mean that.
 * Source: fs/proc/base.c has_pid_permissions().
 */
function seesAll(host: Host, { hiding, options }: HidingMount): boolean {
  if (valueOf(host.readLink('/proc/self/ns/user')) !== INITIAL_USER_NAMESPACE) return false;
  const bytes = valueOf(host.readFile('/proc/self/status'));
  const status = bytes === undefined ? undefined : valueOf(parseStatus(bytes, '/proc/self/status'));
  if (status === undefined) return false;
  if (((status.effectiveCapabilities >> CAP_SYS_PTRACE) & 1n) === 1n) return true;
  if (hiding === 'hidepid=4' || hiding === 'hidepid=ptraceable') return false;
  const gid = Number(options.find((option) => option.startsWith('gid='))?.slice('gid='.length) ?? 0);
  return status.gids[FS] === gid || status.groups.includes(gid);
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
