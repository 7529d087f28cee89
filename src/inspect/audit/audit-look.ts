// What the checks are made on: the evidence of one process, each piece read when a check first asks, and then kept.

import { credentialsOf, type Credentials } from '../../capabilities/credentials.ts';
import { readDevicePolicy, type DevicePolicy } from '../../cgroups/devices.ts';
import { findGroups, type Groups } from '../../cgroups/groups.ts';
import { containerKey } from '../../containers/identity.ts';
import { CAPABILITY } from '../../kernel/abi/capability.ts';
import { INITIAL_USER_INODE } from '../../kernel/abi/nsfs.ts';
import type { NamespaceKind } from '../../kernel/abi/namespace-kinds.ts';
import {
  gap,
  value,
  valueOf,
  type FileStatus,
  type Gap,
  type Host,
  type Reading,
  type TreeEntry,
} from '../../kernel/host.ts';
import { kept, memo } from '../../kernel/memo.ts';
import { parseCgroup } from '../../kernel/text/cgroup.ts';
import { parseMountinfo } from '../../kernel/text/mountinfo.ts';
import { parseNamespaceLink } from '../../kernel/text/namespace-link.ts';
import { parseStatus } from '../../kernel/text/status.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { parseTracer } from '../../kernel/text/tracer.ts';
import { firstGap, GapTally } from '../../kernel/gap-tally.ts';
import { idInside, readUserIds, type UserIds } from '../user-ids.ts';
import { readExecutable } from './executable.ts';
import type { Ask, Evidence, Looked, Share, Standing } from './evidence.ts';
import { mountAt } from '../../kernel/mount-at.ts';
import { deviceOf } from './mount-places.ts';
import { groupsOf, type Surroundings } from './surroundings.ts';
import { filesWithCapabilities } from './capable-files.ts';
import { differingThreads } from './threads.ts';

type Readers = { readonly [Key in keyof Evidence]: () => Reading<Evidence[Key]> };

export class AuditLook implements Looked {
  readonly around: Surroundings;
  readonly pid: number;
  /** The host, asked for each file and each link once. */
  readonly host: Host;
  private readonly readers: Readers;

  constructor(around: Surroundings, pid: number) {
    this.around = around;
    this.pid = pid;
    const { host } = around;
    this.host = {
      ...host,
      readFile: (path) => filesOf(this, path, () => host.readFile(path)),
      readLink: (path) => linksOf(this, path, () => host.readLink(path)),
    };
    this.readers = readersOf(this);
  }

  readonly ask: Ask = (key) => this.readers[key]();

  /** A file in /proc/PID. */
  file(name: string): Reading<Uint8Array> {
    return this.host.readFile(`/proc/${this.pid}/${name}`);
  }

  parsed<T>(name: string, parse: (bytes: Uint8Array, file: string) => Reading<T>): Reading<T> {
    const bytes = this.file(name);
    return bytes.ok ? parse(bytes.value, `/proc/${this.pid}/${name}`) : bytes;
  }

  link(kind: NamespaceKind): Reading<string> {
    return this.host.readLink(`/proc/${this.pid}/ns/${kind}`);
  }
}

const filesOf = memo<Reading<Uint8Array>>();
const linksOf = memo<Reading<string>>();

