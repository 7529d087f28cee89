// What is in namespaces that only those inside are told of: names, objects, the root of cgroups.

import type { EnterableKind, Reading } from '../../kernel/host.ts';
import { sysvKinds, type SysvKind, type SysvObject } from '../../kernel/text/sysvipc.ts';
import { readCgroupRoots } from '../cgroup-root.ts';
import { insideOf, readName, type Inside } from '../../namespaces/inside.ts';
import { readPosixQueues, readSysvObjects, type PosixQueue } from '../ipc-objects.ts';
import type { NamespaceLook } from './namespace-look.ts';
import { many, plain, type Field } from './report.ts';

function through<T>(look: NamespaceLook, kind: EnterableKind, read: (inside: Inside) => Reading<T>): Reading<T> {
  const { host, namespace, door } = look;
  const inside = insideOf(host, kind, `${kind}:[${namespace.inode}]`, door);
  return inside.ok ? read(inside.value) : inside;
}

export function nameField(look: NamespaceLook, name: 'hostname' | 'domainname'): Field {
  return plain(
    name,
    look.known(
      name,
      through(look, 'uts', (inside) => readName(inside, name)),
    ),
  );
}

const NAMES: Record<SysvKind, string> = { msg: 'queue', sem: 'semaphores', shm: 'segment' };

export function sysvField(look: NamespaceLook): Field {
  const objects: SysvObject[] = [];
  for (const kind of sysvKinds) {
    const found = look.known(
      'list of System V objects',
      through(look, 'ipc', (inside) => readSysvObjects(inside, kind)),
    );
    if (found === null) return plain('sysv', null);
    objects.push(...found);
  }
  return many('sysv', objects, sysvValue, sysvLine);
}

function sysvValue({
  kind,
  key,
  id,
  mode,
  uid,
  gid,
  creatorUid,
  creatorGid,
  creatorPid,
  ...more
}: SysvObject): Field['value'] {
  const { bytes, count, removed } = more;
  const permissions = octal(mode);
  return {
    type: kind,
    key,
    id,
    mode: permissions,
    uid,
    gid,
    creator_uid: creatorUid,
    creator_gid: creatorGid,
    creator_pid: creatorPid,
    bytes,
    count,
    removed,
  };
}

const COUNTED: Record<SysvKind, string> = { msg: 'messages', sem: 'semaphores', shm: 'attached' };

function sysvLine({ kind, key, id, mode, uid, gid, creatorUid, creatorGid, creatorPid, ...more }: SysvObject): string {
  const words = [
    `${NAMES[kind]} ${id} key 0x${key.toString(16).padStart(8, '0')}`,
    `owner ${uid}:${gid} ${octal(mode)}`,
    `creator ${creatorUid}:${creatorGid}${creatorPid === null ? '' : ` (pid ${creatorPid})`}`,
    ...(more.bytes === null ? [] : [`${more.bytes} bytes`]),
    `${more.count} ${COUNTED[kind]}`,
    ...(more.removed ? ['removed, goes with its last user'] : []),
  ];
  return words.join(', ');
}

export function posixQueuesField(look: NamespaceLook): Field {
  const queues = look.known('list of message queues', through(look, 'ipc', readPosixQueues));
  return many<PosixQueue>(
    'mqueue',
    queues,
    ({ name, uid, gid, mode, bytes, notifies }) => ({ name, uid, gid, mode: octal(mode), bytes, notifies }),
    ({ name, uid, gid, mode, bytes, notifies }) => {
      const told = notifies === null ? '' : `, tells process ${notifies}`;
      return `/${name}, owner ${uid}:${gid} ${octal(mode)}, ${bytes ?? '-'} bytes${told}`;
    },
  );
}

/** Hierarchies whose root is the same path share a line. */
export function cgroupRootField(look: NamespaceLook): Field {
  const key = 'cgroup_root';
  const roots = look.known(
    'root of cgroups',
    through(look, 'cgroup', (inside) => readCgroupRoots(inside, look.namespace.pids)),
  );
  if (roots === null) return plain(key, null);
  const byPath = new Map<string, string[]>();
  for (const { hierarchy, controllers, path } of roots) {
    if (path === null) {
      look.gaps.add('root of cgroups', {
        reason: 'unsupported',
        what: `${hierarchyName(controllers)}, hierarchy ${hierarchy}: no process that was asked lies below it`,
      });
    }
    const names = byPath.get(path ?? '-') ?? [];
    byPath.set(path ?? '-', [...names, hierarchyName(controllers)]);
  }
  return {
    key,
    value: roots.map(({ hierarchy, controllers, path }) => ({ hierarchy, controllers, path })),
    lines: [...byPath].map(([path, names]) => `${path} (${names.join(' ')})`),
  };
}

function hierarchyName(controllers: readonly string[]): string {
  return controllers.length === 0 ? 'unified' : controllers.join(',');
}

function octal(mode: number): string {
  return mode.toString(8).padStart(3, '0');
}
