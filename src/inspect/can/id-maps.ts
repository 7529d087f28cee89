// May a process write the id maps of another's user namespace? Source: user_namespaces(7), kernel/user_namespace.c
// map_write(), new_idmap_permitted(), verify_root_map(); fs/proc/base.c.

import { CAPABILITY } from '../../kernel/abi/capability.ts';
import { valueOf } from '../../kernel/host.ts';
import { decodeText } from '../../kernel/text/text.ts';
import type { Door } from '../../namespaces/discover/door.ts';
import { isFileMapped } from '../file-access.ts';
import { isKernelSince } from '../kernel-version.ts';
import { readUserIds } from '../user-ids.ts';
import { capableHere, capableIn, doorTo, inodeBehind, type Actor } from './actor.ts';
import { allOf, anyOf, hidden, type Check, type Verdict } from './check.ts';

/** What is to be written. */
export type MapContent =
  /** One line, one id: the writer's own effective one. */
  | 'own'
  /** Any ids of the parent namespace, but uid 0 of it. */
  | 'any'
  /** With uid 0 of the parent namespace. */
  | 'root';

export interface MapVerdict {
  readonly file: 'uid_map' | 'gid_map';
  readonly content: MapContent;
  readonly verdict: Verdict;
}

interface MapScene {
  readonly actor: Actor;
  readonly other: number;
  readonly theirs: Door;
  readonly parent: Door;
  /** null: it is hidden from us. */
  readonly place: 'inside' | 'parent' | 'elsewhere' | null;
}

/** For each map and what may stand in it. */
export function canWriteMaps(actor: Actor, other: number): readonly MapVerdict[] {
  const theirs = doorTo(other, 'user');
  const parent: Door = { at: theirs.at, through: ['NS_GET_PARENT'] };
  const scene = { actor, other, theirs, parent, place: placeOf(actor, theirs, parent) };
  const uids = (['own', 'any', 'root'] as const).map((content) => ['uid_map', content] as const);
  const gids = (['own', 'any'] as const).map((content) => ['gid_map', content] as const);
  return [...uids, ...gids].map(([file, content]) => ({ file, content, verdict: write(scene, file, content) }));
}

function placeOf(actor: Actor, theirs: Door, parent: Door): MapScene['place'] {
  const own = actor.subject.inode;
  const [inode, outer] = [inodeBehind(actor, theirs), inodeBehind(actor, parent)];
  if (inode === null) return null;
  if (inode === own) return 'inside';
  if (outer === own) return 'parent';
  return outer === null ? null : 'elsewhere';
}

function write(scene: MapScene, file: 'uid_map' | 'gid_map', content: MapContent): Verdict {
  const { actor, theirs } = scene;
  return allOf([
    opened(scene, file),
    placed(scene),
    unwritten(scene, file),
    capableIn(actor, CAPABILITY.SYS_ADMIN, theirs, 'whose map it is'),
    ...rootMapped(scene, file, content),
    ...permitted(scene, file, content),
  ]);
}

/** The file belongs to the effective uid of the process, or to root where that is not dumpable, and has mode 0644. */
function opened({ actor, other }: MapScene, file: string): Check {
  const path = `/proc/${other}/${file}`;
  const status = actor.host.stat(path);
  if (!status.ok) return hidden('owner', path, status.gap);
  const { uid } = status.value;
  const isOwner = actor.credentials.uids[3] === uid;
  const owner: Check = {
    by: 'owner',
    holds: isOwner,
    errno: 'EACCES',
    text: isOwner ? `it owns ${path}` : `${path} belongs to uid ${uid}`,
  };
  const override = capableHere(actor, CAPABILITY.DAC_OVERRIDE, 'its own', 'EACCES');
  return anyOf(isFileMapped(actor.user, status.value) ? [owner, override] : [owner]);
}

function placed({ place }: MapScene): Check {
  const text = {
    inside: 'it is in that user namespace',
    parent: 'it is in the parent of that user namespace',
    elsewhere: 'it is neither in that user namespace nor in its parent',
    unknown: 'how its user namespace lies to that one is hidden from us',
  }[place ?? 'unknown'];
  return { by: 'namespace', holds: place === null ? null : place !== 'elsewhere', errno: 'EPERM', text };
}

function unwritten({ actor, other }: MapScene, file: 'uid_map' | 'gid_map'): Check {
  const ids = readUserIds(actor.host, other, actor.gaps);
  const map = file === 'uid_map' ? ids.uids : ids.gids;
  const text =
    map === null
      ? `whether ${file} is written is hidden from us`
      : map.length === 0
        ? `${file} is not written yet`
        : `${file} is written already, which is possible once`;
  return { by: 'id_map', holds: map === null ? null : map.length === 0, errno: 'EPERM', text };
}

/** Since: Linux 5.12. */
function rootMapped({ actor, parent, place }: MapScene, file: string, content: MapContent): readonly Check[] {
  const mapsRoot = file === 'uid_map' && (content === 'root' || (content === 'own' && isRootThere(actor)));
  if (!mapsRoot || isKernelSince(actor.host, 5, 12) === false) return [];
  if (place !== 'inside')
    return [capableIn(actor, CAPABILITY.SETFCAP, parent, 'the parent, as uid 0 of that is to be mapped')];
  const text = 'whether who made the namespace had CAP_SETFCAP then, as mapping uid 0 asks, is hidden from us';
  return [{ by: 'capability', holds: null, errno: 'EPERM', text }];
}

/** Is it root of its own user namespace? */
function isRootThere({ user, credentials }: Actor): boolean {
  const root = user.uids?.find(({ inside }) => inside === 0);
  return root !== undefined && root.here === credentials.uids[1];
}

function permitted({ actor, other, theirs, parent }: MapScene, file: string, content: MapContent): readonly Check[] {
  const isUid = file === 'uid_map';
  const capability = isUid ? CAPABILITY.SETUID : CAPABILITY.SETGID;
  const capable = capableIn(actor, capability, parent, 'the parent');
  if (content !== 'own') return [capable];
  return [anyOf([isUid ? owner(actor, theirs) : denied(actor, other, theirs), capable])];
}

function owner({ host, subject }: Actor, { at }: Door): Check {
  const uid = valueOf(host.askNamespace(at, ['NS_GET_OWNER_UID']));
  const holds = uid === undefined ? null : Number(uid) === subject.uid;
  const text =
    uid === undefined
      ? 'who made the namespace is hidden from us'
      : holds === true
        ? 'it made the namespace, and so may map its own id'
        : `uid ${uid} made the namespace, not its euid ${subject.uid}`;
  return { by: 'owner', holds, errno: 'EPERM', text };
}

/** Without CAP_SETGID who makes a group map must have given up setgroups(2) before. Since: Linux 3.19. */
function denied(actor: Actor, other: number, theirs: Door): Check {
  const made = owner(actor, theirs);
  if (made.holds !== true) return made;
  const path = `/proc/${other}/setgroups`;
  const bytes = actor.host.readFile(path);
  if (!bytes.ok) return hidden('id_map', path, bytes.gap);
  const holds = decodeText(bytes.value).trim() === 'deny';
  const text = holds ? `${path} is deny` : `${path} is not deny, which must be written there before`;
  return { by: 'id_map', holds, errno: 'EPERM', text };
}
