// nsfs bind mounts in every mount namespace that has a process: `ip netns add`, `unshare --net=FILE`, docker's netns.
// Source: proc_pid_mountinfo(5), namespaces(7). Cost: one file per distinct mount namespace.

import { valueOf } from '../../kernel/host.ts';
import { parseMountinfo } from '../../kernel/text/mountinfo.ts';
import { noteNamespace, type Scan, type Source } from './scan.ts';

export const bindMounts: Source = {
  name: 'bind mounts',
  blind: 'mounts in mount namespaces without a process, and outside the root of the process that was asked',
  discover(scan) {
    const own = valueOf(scan.host.readLink('/proc/self/ns/mnt'));
    readMounts(scan, '/proc/self', '');
    for (const [text, pid] of scan.mountNamespaces) {
      if (text !== own) readMounts(scan, `/proc/${pid}`, `/proc/${pid}/root`);
    }
  },
};

function readMounts(scan: Scan, process: string, root: string): void {
  const path = `${process}/mountinfo`;
  const bytes = scan.host.readFile(path);
  if (!bytes.ok) return scan.gaps.add('mount table', bytes.gap);
  const mounts = parseMountinfo(bytes.value, path, 'nsfs');
  if (!mounts.ok) return scan.gaps.add('mount table', mounts.gap);
  for (const mount of mounts.value) {
    const [kind] = mount.root.split(':');
    if (![...scan.kinds].some((wanted) => wanted === kind)) continue;
    const namespace = noteNamespace(scan, mount.root, path);
    if (namespace === undefined) continue;
    const paths = root === '' ? namespace.mounts : namespace.foreignMounts;
    const target = `${root}${mount.mountPoint}`;
    // Mounts stack: the same path can hold the same namespace several times.
    if (!paths.includes(target)) paths.push(target);
  }
}
