// Whose descriptors Yama keeps from us. It restricts access to attach, which pidfd_getfd(2) asks for, and not access to
// read, which the links of namespaces and descriptors and setns(2) by a pidfd ask for.
// Source: security/yama/yama_lsm.c yama_ptrace_access_check(), admin-guide/LSM/Yama.rst.

import { valueOf, type Host } from '../kernel/host.ts';
import { parseStatus } from '../kernel/text/status.ts';
import { decodeText, parseDecimal } from '../kernel/text/text.ts';

/** Absent where the kernel is built without Yama, or starts without it. */
const SCOPE = '/proc/sys/kernel/yama/ptrace_scope';
const CAP_SYS_PTRACE = 1n << 19n;
/** At 1: ancestors, whom the process named by PR_SET_PTRACER(2const), and CAP_SYS_PTRACE; at 2 that; at 3 nobody. */
const [RESTRICTED, CAPABLE, NOBODY] = [1, 2, 3];

/** What Yama says to us. */
export interface Yama {
  readonly host: Host;
  readonly scope: number;
  /** CAP_SYS_PTRACE in our own user namespace. */
  readonly isCapable: boolean;
  /** It refuses everybody. */
  readonly isAbsolute: boolean;
}

/** 0 to 3. Where nothing tells, 0: it restricts nothing. */
export function yamaScope(host: Host): number {
  const bytes = valueOf(host.readFile(SCOPE));
  return (bytes === undefined ? undefined : parseDecimal(decodeText(bytes).trim())) ?? 0;
}

/** undefined: it restricts nothing. */
export function yamaOf(host: Host): Yama | undefined {
  const scope = yamaScope(host);
  if (scope < RESTRICTED) return undefined;
  const path = '/proc/self/status';
  const text = valueOf(host.readFile(path));
  const status = text === undefined ? undefined : valueOf(parseStatus(text, path));
  const isCapable = ((status?.effectiveCapabilities ?? 0n) & CAP_SYS_PTRACE) !== 0n;
  return { host, scope, isCapable, isAbsolute: scope >= NOBODY };
}

/**
 * Why EPERM came for a descriptor of a process whose links we may read; undefined: not from Yama. Of a process in another
 * user namespace only who has CAP_SYS_PTRACE there may read the links.
 */
export function yamaRefusal({ host, scope, isCapable, isAbsolute }: Yama, pid: number): string | undefined {
  if (pid === host.self.pid) return undefined;
  const setting = `yama (kernel.yama.ptrace_scope is ${scope})`;
  if (isAbsolute) return `${setting} lets nobody take a descriptor of another process, until the next boot`;
  const theirs = valueOf(host.readLink(`/proc/${pid}/ns/user`));
  if (isCapable || theirs === undefined || theirs !== valueOf(host.readLink('/proc/self/ns/user'))) return undefined;
  if (scope === CAPABLE) return `${setting} lets only CAP_SYS_PTRACE take a descriptor of another process`;
  return `${setting} lets only its ancestors and CAP_SYS_PTRACE take a descriptor of another process`;
}
