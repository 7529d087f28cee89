// What is shown of a namespace: fields of all kinds, and those of its own.

import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { valueOf, type NamespaceQuestion } from '../../kernel/host.ts';
import { parseCgroup } from '../../kernel/text/cgroup.ts';
import { parseTimensOffsets } from '../../kernel/text/timens-offsets.ts';
import { readUserIds, type MappedIds, type UserIds } from '../user-ids.ts';
import { isInitial } from '../../namespaces/initial.ts';
import { cgroupRootField, nameField, posixQueuesField, sysvField } from './inside-fields.ts';
import { mountsField, readMounts } from './mounts.ts';
import type { NamespaceLook } from './namespace-look.ts';
import { mountPeersField } from './mount-peers.ts';
import { addressesField, linksField, netListenersField, routesField, rulesField } from './network-fields.ts';
import type { FieldDefinition } from './field.ts';
import { hasThreads, processesField, threadsField } from './process-tree.ts';
import { many, plain, type Field } from './report.ts';
import { resolvConfField } from './resolv-conf.ts';
import { levelField, ownerUserField, ownsField } from './user-fields.ts';

type NamespaceField = FieldDefinition<NamespaceLook>;

function ofKind(...kinds: readonly NamespaceKind[]): (look: NamespaceLook) => boolean {
  return ({ kind }) => kinds.includes(kind);
}

/** A field of one number that the namespace is asked for. */
function asked(
  key: string,
  help: string,
  applies: NamespaceField['applies'],
  ...questions: readonly NamespaceQuestion[]
): NamespaceField {
  const build = (look: NamespaceLook): Field => plain(key, look.ask(...questions));
  return applies === undefined ? { key, help, build } : { key, help, applies, build };
}

const notUser = ({ kind }: NamespaceLook): boolean => kind !== 'user';

export const namespaceFields: readonly NamespaceField[] = [
  { key: 'type', help: 'its kind', build: ({ kind }) => plain('type', kind) },
  { key: 'ns', help: 'its inode', build: ({ namespace }) => plain('ns', namespace.inode) },
  {
    key: 'initial',
    help: "is it the host's?",
    build: ({ host, kind, namespace }) => plain('initial', isInitial(host, kind, namespace.inode)),
  },
  asked('ons', 'the user namespace that owns it', notUser, 'NS_GET_USERNS'),
  asked('pns', 'the namespace that it lies in', ofKind('user', 'pid'), 'NS_GET_PARENT'),
  { key: 'level', help: 'how deep it lies below the initial one', applies: ofKind('user'), build: levelField },
  asked('owner_uid', 'who made it, as a uid here', ofKind('user'), 'NS_GET_OWNER_UID'),
  { key: 'owner_user', help: 'the name of that uid', applies: ofKind('user'), build: ownerUserField },
  {
    key: 'nsfs',
    help: 'where it is mounted',
    build: ({ namespace: { mounts, foreignMounts } }) => many('nsfs', [...mounts, ...foreignMounts], String, String),
  },
  {
    key: 'processes',
    help: 'those in it; of a pid namespace also those below, as a tree with both pids',
    build: processesField,
  },
  { key: 'threads', help: 'threads in it whose process is not', applies: hasThreads, build: threadsField },
  { key: 'links', help: 'its network interfaces', applies: ofKind('net'), build: linksField },
  { key: 'addresses', help: 'their addresses', applies: ofKind('net'), build: addressesField },
  { key: 'routes', help: 'its routes, of all tables', applies: ofKind('net'), build: routesField },
  { key: 'rules', help: 'its rules, which choose the table', applies: ofKind('net'), build: rulesField },
  {
    key: 'listeners',
    help: 'who listens in it, with the processes: tcp, udp, raw, packet, abstract unix',
    applies: ofKind('net'),
    build: netListenersField,
  },
  {
    key: 'resolv_conf',
    help: 'whom those in it ask for names, and the file that says so',
    applies: ofKind('net'),
    build: resolvConfField,
  },
  {
    key: 'mounts',
    help: 'its mounts, where their files are here, and which lie hidden under another',
    applies: ofKind('mnt'),
    build: mountsOf,
  },
  {
    key: 'peers',
    help: 'mounts of any namespace that get to know of mounts below its own (→ ↔), or tell it of theirs (← ↔)',
    applies: ofKind('mnt'),
    build: (look) => mountPeersField(look, valueOf(look.mountTable) ?? null),
  },
  {
    key: 'uid_map',
    help: 'its uids, and what they are here',
    applies: ofKind('user'),
    build: (look) => mapField(look, 'uid_map', ({ uids }) => uids),
  },
  {
    key: 'gid_map',
    help: 'the same of gids',
    applies: ofKind('user'),
    build: (look) => mapField(look, 'gid_map', ({ gids }) => gids),
  },
  { key: 'owns', help: 'the namespaces that it owns', applies: ofKind('user'), build: ownsField },
  { key: 'hostname', help: 'its host name', applies: ofKind('uts'), build: (look) => nameField(look, 'hostname') },
  {
    key: 'domainname',
    help: 'its NIS domain name',
    applies: ofKind('uts'),
    build: (look) => nameField(look, 'domainname'),
  },
  {
    key: 'sysv',
    help: 'its System V queues, semaphores and segments: owner, creator, size',
    applies: ofKind('ipc'),
    build: sysvField,
  },
  { key: 'mqueue', help: 'its POSIX message queues', applies: ofKind('ipc'), build: posixQueuesField },
  {
    key: 'cgroup_root',
    help: 'the cgroup that is / in it, as a path here, in each hierarchy',
    applies: ofKind('cgroup'),
    build: cgroupRootField,
  },
  { key: 'cgroups', help: 'the cgroups of its processes', applies: ofKind('cgroup'), build: cgroupsField },
  { key: 'offsets', help: 'what it adds to the clocks', applies: ofKind('time'), build: offsetsField },
];

