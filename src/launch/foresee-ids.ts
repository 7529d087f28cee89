// What the kernel will say to the changes after the joining: of the root and of the ids.
// Source: chroot(2), setuid(2), setgid(2), setgroups(2).

import type { Host } from '../kernel/host.ts';
import { isMapped, type IdRange } from '../kernel/text/id-map.ts';
import { joinsUser, type Door } from './doors.ts';
import type { EnterQuery, WantedId } from './enter-query.ts';
import { noChroot, noGroups, noId, type Refusal } from './rule.ts';
import { readMaps } from './ids.ts';
import { CAPABILITY, standingOf } from './standing.ts';

/** undefined: nothing that can be told. */
export function foreseeIds(host: Host, query: EnterQuery, joined: readonly Door[]): Refusal | undefined {
  if (joinsUser(joined)) return unmappedId(host, query, joined);
  const us = standingOf(host);
  if (us === undefined) return undefined;
  const lacks = (capability: bigint): boolean => (us.effective & capability) === 0n;
  if (query.root !== undefined && lacks(CAPABILITY.SYS_CHROOT)) return noChroot;
  if (query.gid !== undefined && lacks(CAPABILITY.SETGID)) return noGroups;
  if (query.uid !== undefined && query.uid !== us.uid && lacks(CAPABILITY.SETUID))
    return noId('uid', query.uid === 'follow' ? 'the uid of the target' : `uid ${query.uid}`);
  return undefined;
}

/** After a user namespace of the process was joined all is allowed there that is mapped. */
function unmappedId(host: Host, { pid, gid, uid }: EnterQuery, joined: readonly Door[]): Refusal | undefined {
  const door = joined.find(({ kind }) => kind === 'user');
  if (door?.ofProcess !== true || pid === undefined) return undefined;
  const maps = readMaps(host, pid);
  const lacking = (what: 'uid' | 'gid', id: WantedId | undefined, map: readonly IdRange[] | undefined) =>
    typeof id === 'number' && map !== undefined && !isMapped(map, id)
      ? { what: `cannot become ${what} ${id}: EINVAL`, why: `${what} ${id} is not mapped in that user namespace` }
      : undefined;
  return lacking('gid', gid, maps.gids) ?? lacking('uid', uid, maps.uids);
}
