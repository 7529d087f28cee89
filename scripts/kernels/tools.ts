// What the host needs to boot a guest: Debian's packages, installed if they are missing and we are root.

import { isThere, run } from './command.ts';
import type { Guest } from './guests.ts';

const always = { cpio: 'cpio', depmod: 'kmod', 'dpkg-deb': 'dpkg', npm: 'npm', tar: 'tar', xz: 'xz-utils' };

/** Errors: something is missing and cannot be installed. */
export function installTools(guests: readonly Guest[], say: (line: string) => void): void {
  const programs: Readonly<Record<string, string>> = Object.assign(
    {},
    always,
    ...guests.map(({ architecture }) => architecture.packages),
  );
  const missing = Object.entries(programs).filter(([program]) => !isThere(program));
  const packages = missing.flatMap(([, names]) => names.split(' '));
  if (packages.length === 0) return;
  if (process.geteuid?.() !== 0) throw new Error(`missing on this host: apt-get install ${packages.join(' ')}`);
  say(`installing on this host: ${packages.join(' ')}`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  run(['apt-get', '-qq', 'update'], { env });
  run(['apt-get', '-qq', '-y', '--no-install-recommends', 'install', ...packages], { env });
}
