// Rules that changed from one version of Linux to another, and can only be told apart by its number.

import { valueOf, type Host } from '../kernel/host.ts';
import { decodeText } from '../kernel/text/text.ts';

/** Is it this version or a later one? null: it does not tell. Distributions may have brought a change to an older one. */
export function isKernelSince(host: Host, major: number, minor: number): boolean | null {
  const release = valueOf(host.readFile('/proc/sys/kernel/osrelease'));
  const [, first, second] = /^([0-9]+)\.([0-9]+)/.exec(release === undefined ? '' : decodeText(release)) ?? [];
  if (first === undefined || second === undefined) return null;
  return Number(first) > major || (Number(first) === major && Number(second) >= minor);
}
