// What is in namespaces that only those inside are told of.

import { gap, value, type EnterableKind, type Reading } from '../../kernel/host.ts';
import { sysvKinds, type SysvKind, type SysvObject } from '../../kernel/text/sysvipc.ts';
import { readCgroupRoots } from '../cgroup-root.ts';
import { insideOf, readName, type Inside } from '../../namespaces/inside.ts';
import { readPosixQueues, readSysvObjects, type PosixQueue } from '../ipc-objects.ts';
import type { Fact, Section } from './fact.ts';
import type { SeenNamespace, Side } from './side.ts';

function through<T>(
  { host }: Side,
  { inode, door }: SeenNamespace,
  kind: EnterableKind,
  read: (inside: Inside) => Reading<T>,
): Reading<T> {
  if (!inode.ok) return inode;
  const inside = insideOf(host, kind, `${kind}:[${inode.value}]`, door ?? undefined);
  return inside.ok ? read(inside.value) : inside;
}

/** The names of a uts namespace. */
export function nameSections(side: Side, namespace: SeenNamespace): readonly Section[] {
  return (['hostname', 'domainname'] as const).map((what) => {
    const name = through(side, namespace, 'uts', (inside) => readName(inside, what));
    return { subject: what, facts: name.ok ? value([{ what, name: null, value: name.value }]) : name };
  });
}

const NAMES: Record<SysvKind, string> = { msg: 'message queue', sem: 'semaphore set', shm: 'shared memory segment' };

/** System V objects by key, and POSIX message queues by name. */
export function ipcSections(side: Side, namespace: SeenNamespace): readonly Section[] {
  const sysv = sysvKinds.map((kind): Section => {
    const objects = through(side, namespace, 'ipc', (inside) => readSysvObjects(inside, kind));
    const subject = `${NAMES[kind]} list`;
    return { subject, facts: objects.ok ? value(objects.value.map((object) => sysvFact(object))) : objects };
  });
  const queues = through(side, namespace, 'ipc', readPosixQueues);
  const facts = queues.ok ? value(queues.value.map(queueFact)) : queues;
  return [...sysv, { subject: 'POSIX message queue list', facts }];
}

/** How much waits in a queue, and how many have a segment attached, changes from moment to moment. */
function sysvFact({ kind, key, mode, uid, gid, creatorUid, creatorGid, bytes, count }: SysvObject): Fact {
  const size = kind === 'shm' ? [`${bytes} bytes`] : kind === 'sem' ? [`${count} semaphores`] : [];
  return {
    what: NAMES[kind],
    name: `key 0x${key.toString(16).padStart(8, '0')}`,
    value: [`owner ${uid}:${gid}`, `creator ${creatorUid}:${creatorGid}`, `mode ${mode.toString(8)}`, ...size],
  };
}

function queueFact({ name, uid, gid, mode }: PosixQueue): Fact {
  return { what: 'POSIX message queue', name: `/${name}`, value: [`owner ${uid}:${gid}`, `mode ${mode.toString(8)}`] };
}

/** Where the paths of cgroups start for those inside. */
export function cgroupRootSections(side: Side, namespace: SeenNamespace): readonly Section[] {
  const subject = 'cgroup root';
  const roots = through(side, namespace, 'cgroup', (inside) => readCgroupRoots(inside, namespace.pids));
  if (!roots.ok) return [{ subject, facts: roots }];
  if (roots.value.some(({ path }) => path === null)) {
    const what = 'a hierarchy in which no process that was asked lies below it';
    return [{ subject, facts: gap({ reason: 'unsupported', what }) }];
  }
  const facts = roots.value.map(({ controllers, path }): Fact => {
    return { what: subject, name: controllers.length === 0 ? null : controllers.join(','), value: path ?? '' };
  });
  return [{ subject, facts: value(facts) }];
}
