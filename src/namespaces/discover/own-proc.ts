// Is the proc file system at /proc that of our own pid namespace? If not, its numbers mean other processes, or it
// looks like an empty host. Source: pid_namespaces(7), proc_pid_status(5) NSpid.

import { NsError } from '../../kernel/error.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { parseMountinfo } from '../../kernel/text/mountinfo.ts';
import { parseStatus } from '../../kernel/text/status.ts';

/** Errors: FOREIGN_PROC. */
export function requireOwnProc(host: Host): void {
  const self = valueOf(host.readLink('/proc/self'));
  if (self === undefined) throw notOurs(host, '/proc/self is missing: ', 'this process does not appear in it');
  const status = valueOf(host.readFile('/proc/self/status'));
  const pids = status === undefined ? undefined : valueOf(parseStatus(status, '/proc/self/status'));
  // NSpid lists our number in each pid namespace, from that of /proc inwards: more than one means an outer /proc.
  const seen = pids?.namespacePids[0] ?? pids?.pid ?? Number(self);
  if (seen !== host.self.pid || (pids?.namespacePids.length ?? 1) > 1) {
    throw notOurs(host, '', `this process is ${host.self.pid} in its pid namespace and ${seen} in /proc`);
  }
}

function notOurs(host: Host, prefix: string, evidence: string): NsError {
  return new NsError('FOREIGN_PROC', {
    what: `${prefix}/proc is not the proc file system of this pid namespace`,
    why: `${evidence} (${describeMount(host)})`,
    tryThis: `unshare --mount sh -c 'mount -t proc proc /proc && exec nstool ls'`,
  });
}

function describeMount(host: Host): string {
  const bytes = valueOf(host.readFile('/proc/self/mountinfo')) ?? valueOf(host.readFile('/proc/thread-self/mountinfo'));
  const mounts = bytes === undefined ? undefined : valueOf(parseMountinfo(bytes, '/proc/self/mountinfo'));
  const mount = mounts?.findLast((entry) => entry.mountPoint === '/proc');
  if (mount === undefined) return describeDevice(host);
  return `mount ${mount.id}: ${mount.fsType} ${mount.source} on ${mount.mountPoint}`;
}

/** Without any mount table that is ours: what stat(2) tells. */
function describeDevice(host: Host): string {
  const proc = valueOf(host.stat('/proc'))?.dev;
  if (proc === undefined) return 'there is no folder /proc';
  if (proc === valueOf(host.stat('/'))?.dev) return 'nothing is mounted on /proc';
  // As glibc's gnu_dev_major() and gnu_dev_minor() take it apart.
  const major = ((proc >> 8n) & 0xfffn) | ((proc >> 32n) & ~0xfffn);
  const minor = (proc & 0xffn) | ((proc >> 12n) & ~0xffn);
  return `what is mounted on /proc is the file system ${major}:${minor}`;
}
