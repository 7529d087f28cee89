// Which mount an open file is on.

import { readFileSync } from 'node:fs';

/** Its id in mountinfo; null where it is not told. Source: proc_pid_fdinfo(5). Since: Linux 3.15. */
export function mountOfDescriptor(fd: number): number | null {
  const [, id] = /^mnt_id:\s*([0-9]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')) ?? [];
  return id === undefined ? null : Number(id);
}
