// The two parts of a device's number, as glibc's gnu_dev_major() and gnu_dev_minor() take it apart. Source: makedev(3).

export function majorOf(device: bigint): bigint {
  return ((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn);
}

export function minorOf(device: bigint): bigint {
  return (device & 0xffn) | ((device >> 12n) & ~0xffn);
}
