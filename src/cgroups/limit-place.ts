// Where a limit is written: the cgroup that a controller acts on, v1 or v2, or why there is none.

import type { CgroupPlace } from '../kernel/cgroup-plan.ts';
import { gap, value, valueOf, type Reading } from '../kernel/host.ts';
import type { Group, Groups } from './groups.ts';

export interface LimitPlace {
  readonly version: 1 | 2;
  /** As in /proc/PID/cgroup. */
  readonly path: string;
  readonly at: CgroupPlace;
  /** The root of the hierarchy. */
  readonly isRoot: boolean;
  /** One of its files. */
  readonly read: (file: string) => Reading<Uint8Array>;
  /** One of the cgroup above it. */
  readonly readAbove: (file: string) => Reading<Uint8Array>;
}

/** For people. */
export interface NoPlace {
  readonly why: string;
  readonly tryThis?: string;
}

/** `freezer` of v2 is every cgroup but the root, with no controller at work. */
export type FindPlace = (controller: string) => LimitPlace | NoPlace;

/** Those of a process, or of one directory. */
export function placesOf(groups: Groups): FindPlace {
  const reached = groups.reached.map((group) => [group, placeOf(group)] as const);
  return (controller) => {
    const v1 = reached.find(([group]) => group.version === 1 && group.controllers.includes(controller));
    if (v1 !== undefined) return v1[1];
    const v2 = reached.find(([group]) => group.version === 2);
    const own = controller === 'blkio' ? 'io' : controller;
    if (v2 !== undefined && (own === 'freezer' || v2[0].controllers.includes(own))) return atWork(v2, own);
    const missed = groups.unreached.find(({ membership }) => membership.controllers.includes(controller));
    if (missed !== undefined) return { why: `its ${controller} cgroup cannot be reached: ${missed.why}` };
    const names = groups.reached.map(
      ({ controllers, version }) => controllers.join(',') || (version === 2 ? 'none' : 'a name'),
    );
    return {
      why: `no hierarchy that it is in has the ${own} controller, but ${names.join(', ')}`,
      tryThis: 'nstool cgroup ls, for the cgroups of each hierarchy',
    };
  };
}

/** On v2 what is above hands each controller on. */
function atWork([group, place]: readonly [Group, LimitPlace | NoPlace], controller: string): LimitPlace | NoPlace {
  if (controller === 'freezer' || 'why' in place || place.isRoot) return place;
  const [own, parent] = group.levels;
  const offered = valueOf(group.files.read(`${own.folder}/cgroup.controllers`));
  if (offered !== undefined && new TextDecoder().decode(offered).split(/\s+/).includes(controller)) return place;
  return {
    why: `${parent?.path ?? 'what is above it'} does not hand the ${controller} controller on to it`,
    tryThis: `echo +${controller} > ${parent?.folder ?? '…'}/cgroup.subtree_control`,
  };
}

function placeOf({ files, levels, version, path, isWhole }: Group): LimitPlace | NoPlace {
  if (files.through !== null) {
    return {
      why: `only the mounts of process ${files.through} show ${path}`,
      tryThis: `nstool enter ${files.through} --mnt, and from there`,
    };
  }
  const [own, parent] = levels;
  const mount = levels.at(-1)?.folder ?? own.folder;
  const inode = valueOf(files.status(own.folder))?.ino ?? null;
  return {
    version,
    path,
    at: { mount, below: own.folder.slice(mount === '/' ? 1 : mount.length + 1), inode },
    isRoot: isWhole && parent === undefined,
    read: (file) => files.read(`${own.folder}/${file}`),
    readAbove: (file) =>
      parent === undefined ? gap({ reason: 'gone', what: file }) : files.read(`${parent.folder}/${file}`),
  };
}

/** What a cgroup's files say that was just made. Source: kernel/sched/core.c, mm/memcontrol.c, kernel/cgroup/. */
const FRESH: Readonly<Record<1 | 2, Readonly<Record<string, string>>>> = {
  1: {
    'cpu.cfs_quota_us': '-1',
    'cpu.cfs_period_us': '100000',
    'cpu.shares': '1024',
    'cpuset.cpus': '',
    'cpuset.mems': '',
    'memory.limit_in_bytes': '9223372036854771712',
    'memory.memsw.limit_in_bytes': '9223372036854771712',
    'pids.max': 'max',
    'freezer.self_freezing': '0',
    'freezer.state': 'THAWED',
    'blkio.throttle.read_bps_device': '',
    'blkio.throttle.write_bps_device': '',
    'blkio.throttle.read_iops_device': '',
    'blkio.throttle.write_iops_device': '',
  },
  2: {
    'cpu.max': 'max 100000',
    'cpu.weight': '100',
    'cpuset.cpus': '',
    'cpuset.mems': '',
    'memory.max': 'max',
    'memory.high': 'max',
    'memory.swap.max': 'max',
    'pids.max': 'max',
    'io.max': '',
    'cgroup.freeze': '0',
  },
};

/** A cgroup that is not made yet, below `parent`: for --dry-run. */
export function freshPlace(parent: LimitPlace, name: string): LimitPlace {
  const { mount, below } = parent.at;
  return {
    version: parent.version,
    path: `${parent.path === '/' ? '' : parent.path}/${name}`,
    at: { mount, below: below === '' ? name : `${below}/${name}`, inode: null },
    isRoot: false,
    read: (file) => {
      const text = FRESH[parent.version][file];
      return text === undefined ? gap({ reason: 'gone', what: file }) : value(new TextEncoder().encode(`${text}\n`));
    },
    readAbove: parent.read,
  };
}