/** What each piece of evidence is read from. */
function readersOf(look: AuditLook): Readers {
  const { around, host, pid } = look;
  const share = (kind: NamespaceKind): (() => Reading<Share>) => kept(() => shareOf(look, kind));
  return {
    pid: kept(() => value(pid)),
    around: kept(() => value(around)),
    contained: kept(() => isContained(look)),
    identity: kept(() => around.resolver.identify(pid)),
    links: kept(() => value((kind) => look.link(kind))),
    share_pid: share('pid'),
    share_net: share('net'),
    hostNetwork: kept(() => {
      const found = look.ask('share_net');
      if (!found.ok || found.value === 'together') return value(null);
      return value(found.value === 'host' || found.value === 'perhaps');
    }),
    share_ipc: share('ipc'),
    share_uts: share('uts'),
    share_mnt: share('mnt'),
    share_cgroup: share('cgroup'),
    share_user: share('user'),
    credentials: kept(() => credentialsOf(host, pid)),
    sets: kept(() => told(look, ({ sets }) => sets, '')),
    all: kept(() => around.allCapabilities),
    noNewPrivileges: kept(() => told(look, ({ noNewPrivileges }) => noNewPrivileges, 'NoNewPrivs: since Linux 4.10')),
    seccomp: kept(() => told(look, ({ seccomp }) => seccomp, 'Seccomp: a kernel with CONFIG_SECCOMP')),
    user: kept(() => userOf(look)),
    standing: kept(() => standingOf(look)),
    mounts: kept(() => look.parsed('mountinfo', parseMountinfo)),
    hostMounts: kept(() => around.mounts),
    threads: kept(() => differingThreads(look)),
    label: kept(() => labelOf(look)),
    hostGroups: kept(() => around.groups),
    insideGroups: kept(() => {
      const contained = look.ask('contained');
      if (!contained.ok) return contained;
      if (!contained.value) return value(new Map());
      return groupsOf(host.readFileInRoot({ root: `/proc/${pid}/root`, path: '/etc/group' }));
    }),
    tracer: kept(() => look.parsed('status', parseTracer)),
    oomScoreAdj: kept(() => oomScoreAdj(look)),
    memberships: kept(() => look.parsed('cgroup', parseCgroup)),
    cgroups: kept(() => cgroupsOf(look)),
    devicePolicy: kept(() => devicePolicyOf(look)),
    devices: kept(() => devicesOf(look)),
    listeners: kept(() => {
      const link = look.link('net');
      return link.ok ? around.listeners(link.value, pid) : link;
    }),
    executable: kept(() => readExecutable(look)),
    filesWithCapabilities: kept(() => filesWithCapabilities(look)),
  };
}

function cgroupsOf({ around, ask, pid }: AuditLook): Reading<Groups> {
  const memberships = ask('memberships');
  return memberships.ok
    ? value(findGroups(around.cgroups, pid, memberships.value, valueOf(around.mounts)))
    : memberships;
}

/** What keeps it from being told is told by G6. */
function devicePolicyOf({ ask }: AuditLook): Reading<DevicePolicy> {
  const cgroups = ask('cgroups');
  return cgroups.ok ? value(readDevicePolicy(cgroups.value, new GapTally())) : cgroups;
}

const MOST_DEVICES = 10_000;
const folders = memo<Reading<readonly TreeEntry[]>>();

/** Those that have the host's /dev have all the same one. */
function devicesOf(look: AuditLook): Reading<readonly TreeEntry[]> {
  const { around, ask, host, pid } = look;
  const mounts = ask('mounts');
  const mount = mounts.ok ? mountAt(mounts.value, '/dev') : undefined;
  const key = mount === undefined ? `of ${pid}` : `${deviceOf(mount)} ${mount.root} ${mount.mountPoint}`;
  return folders(around, key, () => {
    const tree = host.tree({ base: `/proc/${pid}/root`, root: '/dev', path: '', deep: false, limit: MOST_DEVICES });
    if (tree.ok) return value(tree.value.entries);
    return tree.gap.reason === 'gone' ? value([]) : tree;
  });
}

/** A line of status that a kernel may lack. */
function told<T>(look: AuditLook, get: (credentials: Credentials) => T | null, lacks: string): Reading<T> {
  const credentials = look.ask('credentials');
  if (!credentials.ok) return credentials;
  const found = get(credentials.value);
  return found === null ? gap({ reason: 'unsupported', what: `/proc/${look.pid}/status`, text: lacks }) : value(found);
}

function shareOf(look: AuditLook, kind: NamespaceKind): Reading<Share> {
  const { around, pid } = look;
  const link = look.link(kind);
  if (!link.ok) return shareWithoutLink(look, kind, link.gap);
  const id = parseNamespaceLink(link.value, `/proc/${pid}/ns/${kind}`);
  if (!id.ok) return id;
  const initial = around.isInitial(kind, id.value.inode);
  if (initial === true) return value('host');
  if (around.own(kind) === id.value.inode) {
    if (initial === false) return value('ours');
    return value(isTogether(look) ? 'together' : 'perhaps');
  }
  if (initial === false) return value('own');
  const text = `which ${kind} namespace is the host's can't be told from here`;
  return gap({ reason: 'unsupported', what: `/proc/${pid}/ns/${kind}`, text });
}

function isTogether({ around, pid }: AuditLook): boolean {
  const [target, ours] = [pid, around.host.self.pid].map((each) => valueOf(around.resolver.identify(each)));
  if (target?.role !== 'payload' || ours === undefined) return false;
  return containerKey(target) === containerKey(ours);
}

