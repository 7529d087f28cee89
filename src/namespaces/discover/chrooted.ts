// Processes whose root directory is not the root of their mount namespace: their mount table has only what lies below it.
// Source: chroot(2), proc_pid_root(5), proc_pid_mountinfo(5).

import { valueOf, type Host } from '../../kernel/host.ts';

/** false where the link cannot be read: then mountinfo cannot either. A root that we share reads as `/`, too. */
export function isChrooted(host: Host, pid: number): boolean {
  return (valueOf(host.readLink(`/proc/${pid}/root`)) ?? '/') !== '/';
}
