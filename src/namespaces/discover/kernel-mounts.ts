// Mounts of sysfs: each superblock keeps a network namespace in memory after its end. Its links are gone then, nothing
// opens it again, and nothing tells which it was. (A mount of mqueue keeps nothing: it is cut off when its ipc namespace
// ends.) Source: fs/sysfs/mount.c, which takes a passive reference since Linux 3.0.

import type { Scan, Source } from './scan.ts';

export const kernelMounts: Source = {
  name: 'kernel mounts',
  when: 'deep, for net',
  cost: 'nothing: the mounts of the whole system were read',
  blind: 'which namespaces they keep',
  discover(scan) {
    // One superblock is that of the host itself. None: the mounts could not be read.
    if (scan.kinds.has('net') && scan.deep.sysfs.size !== 1) note(scan, scan.deep.sysfs.size);
  },
};

function note(scan: Scan, superblocks: number): void {
  const found = superblocks === 0 ? '' : `; ${superblocks} superblocks of sysfs are mounted`;
  scan.gaps.addUncounted({
    subject: 'namespace',
    reason: 'unsupported',
    errno: null,
    count: null,
    examples: [],
    detail: `kept in memory only by a kernel mount (sysfs)${found}`,
  });
}
