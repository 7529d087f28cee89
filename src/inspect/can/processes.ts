// Acts on other processes. Source: ptrace(2), kernel/ptrace.c __ptrace_may_access(), security/commoncap.c
// cap_ptrace_access_check(), security/yama/yama_lsm.c; kill(2), kernel/signal.c kill_ok_by_cred().

import { credentialsOf, type Credentials } from '../../capabilities/credentials.ts';
import { CAPABILITY } from '../../kernel/abi/capability.ts';
import { valueOf } from '../../kernel/host.ts';
import { statOf } from '../../kernel/process-stat.ts';
import { tracerOf } from '../../kernel/process-tracer.ts';
import { yamaScope } from '../../namespaces/yama.ts';
import { capableIn, doorTo, inodeBehind, isBelowOwnPids, type Actor } from './actor.ts';
import { inodeOf } from '../initial-namespace.ts';
import { idHere, readUserIds } from '../user-ids.ts';
import { allOf, anyOf, hidden, type Check, type Verdict } from './check.ts';

/** May it attach to the process? */
export function canTrace(actor: Actor, other: number): Verdict {
  const seen = visible(actor, other);
  if (other === actor.pid)
    return allOf([{ by: 'process', holds: false, errno: 'EPERM', text: 'no process traces itself' }]);
  const theirs = credentialsOf(actor.host, other);
  if (!theirs.ok) return allOf([seen, hidden('process', `what process ${other} is`, theirs.gap)]);
  const capable = capableIn(actor, CAPABILITY.SYS_PTRACE, doorTo(other, 'user'), `of process ${other}`);
  return allOf([
    seen,
    notOfKernel(actor, other),
    untraced(actor, other),
    anyOf([sameIds(actor, theirs.value), capable]),
    anyOf([dumpable(actor, other, theirs.value), capable]),
    anyOf([coversPermitted(actor, other, theirs.value), capable]),
    ...yama(actor, other, capable),
  ]);
}

function visible(actor: Actor, other: number): Check {
  const holds = isBelowOwnPids(actor, doorTo(other, 'pid')) ?? (isInOurs(actor) ? true : null);
  const text =
    holds === true
      ? `process ${other} is in its pid namespace, or below it`
      : holds === null
        ? `whether process ${other} is in its pid namespace is hidden from us`
        : `process ${other} is not in its pid namespace: it has no number there`;
  return { by: 'namespace', holds, errno: 'ESRCH', text };
}

/** In our own pid namespace: then all that we see in /proc has a number there. */
function isInOurs(actor: Actor): boolean {
  const own = inodeBehind(actor, doorTo(actor.pid, 'pid'));
  return own !== null && own === inodeBehind(actor, doorTo(actor.host.self.pid, 'pid'));
}

/** PF_KTHREAD. Source: proc_pid_stat(5), include/linux/sched.h; kernel threads have no memory of their own. */
function notOfKernel({ host }: Actor, other: number): Check {
  const stat = valueOf(statOf(host, other));
  const isKernels = stat !== undefined && (other === 2 || stat.ppid === 2) && !host.readLink(`/proc/${other}/exe`).ok;
  const text = isKernels ? `process ${other} is a thread of the kernel` : `process ${other} is no thread of the kernel`;
  return { by: 'process', holds: !isKernels, errno: 'EPERM', text };
}

function untraced({ host }: Actor, other: number): Check {
  const tracer = tracerOf(host, other);
  const text = tracer === null ? 'nobody traces it yet' : `process ${tracer} traces it already`;
  return { by: 'process', holds: tracer === null, errno: 'EPERM', text };
}

function sameIds({ credentials }: Actor, theirs: Credentials): Check {
  const [uid] = credentials.uids;
  const [gid] = credentials.gids;
  const holds = theirs.uids.slice(0, 3).every((id) => id === uid) && theirs.gids.slice(0, 3).every((id) => id === gid);
  const theirIds = `${theirs.uids.slice(0, 3).join(' ')}, gids ${theirs.gids.slice(0, 3).join(' ')}`;
  const text = holds
    ? `its real uid and gid are all of the other's (${uid}, ${gid})`
    : `its real uid ${uid} and gid ${gid} are not all of the other's (uids ${theirIds})`;
  return { by: 'ids', holds, errno: 'EPERM', text };
}

