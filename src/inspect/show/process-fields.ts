// What is shown of a process: a table of fields, each read only when it is asked for.

import { containerName } from '../../containers/display-name.ts';
import type { Identity } from '../../containers/identity.ts';
import { valueOf, type Reading } from '../../kernel/host.ts';
import { parseCmdline } from '../../kernel/text/cmdline.ts';
import { statOf } from '../../kernel/process-stat.ts';
import type { ProcessStat } from '../../kernel/text/stat.ts';
import { decodeText, parseDecimal } from '../../kernel/text/text.ts';
import { mountinfoOf } from '../mount-table.ts';
import { heldSockets } from '../socket-holders.ts';
import { idInside, type MappedIds } from '../user-ids.ts';
import { capabilitiesField } from './capabilities.ts';
import { listenersField, readListeners } from './listeners.ts';
import { cgroupFields } from './cgroup-fields.ts';
import { enteredFields } from './entered.ts';
import { hostMountsField, readMounts } from './mounts.ts';
import { outerField } from './outer.ts';
import { NOBODY, type ProcessLook } from './process-look.ts';
import { namespacesField } from './process-namespaces.ts';
import { many, plain, type Field } from './report.ts';
import { changesField, rootField } from './root.ts';
import { initSignalsField } from './signals.ts';
import type { FieldDefinition } from './field.ts';
import { volumesField } from './volumes.ts';

type ProcessField = FieldDefinition<ProcessLook>;

/** A field that the identity of the container tells. */
function told(key: string, help: string, get: (identity: Identity) => string | null): ProcessField {
  return {
    key,
    help,
    applies: ({ identity }) => identity !== null && get(identity) !== null,
    build: ({ identity }) => plain(key, identity === null ? null : get(identity)),
  };
}

const isInContainer = ({ identity }: ProcessLook): boolean => identity?.role === 'payload';

const isInit = ({ isInit }: ProcessLook): boolean => isInit;

export const processFields: readonly ProcessField[] = [
  { key: 'pid', help: 'its pid here', build: ({ pid }) => plain('pid', pid === NOBODY ? null : pid) },
  { key: 'pids', help: 'its pid in each pid namespace, from ours inwards', build: pidsField },
  {
    key: 'thread_of',
    help: 'of a thread that is no process: the process that it is of',
    applies: ({ pid, status }) => status !== null && status.tgid !== pid,
    build: ({ status }) => plain('thread_of', status?.tgid ?? null),
  },
  { key: 'command', help: 'its command line', build: commandField },
  { key: 'comm', help: 'its name', build: ({ stat }) => plain('comm', stat?.comm ?? null) },
  {
    key: 'state',
    help: 'R running, S sleeping, D, T, Z zombie …',
    build: ({ stat }) => plain('state', stat?.state ?? null),
  },
  { key: 'parents', help: 'the processes above it, from its parent up', build: parentsField },
  told('name', 'the container or pod, in a form that is a target', containerName),
  told('engine', 'who runs the container', ({ engine }) => engine),
  told('id', "the container's id", ({ id }) => id),
  told('image', 'the image it was made of', ({ image }) => image),
  told('pod', 'the pod, as NAMESPACE/NAME', ({ pod, podNamespace }) =>
    pod === null ? null : `${podNamespace ?? '-'}/${pod}`,
  ),
  {
    key: 'outer',
    help: 'the containers around its own, from the outermost in',
    applies: ({ identity }) => (identity?.outer.length ?? 0) > 0,
    build: outerField,
  },
  told('role', 'payload (inside), or monitor (looks after it)', ({ role }) => (role === 'none' ? null : role)),
  told('unit', 'the systemd unit', ({ unit }) => unit),
  ...enteredFields,
  {
    key: 'uid',
    help: 'its real, effective, saved and file system uid here, and inside',
    build: (look) => idsField(look, 'uid'),
  },
  { key: 'gid', help: 'the same of its gid', build: (look) => idsField(look, 'gid') },
  {
    key: 'namespaces',
    help: "its eight namespaces, which are the host's, how many others are in each",
    build: namespacesField,
  },
  {
    key: 'capabilities',
    help: 'its capability sets; they count in its own user namespace',
    build: ({ host, masks }) => capabilitiesField(host, masks),
  },
  {
    key: 'no_new_privs',
    help: 'can execve(2) give it no more privileges?',
    build: ({ masks }) => plain('no_new_privs', masks?.noNewPrivileges ?? null),
  },
  { key: 'seccomp', help: 'disabled, strict or filter', build: seccompField },
  { key: 'lsm', help: 'its label, of SELinux, AppArmor or another', build: lsmField },
  { key: 'cgroup', help: 'its cgroup in each hierarchy', build: cgroupField },
  ...cgroupFields,
  {
    key: 'root',
    help: 'its root directory: driver, layers from the bottom up, size of what was written',
    build: rootField,
  },
  {
    key: 'volumes',
    help: "a container's volumes and binds: name, path here, ro or rw, propagation",
    applies: isInContainer,
    build: volumesField,
  },
  {
    key: 'changes',
    help: 'paths it changed, as docker diff lists them; only when asked for',
    onlyAsked: true,
    build: changesField,
  },
  { key: 'cwd', help: 'its working directory', build: (look) => plain('cwd', look.link('cwd')) },
  {
    key: 'host_mounts',
    help: 'mounts whose files are also reached from here, and at which path',
    build: mountsOfProcess,
  },
  {
    key: 'listeners',
    help: 'who listens in its network namespace, with the processes, and which sockets are its own',
    build: listenersOfProcess,
  },
  {
    key: 'init_signals',
    help: 'of the first process of a pid namespace: which signals do nothing to it',
    applies: isInit,
    build: ({ masks }) => (masks === null ? plain('init_signals', null) : initSignalsField(masks)),
  },
  {
    key: 'zombies',
    help: 'of such a process: the dead ones that it has not reaped',
    applies: isInit,
    build: zombiesField,
  },
];

