// Where a user namespace lies, whose it is, and what it owns. Source: user_namespaces(7), ioctl_nsfs(2).

import { namespaceKinds } from '../../kernel/abi/namespace-kinds.ts';
import { valueOf } from '../../kernel/host.ts';
import { parsePasswd } from '../../kernel/text/passwd.ts';
import { askThrough, doorOf } from '../../namespaces/discover/door-of.ts';
import { discoverNamespaces } from '../../namespaces/discover/discover.ts';
import { levelOf } from '../user-level.ts';
import type { NamespaceLook } from './namespace-look.ts';
import { many, plain, type Field } from './report.ts';

/** 0 is the initial one. Absent (null) where the way up to that is not shown to us. */
export function levelField(look: NamespaceLook): Field {
  return plain(
    'level',
    levelOf(look.namespace.inode, (questions) => look.ask(...questions)),
  );
}

/** Absent (null): /etc/passwd has none for it. */
export function ownerUserField(look: NamespaceLook): Field {
  const uid = look.ask('NS_GET_OWNER_UID');
  const bytes = uid === null ? undefined : valueOf(look.host.readFile('/etc/passwd'));
  const name = uid === null || bytes === undefined ? undefined : parsePasswd(bytes).get(Number(uid));
  return plain('owner_user', name ?? null);
}

/** Of those that have a process or a mount; a line a kind. */
export function ownsField({ host, namespace }: NamespaceLook): Field {
  const scan = discoverNamespaces(host, new Set(namespaceKinds.map(({ kind }) => kind)));
  const owned = [...scan.namespaces.values()].filter((other) => {
    const door = doorOf(other);
    const owner = door === undefined ? undefined : valueOf(askThrough(scan, door, ['NS_GET_USERNS']));
    return owner === namespace.inode;
  });
  const lines = namespaceKinds.flatMap(({ kind }) => {
    const inodes = owned.filter((other) => other.kind === kind).map(({ inode }) => String(inode));
    return inodes.length === 0 ? [] : [`${kind} ${inodes.join(' ')}`];
  });
  return { ...many('owns', owned, ({ kind, inode }) => ({ type: kind, ns: inode }), String), lines };
}