/**
 * Files of /proc belong to root of its user namespace where the process is not dumpable, so of that root nothing is told.
 * Source: proc(5), PR_SET_DUMPABLE(2const), fs/proc/base.c task_dump_owner().
 */
function dumpable({ host, gaps }: Actor, other: number, { uids }: Credentials): Check {
  const owner = valueOf(host.stat(`/proc/${other}/status`))?.uid;
  const [, euid] = uids;
  const map = readUserIds(host, other, gaps).uids;
  const root = map === null ? euid : idHere(map, 0);
  if (owner === undefined || (owner === euid && root === euid)) {
    return {
      by: 'process',
      holds: null,
      errno: 'EPERM',
      text: `whether process ${other} is dumpable is hidden from us`,
    };
  }
  const holds = owner === euid;
  const text = holds ? 'the other is dumpable' : 'the other is not dumpable: it gained privileges, or asked for that';
  return { by: 'process', holds, errno: 'EPERM', text };
}

/** A security module of its own, compiled into every kernel with capabilities. */
function coversPermitted(actor: Actor, other: number, { sets }: Credentials): Check {
  const inode = inodeOf(actor.host, `/proc/${other}/ns/user`);
  if (!inode.ok) return hidden('namespace', `the user namespace of process ${other}`, inode.gap);
  const isSame = inode.value === actor.subject.inode;
  const holds = isSame && (sets.permitted & ~actor.credentials.sets.permitted) === 0n;
  const text = holds
    ? 'the other is permitted nothing that it is not'
    : isSame
      ? 'the other is permitted more than it'
      : 'the other is in another user namespace';
  return { by: 'capability', holds, errno: 'EPERM', text };
}

const SCOPE = 'kernel.yama.ptrace_scope';
/** 1: descendants, and who asked for it by PR_SET_PTRACER; 2: CAP_SYS_PTRACE; 3: nobody. */
const [RESTRICTED, CAPABLE] = [1, 2];

function yama(actor: Actor, other: number, capable: Check): readonly Check[] {
  const scope = yamaScope(actor.host);
  if (scope === 0) return [];
  const by = { by: 'lsm', errno: 'EPERM' } as const;
  if (scope > CAPABLE) return [{ ...by, holds: false, text: `Yama lets nobody trace (${SCOPE} is ${scope})` }];
  const demanded: Check = { ...by, holds: false, text: `Yama demands CAP_SYS_PTRACE (${SCOPE} is ${scope})` };
  if (scope === CAPABLE) return [anyOf([capable, demanded])];
  const isBelow = isDescendant(actor, other);
  const text = isBelow
    ? 'the other is a descendant of it, as Yama demands'
    : `Yama lets only its ancestors and CAP_SYS_PTRACE trace it, or whom it named by PR_SET_PTRACER (${SCOPE} is ${RESTRICTED})`;
  return [anyOf([{ ...by, holds: isBelow, text }, capable])];
}

function isDescendant({ host, pid }: Actor, other: number): boolean {
  for (let at = other, steps = 0; at > 0 && steps < MOST_ANCESTORS; steps += 1) {
    if (at === pid) return true;
    at = valueOf(statOf(host, at))?.ppid ?? 0;
  }
  return false;
}

const MOST_ANCESTORS = 10_000;

/** May it send the process a signal? */
export function canKill(actor: Actor, other: number): Verdict {
  const seen = visible(actor, other);
  if (other === actor.pid)
    return allOf([{ by: 'process', holds: true, errno: 'EPERM', text: 'a process may signal itself' }]);
  const theirs = credentialsOf(actor.host, other);
  if (!theirs.ok) return allOf([seen, hidden('process', `what process ${other} is`, theirs.gap)]);
  const capable = capableIn(actor, CAPABILITY.KILL, doorTo(other, 'user'), `of process ${other}`);
  return allOf([seen, anyOf([signalIds(actor, theirs.value), capable])]);
}

function signalIds({ credentials }: Actor, { uids }: Credentials): Check {
  const [ruid, euid] = credentials.uids;
  const [theirReal, , theirSaved] = uids;
  const holds = [ruid, euid].some((id) => id === theirReal || id === theirSaved);
  const text = holds
    ? `its uid is the other's real or saved one (${theirReal}, ${theirSaved})`
    : `neither its real uid ${ruid} nor its effective ${euid} is the other's real or saved one (${theirReal}, ${theirSaved})`;
  return { by: 'ids', holds, errno: 'EPERM', text };
}
