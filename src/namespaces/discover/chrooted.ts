// Processes whose root directory is not the root of their mount namespace: their mount table has only what lies below it.
// Source: chroot(2), proc_pid_root(5), proc_pid_mountinfo(5).

import { valueOf, type Host } from '../../kernel/host.ts';
import type { Scan } from './scan.ts';

/** false where the link cannot be read: then mountinfo cannot either. A root that we share reads as `/`, too. */
export function isChrooted(host: Host, pid: number): boolean {
  return (valueOf(host.readLink(`/proc/${pid}/root`)) ?? '/') !== '/';
}

/** To be looked at through its first process that sees all of it. */
export function noteMountNamespace(scan: Scan, text: string, pid: number): void {
  const isNew = !scan.mountNamespaces.has(text);
  if (!isNew && !scan.chrooted.has(text)) return;
  const chrooted = isChrooted(scan.host, pid);
  if (isNew || !chrooted) scan.mountNamespaces.set(text, pid);
  if (chrooted) scan.chrooted.add(text);
  else scan.chrooted.delete(text);
}
