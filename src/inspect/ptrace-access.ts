// Why a process is closed to us: what ptrace(2) calls access, which the links of its namespaces ask for too.
// Source: ptrace(2) "Ptrace access mode checking", kernel/ptrace.c __ptrace_may_access().

import { decodeMask } from '../capabilities/mask.ts';
import { errorOfGap, NsError } from '../kernel/error.ts';
import { valueOf, type Gap, type Host } from '../kernel/host.ts';
import { isMapped, parseIdMap } from '../kernel/text/id-map.ts';
import { parseStatus, type ProcessStatus } from '../kernel/text/status.ts';

/** For root, whom sudo gives nothing more. */
export const OUTSIDE = 'the same command from further outside, where that is allowed';

/** What to do where rights are missing. */
export function withMoreRights(host: Host): string {
  return host.self.uid === 0 ? OUTSIDE : 'the same command with sudo';
}

/** The file of a namespace that cannot be opened. `path`: where it is; `name`: what it is called in the text. */
export function closedNamespace(host: Host, path: string, gap: Gap, name: string = path): NsError {
  const pid = gap.reason === 'denied' ? /^\/proc\/([0-9]+)\//.exec(path)?.[1] : undefined;
  if (pid === undefined || !host.stat(`/proc/${pid}`).ok) return errorOfGap(gap, `cannot open ${name}`);
  return new NsError('DENIED', {
    what: `cannot open ${name}: permission denied (${gap.errno ?? 'EACCES'})`,
    why: `the links of a process ask for ptrace access: ${ptraceRule(host, Number(pid))}`,
    tryThis: withMoreRights(host),
  });
}

/** The rule that closes it, in one clause. */
export function ptraceRule(host: Host, pid: number): string {
  const theirs = statusOf(host, String(pid));
  const ours = statusOf(host, 'self');
  // Of a process that is not dumpable all files but the folder belong to root.
  const file = valueOf(host.stat(`/proc/${pid}/status`));
  if (theirs === undefined || ours === undefined) return 'its own user, or CAP_SYS_PTRACE in its user namespace';
  const uid = theirs.uids.find((each) => each !== host.self.uid);
  if (uid !== undefined)
    return `it runs as uid ${uid}, we as ${host.self.uid}, without CAP_SYS_PTRACE in its user namespace`;
  // Such ids of two users are alike, and so is what they own.
  if (host.self.uid === OVERFLOW && !isOurs(host, OVERFLOW))
    return `it may be of another user than we: our user namespace has no number for either (shown as ${OVERFLOW}); without CAP_SYS_PTRACE in its user namespace`;
  if (file !== undefined && file.uid !== host.self.uid)
    return 'it is not dumpable (PR_SET_DUMPABLE(2const), or its program gained rights or cannot be read), and we lack CAP_SYS_PTRACE';
  const more = decodeMask(theirs.effectiveCapabilities & ~ours.effectiveCapabilities).names;
  if (more.length > 0)
    return `it has capabilities that we have not (${more.slice(0, FEW).join(', ')}${more.length > FEW ? ', …' : ''}), and we lack CAP_SYS_PTRACE`;
  return 'it is in a user namespace where our capabilities do not count, or a security module refuses';
}

/** Shown for a uid that the reader's user namespace has none for. Source: DEFAULT_OVERFLOWUID. */
const OVERFLOW = 65_534;

/** Has our user namespace a uid of that number? Unknown counts as yes. */
function isOurs(host: Host, uid: number): boolean {
  const path = '/proc/self/uid_map';
  const bytes = valueOf(host.readFile(path));
  const map = bytes === undefined ? undefined : valueOf(parseIdMap(bytes, path));
  return map === undefined || isMapped(map, uid);
}

/** So many are named. */
const FEW = 3;

function statusOf(host: Host, process: string): ProcessStatus | undefined {
  const path = `/proc/${process}/status`;
  const bytes = valueOf(host.readFile(path));
  return bytes === undefined ? undefined : valueOf(parseStatus(bytes, path));
}
