// Why a process is closed to us: what ptrace(2) calls access, which the links of its namespaces ask for too.
// Source: ptrace(2) "Ptrace access mode checking", kernel/ptrace.c __ptrace_may_access().

import { decodeMask } from '../capabilities/mask.ts';
import type { ErrorFacts } from '../kernel/error.ts';
import { valueOf, type Gap, type Host } from '../kernel/host.ts';
import { parseStatus, type ProcessStatus } from '../kernel/text/status.ts';
import { yamaOf, yamaRefusal } from '../namespaces/yama.ts';
import { OUTSIDE, type Rule } from './rule.ts';

export function explainAccess(host: Host, pid: number, gap: Gap): ErrorFacts {
  return {
    what: `cannot enter the namespaces of process ${pid}: permission denied (${gap.errno ?? 'EACCES'})`,
    why: `its links ask for ptrace access: ${ruleOf(host, pid)}`,
    tryThis: host.self.uid === 0 ? OUTSIDE : `sudo nstool enter ${pid}`,
  };
}

/** A descriptor of a process that leads to the network namespace of its socket: access to attach, then the socket. */
export function explainDescriptor(host: Host, { pid, fd }: { readonly pid: number; readonly fd: number }): ErrorFacts {
  return {
    what: `cannot take descriptor ${fd} of process ${pid}: permission denied (EPERM)`,
    ...descriptorRule(host, pid, `nstool enter -t ${pid} -N ${fd} COMMAND`),
  };
}

function descriptorRule(host: Host, pid: number, command: string): Rule {
  const tryThis = host.self.uid === 0 ? OUTSIDE : `sudo ${command}`;
  const link = host.readLink(`/proc/${pid}/ns/user`);
  if (!link.ok && link.gap.reason === 'denied')
    return { why: `pidfd_getfd(2) asks for ptrace access: ${ruleOf(host, pid)}`, tryThis };
  const yama = yamaOf(host);
  const refusal = yama === undefined ? undefined : yamaRefusal(yama, pid);
  // What nobody may no sudo helps.
  if (refusal !== undefined) return yama?.isAbsolute === true ? { why: refusal } : { why: refusal, tryThis };
  const why = 'SIOCGSKNS needs CAP_NET_ADMIN in the user namespace that owns the network namespace of the socket';
  return { why, tryThis };
}

function ruleOf(host: Host, pid: number): string {
  const theirs = statusOf(host, String(pid));
  const ours = statusOf(host, 'self');
  // Of a process that is not dumpable all files but the folder belong to root.
  const file = valueOf(host.stat(`/proc/${pid}/status`));
  if (theirs === undefined || ours === undefined) return 'its own user, or CAP_SYS_PTRACE in its user namespace';
  const uid = theirs.uids.find((each) => each !== host.self.uid);
  if (uid !== undefined)
    return `it runs as uid ${uid}, we as ${host.self.uid}, without CAP_SYS_PTRACE in its user namespace`;
  if (file !== undefined && file.uid !== host.self.uid)
    return 'it is not dumpable (PR_SET_DUMPABLE(2const), or its program gained rights or cannot be read), and we lack CAP_SYS_PTRACE';
  const more = decodeMask(theirs.effectiveCapabilities & ~ours.effectiveCapabilities).names;
  if (more.length > 0)
    return `it has capabilities that we have not (${more.slice(0, FEW).join(', ')}${more.length > FEW ? ', …' : ''}), and we lack CAP_SYS_PTRACE`;
  return 'it is in a user namespace where our capabilities do not count, or a security module refuses';
}

/** So many are named. */
const FEW = 3;

function statusOf(host: Host, process: string): ProcessStatus | undefined {
  const path = `/proc/${process}/status`;
  const bytes = valueOf(host.readFile(path));
  return bytes === undefined ? undefined : valueOf(parseStatus(bytes, path));
}