function pidsField({ status }: ProcessLook): Field {
  const pids = status === null || status.namespacePids.length === 0 ? null : status.namespacePids;
  return { key: 'pids', value: pids, lines: [pids === null ? '-' : pids.join(' → ')] };
}

/** Kernel threads and zombies have none. */
function commandField(look: ProcessLook): Field {
  const words = look.parsed('cmdline', (bytes) => ({ ok: true, value: parseCmdline(bytes) }));
  return plain('command', words === null || words.length === 0 ? null : words.join(' '));
}

/** No process tree is deeper, but one that is made to be. */
const MAX_PARENTS = 1000;

function parentsField({ host, stat }: ProcessLook): Field {
  const parents: ProcessStat[] = [];
  for (let pid = stat?.ppid ?? 0; pid > 0 && parents.length < MAX_PARENTS;) {
    const parent = valueOf(statOf(host, pid));
    if (parent === undefined) break;
    parents.push(parent);
    pid = parent.ppid;
  }
  const value = parents.map(({ pid, comm }) => ({ pid, comm }));
  const line = parents.map(({ pid, comm }) => `${pid} ${comm}`).join(' ← ');
  return { key: 'parents', value: stat === null ? null : value, lines: [line === '' ? '-' : line] };
}

const ID_NAMES = ['real', 'effective', 'saved', 'filesystem'];

function idsField({ status, user }: ProcessLook, key: 'uid' | 'gid'): Field {
  const ids = key === 'uid' ? status?.uids : status?.gids;
  const map = key === 'uid' ? user.uids : user.gids;
  if (ids === undefined) return plain(key, null);
  const named = ids.map((here, index) => ({ name: ID_NAMES[index] ?? '', here, inside: insideOf(map, here) }));
  const value = Object.fromEntries(named.map(({ name, here, inside }) => [name, { here, inside }]));
  const [first] = named;
  const alike = named.every(({ here }) => here === first?.here);
  const shown = alike ? named.slice(0, 1) : named;
  const line = shown.map(({ name, here, inside }) => {
    const word = alike ? '' : `${name} `;
    return inside === here ? `${word}${here}` : `${word}${here} (inside ${inside ?? 'not mapped'})`;
  });
  return { key, value, lines: [line.join(', ')] };
}

function insideOf(map: readonly MappedIds[] | null, here: number): number | null {
  return map === null ? null : (idInside(map, here) ?? null);
}

const SECCOMP = ['disabled', 'strict', 'filter'];

function seccompField({ masks }: ProcessLook): Field {
  const mode = masks?.seccomp ?? null;
  return plain('seccomp', mode === null ? null : (SECCOMP[mode] ?? String(mode)));
}

/** Without a security module that labels processes the file cannot be read: no gap. */
function lsmField({ host, pid }: ProcessLook): Field {
  const bytes = valueOf(host.readFile(`/proc/${pid}/attr/current`));
  const label = bytes === undefined ? '' : decodeText(bytes).replace(/[\0\n]+$/, '');
  return plain('lsm', label === '' ? null : label);
}

function cgroupField({ memberships }: ProcessLook): Field {
  return many(
    'cgroup',
    memberships,
    ({ hierarchy, controllers, path }) => ({ hierarchy, controllers, path }),
    ({ controllers, path }) => (controllers.length === 0 ? path : `${controllers.join(',')}:${path}`),
  );
}

function isOurs(look: ProcessLook, kind: 'mnt' | 'net'): boolean {
  const own = valueOf(look.host.readLink(`/proc/self/ns/${kind}`));
  return own !== undefined && own === valueOf(look.namespaceLink(kind));
}

function mountsOfProcess(look: ProcessLook): Field {
  const shared = isOurs(look, 'mnt');
  return hostMountsField(shared ? null : readMounts(look.host, mountinfoOf(look.host, look.pid), look.gaps), shared);
}

function listenersOfProcess(look: ProcessLook): Field {
  const { host, pid, gaps } = look;
  const door = isOurs(look, 'net') ? undefined : `/proc/${pid}/ns/net`;
  const readNet = (name: string): Reading<Uint8Array> => host.readFile(`/proc/${pid}/net/${name}`);
  return listenersField(
    host,
    gaps,
    readListeners({ host, door, readNet }, gaps),
    look.value('table of descriptors', heldSockets(host, pid)),
  );
}

/** Source: /proc/PID/task/TID/children. Since: Linux 3.5, CONFIG_PROC_CHILDREN. */
function zombiesField({ host, pid, gaps }: ProcessLook): Field {
  const tids = valueOf(host.readDirectory(`/proc/${pid}/task`)) ?? [String(pid)];
  const zombies: ProcessStat[] = [];
  for (const tid of tids) {
    const children = host.readFile(`/proc/${pid}/task/${tid}/children`);
    if (!children.ok) {
      gaps.add('list of children', children.gap);
      return plain('zombies', null);
    }
    for (const child of decodeText(children.value)
      .split(' ')
      .flatMap((word) => parseDecimal(word) ?? [])) {
      const stat = valueOf(statOf(host, child));
      if (stat?.state === 'Z') zombies.push(stat);
    }
  }
  const lines = zombies.length === 0 ? ['none'] : zombies.map(({ pid, comm }) => `${pid} ${comm}`);
  return { key: 'zombies', value: zombies.map(({ pid, comm }) => ({ pid, comm })), lines };
}