/** The links need the rights of ptrace; these files do not. */
function shareWithoutLink(look: AuditLook, kind: NamespaceKind, refused: Gap): Reading<Share> {
  if (kind !== 'pid' && kind !== 'user') return gap(refused);
  const own = look.around.own(kind);
  const isInitial = own !== undefined && look.around.isInitial(kind, own) === true;
  if (kind === 'pid') {
    const pids = valueOf(look.parsed('status', parseStatus))?.namespacePids ?? [];
    if (pids.length === 0) return gap(refused);
    return value(pids.length > 1 ? 'own' : isInitial ? 'host' : 'ours');
  }
  const map = look.file('uid_map');
  if (!map.ok || !isInitial) return gap(refused);
  // A user namespace that maps all ids to themselves reads the same: rarer than a process that is closed to us.
  return value(/^\s*0\s+0\s+4294967295\s*$/.test(decodeText(map.value)) ? 'host' : 'own');
}

function isContained(look: AuditLook): Reading<boolean> {
  const identity = look.ask('identity');
  if (identity.ok && identity.value.role === 'payload') return value(true);
  const shares = [look.ask('share_pid'), look.ask('share_user')];
  if (shares.some((share) => share.ok && share.value === 'own')) return value(true);
  const refused = [identity, ...shares].find((reading) => !reading.ok);
  return refused === undefined || refused.ok ? value(false) : refused;
}

/** Of a map that can't be read it is not known what it maps. */
function userOf({ host, pid }: AuditLook): Reading<UserIds> {
  const gaps = new GapTally();
  const user = readUserIds(host, pid, gaps);
  if (user.uids !== null && user.gids !== null) return value(user);
  return gap(firstGap(gaps) ?? { reason: 'denied', what: `/proc/${pid}/uid_map` });
}

function standingOf(look: AuditLook): Reading<Standing> {
  const share = look.ask('share_user');
  const credentials = look.ask('credentials');
  if (!share.ok) return share;
  if (!credentials.ok) return credentials;
  const [, euid = 0] = credentials.value.uids;
  const initialUser = share.value === 'host' || share.value === 'perhaps';
  if (initialUser) {
    const contained = look.ask('contained');
    if (!contained.ok) return contained;
    const scope = contained.value || euid !== 0 ? 'host' : 'service';
    return value({ initialUser, mapsHostRoot: false, hostRoot: euid === 0, uidInside: euid, scope });
  }
  const user = look.ask('user');
  if (!user.ok) return user;
  const uids = user.value.uids ?? [];
  // Only what reads the map from the initial user namespace sees uids of the host in it.
  const seesHost = look.around.own('user') === INITIAL_USER_INODE;
  const mapsHostRoot = seesHost && idInside(uids, 0) !== undefined;
  const hostRoot = seesHost && euid === 0;
  return value({ initialUser, mapsHostRoot, hostRoot, uidInside: idInside(uids, euid) ?? null, scope: 'namespace' });
}

/** Source: proc_pid_attr(5). Without a module that labels processes reading it is EINVAL. */
function labelOf(look: AuditLook): Reading<string | null> {
  const apparmor = look.file('attr/apparmor/current');
  const bytes = apparmor.ok ? apparmor : look.file('attr/current');
  if (bytes.ok) {
    const label = decodeText(bytes.value).replace(/[\0\n]+$/, '');
    return value(label === '' ? null : label);
  }
  return bytes.gap.errno === 'EINVAL' || bytes.gap.reason === 'gone' ? value(null) : bytes;
}

function oomScoreAdj(look: AuditLook): Reading<number> {
  return look.parsed('oom_score_adj', (bytes, what) => {
    const text = decodeText(bytes).trim();
    return /^-?[0-9]{1,4}$/.test(text) ? value(Number(text)) : gap({ reason: 'malformed', what, line: 1, text });
  });
}

/** May a process write to (or connect to) a file of the host? As inode_permission() decides, ACLs aside. */
export function mayWrite({ uids, gids, groups, sets }: Credentials, { scope }: Standing, file: FileStatus): boolean {
  const [, , , uid] = uids;
  const [, , , gid] = gids;
  if (scope !== 'namespace' && (sets.effective & CAPABILITY.DAC_OVERRIDE) !== 0n) return true;
  if (uid === file.uid) return (file.mode & 0o200) !== 0;
  const inGroup = gid === file.gid || groups.includes(file.gid);
  return (file.mode & (inGroup ? 0o020 : 0o002)) !== 0;
}
