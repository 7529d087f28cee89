// What is in a mount namespace: the mounts that a process in it sees.

import { value } from '../../kernel/host.ts';
import type { Mount } from '../../kernel/text/mountinfo.ts';
import { mountinfoOf, readMountTable } from '../mount-table.ts';
import type { Fact, Section } from './fact.ts';
import { readThrough, type SeenNamespace, type Side } from './side.ts';

/** Source: proc_pid_mountinfo(5). Mount points are as the process sees them; ids and peer groups mean nothing outside. */
export function mountSections(side: Side, namespace: SeenNamespace): readonly Section[] {
  const { inode, pids } = namespace;
  const mounts = inode.ok ? readMountTable(side.host, inode.value, pids) : readThrough(side, namespace, mountinfoOf);
  return [{ subject: 'mount table', facts: mounts.ok ? value(mounts.value.map(mountFact)) : mounts }];
}

function mountFact(mount: Mount): Fact {
  const { mountPoint, fsType, source, isSourceUntold, root, options, superOptions } = mount;
  const parts = [
    `type ${fsType}`,
    `source ${isSourceUntold === true ? '-' : source}`,
    ...(root === '/' ? [] : [`root ${root}`]),
    ...options,
    // Writable is what a file system is; of what is written on a read-only one the mount knows nothing.
    ...superOptions.filter((option) => option !== 'rw').map((option) => (option === 'ro' ? 'file system ro' : option)),
  ];
  return { what: 'mount', name: mountPoint, value: parts };
}
