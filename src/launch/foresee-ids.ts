// What the kernel will say to the changes after the joining: of the root and of the ids.
// Source: chroot(2), setuid(2), setgid(2), setgroups(2).

import type { Host } from '../kernel/host.ts';
import { isMapped, type IdRange } from '../kernel/text/id-map.ts';
import { parseDecimal } from '../kernel/text/text.ts';
import type { Door } from './doors.ts';
import type { EnterQuery, WantedId } from './enter-query.ts';
import { noChroot, noGroups, noId, type Refusal } from './rule.ts';
import { readMaps } from './ids.ts';
import type { Subject } from '../capabilities/capable.ts';
import { CAPABILITY } from '../kernel/abi/capability.ts';
import { isOwnRoot } from './target-process.ts';

/** undefined: nothing that can be told. */
export function foreseeIds(
  host: Host,
  us: Subject | undefined,
  query: EnterQuery,
  joined: readonly Door[],
): Refusal | undefined {
  const user = joined.find(({ kind }) => kind === 'user');
  if (user !== undefined) return within(host, query, user, us);
  if (us === undefined) return undefined;
  const lacks = (capability: bigint): boolean => (us.effective & capability) === 0n;
  if (query.root !== undefined && lacks(CAPABILITY.SYS_CHROOT) && !isOwnRoot(host, query)) return noChroot;
  if (query.gid !== undefined && lacks(CAPABILITY.SETGID)) return noGroups;
  if (query.uid !== undefined && query.uid !== us.uid && lacks(CAPABILITY.SETUID))
    return noId('uid', query.uid === 'follow' ? 'the uid of the target' : `uid ${query.uid}`);
  return undefined;
}

/** After a user namespace was joined all is allowed there that is mapped, but groups where they are denied. */
function within(host: Host, query: EnterQuery, user: Door, us: Subject | undefined): Refusal | undefined {
  const { gid, uid } = query;
  const pid = user.ofProcess ? query.pid : parseDecimal(/^\/proc\/([0-9]+)\/ns\/user$/.exec(user.path)?.[1]);
  if (pid === undefined) return undefined;
  const maps = readMaps(host, pid);
  const isKept = maps.setgroups === 'deny' && us !== undefined && (us.effective & CAPABILITY.SETGID) === 0n;
  // Of the target process it is known beforehand, and forgiven.
  if (gid !== undefined && isKept && !user.ofProcess) return noGroups;
  return unmapped('gid', gid, maps.gids) ?? unmapped('uid', uid, maps.uids);
}

function unmapped(
  what: 'uid' | 'gid',
  id: WantedId | undefined,
  map: readonly IdRange[] | undefined,
): Refusal | undefined {
  if (typeof id !== 'number' || map === undefined || isMapped(map, id)) return undefined;
  return { what: `cannot become ${what} ${id}: EINVAL`, why: `${what} ${id} is not mapped in that user namespace` };
}
