// A process as the rules about user namespaces see it.

import type { Subject } from '../capabilities/capable.ts';
import type { Credentials } from '../capabilities/credentials.ts';
import { value, type Host, type Reading } from '../kernel/host.ts';
import { inodeOf } from './initial-namespace.ts';

/** Errors: as of reading the link of its user namespace. */
export function subjectOf(host: Host, pid: number, { uids, sets }: Credentials): Reading<Subject> {
  const inode = inodeOf(host, `/proc/${pid}/ns/user`);
  return inode.ok ? value({ inode: inode.value, uid: uids[1] ?? 0, effective: sets.effective }) : inode;
}
