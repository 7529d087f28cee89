// The device of nsfs, the file system of all namespaces, by which its files are known whatever their links say.

import { valueOf, type Host } from '../../kernel/host.ts';

/** As stat(2) has it. undefined: it cannot be told. */
export function nsfsDevice(host: Host): bigint | undefined {
  return valueOf(host.stat('/proc/self/ns/mnt'))?.dev;
}

/** As the kernel has it in fdinfo: 12 bits, then 20. Source: linux/kdev_t.h; stat(2) has what gnu_dev_makedev() makes. */
export function kernelDevice(device: bigint): bigint {
  const major = (device >> 8n) & 0xfffn;
  const minor = (device & 0xffn) | ((device >> 12n) & 0xf_ff00n);
  return (major << 20n) | minor;
}
