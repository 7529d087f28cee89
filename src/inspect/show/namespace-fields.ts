// What is shown of a namespace: fields of all kinds, and those of its own.

import { namespaceKinds, type NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import { valueOf, type NamespaceQuestion } from '../../kernel/host.ts';
import { parseCgroup } from '../../kernel/text/cgroup.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { parseTimensOffsets } from '../../kernel/text/timens-offsets.ts';
import { askThrough, doorOf } from '../../namespaces/discover/door.ts';
import { discoverNamespaces } from '../../namespaces/discover/discover.ts';
import { readPidIds } from '../pid-pairs.ts';
import { readUserIds, type MappedIds, type UserIds } from '../user-ids.ts';
import { isInitial } from '../../namespaces/initial.ts';
import { mountsField, readMounts } from './mounts.ts';
import type { NamespaceLook } from './namespace-look.ts';
import { addressesField, linksField, netListenersField, routesField } from './network-fields.ts';
import type { FieldDefinition } from './process-fields.ts';
import { many, plain, type Field } from './report.ts';

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
  asked('owner_uid', 'who made it, as a uid here', ofKind('user'), 'NS_GET_OWNER_UID'),
  {
    key: 'nsfs',
    help: 'where it is mounted',
    build: ({ namespace: { mounts, foreignMounts } }) => many('nsfs', [...mounts, ...foreignMounts], String, String),
  },
  { key: 'processes', help: 'those in it; of a pid namespace also those below, with both pids', build: processesField },
  { key: 'links', help: 'its network interfaces', applies: ofKind('net'), build: linksField },
  { key: 'addresses', help: 'their addresses', applies: ofKind('net'), build: addressesField },
  { key: 'routes', help: 'its routes', applies: ofKind('net'), build: routesField },
  { key: 'listeners', help: 'who listens in it', applies: ofKind('net'), build: netListenersField },
  { key: 'mounts', help: 'its mounts, and where their files are here', applies: ofKind('mnt'), build: mountsOf },
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
  { key: 'hostname', help: 'its host name', applies: ofKind('uts'), build: (look) => sysctlField(look, 'hostname') },
  {
    key: 'domainname',
    help: 'its NIS domain name',
    applies: ofKind('uts'),
    build: (look) => sysctlField(look, 'domainname'),
  },
  {
    key: 'ipc',
    help: 'how many System V queues, segments and semaphore sets',
    applies: ofKind('ipc'),
    build: ipcField,
  },
  { key: 'cgroups', help: 'the cgroups of its processes', applies: ofKind('cgroup'), build: cgroupsField },
  { key: 'offsets', help: 'what it adds to the clocks', applies: ofKind('time'), build: offsetsField },
];

/** People see the first of many. */
const SHOWN = 20;

function processesField(look: NamespaceLook): Field {
  const { host, pid, kind, namespace, gaps } = look;
  const pairs = kind === 'pid' && pid !== undefined ? readPidIds(host, pid, gaps).pairs : null;
  const processes = (pairs ?? namespace.pids.map((here) => ({ here, inside: null }))).map((pair) => ({
    ...pair,
    comm: look.commOf(pair.here),
  }));
  const field = many(
    'processes',
    processes,
    ({ here, inside, comm }) => ({ pid: here, inside: pairs === null ? null : inside, comm }),
    ({ here, inside, comm }) => `${here} ${comm ?? '-'}${inside === null ? '' : ` (inside ${inside})`}`,
  );
  const more = field.lines.length - SHOWN;
  if (field.lines.length === 0) return { ...field, lines: ['none that we see'] };
  return more <= 0 ? field : { ...field, lines: [...field.lines.slice(0, SHOWN), `and ${more} more`] };
}

function mountsOf(look: NamespaceLook): Field {
  const { host, pid, gaps } = look;
  return mountsField(pid === undefined ? look.needsProcess('mount table') : readMounts(host, pid, gaps));
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

/** Of those that have a process or a mount. */
function ownsField({ host, namespace }: NamespaceLook): Field {
  const scan = discoverNamespaces(host, new Set(namespaceKinds.map(({ kind }) => kind)));
  const owned = [...scan.namespaces.values()].filter((other) => {
    const door = doorOf(other);
    const owner = door === undefined ? undefined : valueOf(askThrough(scan, door, ['NS_GET_USERNS']));
    return owner === namespace.inode;
  });
  return many(
    'owns',
    owned,
    ({ kind, inode }) => ({ type: kind, ns: inode }),
    ({ kind, inode }) => `${kind}:${inode}`,
  );
}

function sysctlField(look: NamespaceLook, name: 'hostname' | 'domainname'): Field {
  if (!look.isOurs) return plain(name, look.needsEntering(name));
  const bytes = look.known(name, look.host.readFile(`/proc/sys/kernel/${name}`));
  return plain(name, bytes === null ? null : decodeText(bytes).trim());
}

const IPC_FILES = ['msg', 'sem', 'shm'] as const;

/** Source: proc_sysvipc(5): a line of headings, then a line for each. */
function ipcField(look: NamespaceLook): Field {
  if (!look.isOurs) return plain('ipc', look.needsEntering('System V object'));
  const counts = IPC_FILES.map((name) => {
    const bytes = look.known('System V object', look.host.readFile(`/proc/sysvipc/${name}`));
    return [name, bytes === null ? null : decodeText(bytes).trimEnd().split('\n').length - 1] as const;
  });
  return {
    key: 'ipc',
    value: Object.fromEntries(counts),
    lines: [counts.map(([name, count]) => `${name} ${count ?? '-'}`).join(', ')],
  };
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

function offsetsField(look: NamespaceLook): Field {
  const path = `/proc/${look.pid ?? ''}/timens_offsets`;
  const bytes =
    look.pid === undefined ? look.needsProcess('clock offset') : look.known('clock offset', look.host.readFile(path));
  const offsets = bytes === null ? null : look.known('clock offset', parseTimensOffsets(bytes, path));
  return many(
    'offsets',
    offsets,
    ({ clock, seconds, nanoseconds }) => ({ clock, seconds, nanoseconds }),
    ({ clock, seconds, nanoseconds }) => `${clock} ${seconds} s ${nanoseconds} ns`,
  );
}
