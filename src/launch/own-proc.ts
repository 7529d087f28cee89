// A /proc of the pid namespace that was entered: the one at /proc shows the processes of ours, by our numbers.

import { MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID } from '../kernel/abi/mount-flags.ts';
import type { Step } from '../kernel/program.ts';
import { attempt, privately, type Fallback } from './private-mounts.ts';
import { PROC_MARK, step } from './step.ts';

const fallback: Fallback = { what: 'mount a /proc of the pid namespace', instead: 'it is still that of this host' };

/** After the fork: proc shows the pid namespace of who mounts it. */
export function mountProc(): readonly Step[] {
  const into = 'proc';
  const make = step('make a proc', 'of the pid namespace that we are in now', {
    op: 'fsmount',
    type: 'proc',
    options: [],
    attributes: MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
    into,
  });
  const attach = step('attach it to /proc', 'ps and its kin read there', {
    op: 'attach',
    slot: into,
    path: '/proc',
    flags: 0,
  });
  return privately(attempt(make, PROC_MARK + 2, fallback, [attach]), PROC_MARK, fallback);
}
