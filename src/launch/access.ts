// What is said of a target process that is closed to us, or of one of its descriptors.

import { OUTSIDE, ptraceRule, withMoreRights } from '../inspect/ptrace-access.ts';
import type { ErrorFacts } from '../kernel/error.ts';
import type { Gap, Host } from '../kernel/host.ts';
import { yamaOf, yamaRefusal } from '../namespaces/yama.ts';
import type { Rule } from './rule.ts';

export function explainAccess(host: Host, pid: number, gap: Gap): ErrorFacts {
  return {
    what: `cannot enter the namespaces of process ${pid}: permission denied (${gap.errno ?? 'EACCES'})`,
    why: `its links ask for ptrace access: ${ptraceRule(host, pid)}`,
    tryThis: withMoreRights(host),
  };
}

/** A descriptor of a process that leads to the network namespace of its socket: access to attach, then the socket. */
export function explainDescriptor(host: Host, { pid, fd }: { readonly pid: number; readonly fd: number }): ErrorFacts {
  return {
    what: `cannot take descriptor ${fd} of process ${pid}: permission denied (EPERM)`,
    ...descriptorRule(host, pid, `nstool enter -t ${pid} -N ${fd} COMMAND`),
  };
}

export function noSocket({ pid, fd }: { readonly pid: number; readonly fd: number }, errno: string): ErrorFacts {
  return {
    what: `descriptor ${fd} of process ${pid} leads to no network namespace: ${errno}`,
    why: errno === 'EBADF' ? 'the process has no such descriptor' : 'it is no socket',
    tryThis: `ls -l /proc/${pid}/fd`,
  };
}

function descriptorRule(host: Host, pid: number, command: string): Rule {
  const tryThis = host.self.uid === 0 ? OUTSIDE : `sudo ${command}`;
  const link = host.readLink(`/proc/${pid}/ns/user`);
  if (!link.ok && link.gap.reason === 'denied')
    return { why: `pidfd_getfd(2) asks for ptrace access: ${ptraceRule(host, pid)}`, tryThis };
  const yama = yamaOf(host);
  const refusal = yama === undefined ? undefined : yamaRefusal(yama, pid);
  // What nobody may no sudo helps.
  if (refusal !== undefined) return yama?.isAbsolute === true ? { why: refusal } : { why: refusal, tryThis };
  const why = 'SIOCGSKNS needs CAP_NET_ADMIN in the user namespace that owns the network namespace of the socket';
  return { why, tryThis };
}
