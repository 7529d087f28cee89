// What is told only inside a namespace, or of its processes.

import type { IdRange } from '../../kernel/text/id-map.ts';
import { parseIdMap } from '../../kernel/text/id-map.ts';
import { enterable, type Door } from '../discover/door.ts';
import type { Namespace } from '../discover/scan.ts';
import { insideOf, readName } from '../inside.ts';
import type { FactLook } from './fact-look.ts';

/** The host name in a uts namespace. */
export function hostnameOf(look: FactLook, namespace: Namespace, door: Door | undefined): string | null {
  const inside = insideOf(look.scan.host, 'uts', `uts:[${namespace.inode}]`, enterable(door));
  return look.known(inside.ok ? readName(inside.value, 'hostname') : inside);
}

/**
 * The maps of a user namespace, a word for each range: `uid:0:100000:65536` is uids from 0 on inside, which from 100000 on
 * are ours, 65536 of them; `-` where they are none of ours. Empty: not written yet.
 */
export function mapsOf(look: FactLook, { kind, inode, pids }: Namespace): readonly string[] | null {
  const [pid] = pids;
  if (pid === undefined) return look.unknown(`id maps of ${kind}:[${inode}]: no process that we see is in it`);
  const uids = look.parsed(`/proc/${pid}/uid_map`, parseIdMap);
  const gids = look.parsed(`/proc/${pid}/gid_map`, parseIdMap);
  return uids === null || gids === null ? null : [...words('uid', uids), ...words('gid', gids)];
}

function words(sort: 'uid' | 'gid', map: readonly IdRange[]): readonly string[] {
  return map.map(({ inside, outside, count }) => `${sort}:${inside}:${outside ?? '-'}:${count}`);
}