function mountsOf({ host, mountTable, gaps }: NamespaceLook): Field {
  return mountsField(readMounts(host, mountTable, gaps));
}

function mapField(look: NamespaceLook, key: string, of: (ids: UserIds) => readonly MappedIds[] | null): Field {
  const { host, pid, gaps } = look;
  const map = pid === undefined ? look.needsProcess('id map') : of(readUserIds(host, pid, gaps));
  const field = many(
    key,
    map,
    ({ inside, here, count }) => ({ inside, here, count }),
    ({ inside, here, count }) => `${inside} here ${here ?? '-'}, ${count}`,
  );
  return map?.length === 0 ? { ...field, lines: ['not written'] } : field;
}

function cgroupsField(look: NamespaceLook): Field {
  const paths = new Set<string>();
  for (const pid of look.namespace.pids) {
    const path = `/proc/${pid}/cgroup`;
    const bytes = look.known('cgroup', look.host.readFile(path));
    const memberships = bytes === null ? null : look.known('cgroup', parseCgroup(bytes, path));
    for (const membership of memberships ?? []) paths.add(membership.path);
  }
  return many('cgroups', look.pid === undefined ? look.needsProcess('cgroup') : [...paths].toSorted(), String, String);
}

/** The file tells of the namespace that the children of a process are born in, which may be another one. */
function offsetsField(look: NamespaceLook): Field {
  const { host, namespace } = look;
  const own = `time:[${namespace.inode}]`;
  const pid = namespace.pids.find((each) => valueOf(host.readLink(`/proc/${each}/ns/time_for_children`)) === own);
  const path = `/proc/${pid ?? ''}/timens_offsets`;
  const bytes = pid === undefined ? look.needsProcess('clock offset') : look.known('clock offset', host.readFile(path));
  const offsets = bytes === null ? null : look.known('clock offset', parseTimensOffsets(bytes, path));
  return many(
    'offsets',
    offsets,
    ({ clock, seconds, nanoseconds }) => ({ clock, seconds, nanoseconds }),
    ({ clock, seconds, nanoseconds }) => `${clock} ${seconds} s ${nanoseconds} ns`,
  );
}
