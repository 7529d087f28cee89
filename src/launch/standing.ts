// Who we are, and why a capability is missing somewhere.

import type { Power, Subject } from '../capabilities/capable.ts';
import { decodeMask } from '../capabilities/mask.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import { parseStatus } from '../kernel/text/status.ts';
import { ownInode } from '../namespaces/own.ts';

/** undefined: a host that does not tell. */
export function standingOf(host: Host): Subject | undefined {
  const inode = ownInode(host, 'user');
  const bytes = valueOf(host.readFile('/proc/self/status'));
  const status = bytes === undefined ? undefined : valueOf(parseStatus(bytes, '/proc/self/status'));
  if (inode === undefined || status === undefined) return undefined;
  return { inode, uid: host.self.uid, effective: status.effectiveCapabilities };
}

/** Why a capability is missing there, in one clause. */
export function lackOf(name: string, power: Power, us: Subject): string {
  const where = `user:[${power.inode}]`;
  switch (power.place) {
    case 'ours':
      return `${name} in ${where}, our own, is missing: we have ${named(us.effective)}`;
    case 'below': {
      const owner = power.owner === undefined ? '' : ` (that is uid ${power.owner}, we are uid ${us.uid})`;
      return `not the owner of ${where}${owner}, and without ${name}: in our own user namespace we have ${named(us.effective)}`;
    }
    case 'beyond':
      return `${where} is neither ours nor below ours: no capability of ours counts there`;
  }
}

/** So many are named. */
const FEW = 6;

function named(mask: bigint): string {
  const { names, unknown } = decodeMask(mask);
  const all = [...names, ...unknown.map(String)];
  if (all.length === 0) return 'no capabilities';
  return all.length <= FEW ? all.join(', ') : `${all.length} capabilities, not this one`;
}
