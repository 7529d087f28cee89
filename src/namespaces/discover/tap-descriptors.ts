// Descriptors of macvtap and ipvtap devices, /dev/tapN. Each is a socket in the network namespace in which it was opened,
// and keeps that; but none of its ioctls tells which one it is, as those of /dev/net/tun do.
// Source: drivers/net/tap.c tap_open(), tap_ioctl().

import { valueOf } from '../../kernel/host.ts';
import { taskFolder } from './door.ts';
import type { Scan, Source } from './scan.ts';

const S_IFMT = 0o170000;
const S_IFCHR = 0o020000;

export const tapDescriptors: Source = {
  name: 'macvtap descriptors',
  when: 'deep, for net',
  cost: 'one stat per descriptor of a file named tapN',
  blind: 'which namespaces they keep: that there are such descriptors is a gap',
  discover(scan) {
    if (!scan.kinds.has('net')) return;
    const paths = scan.deep.taps.map((use) => `${taskFolder(use)}/fd/${use.fd}`).filter((path) => isDevice(scan, path));
    if (paths.length === 0) return;
    scan.gaps.addUncounted({
      subject: 'namespace',
      reason: 'unsupported',
      errno: null,
      count: null,
      examples: paths.slice(0, 3),
      detail: `kept only by a macvtap descriptor: ${paths.slice(0, 3).join(', ')}`,
    });
  },
};

function isDevice({ host }: Scan, path: string): boolean {
  const status = valueOf(host.stat(path));
  return status !== undefined && (status.mode & S_IFMT) === S_IFCHR;
}
