// A /sys of the network namespace that was entered: sysfs shows the interfaces of the one that it was mounted in. What is
// mounted below the old one (cgroups, bpffs, tracefs, debugfs ...) is copied before, and attached to the new one.
//
// Source: ip-netns(8), which loses those; sysfs(5), fs/sysfs/mount.c, open_tree(2), move_mount(2).

import {
  AT_RECURSIVE,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  OPEN_TREE_CLONE,
} from '../kernel/abi/mount-flags.ts';
import { O_PATH } from '../kernel/abi/open-flags.ts';
import { errorOfGap } from '../kernel/error.ts';
import type { Host } from '../kernel/host.ts';
import type { Explanation, Step } from '../kernel/program.ts';
import { parseMountinfo, type Mount } from '../kernel/text/mountinfo.ts';
import { failureStatus } from './explain-enter.ts';
import { refusals } from './private-mounts.ts';
import { shown, step } from './step.ts';

const SYS = '/sys';
const MOUNTINFO = '/proc/self/mountinfo';

export const SHOW_SYS = 'mount a /sys of the network that is entered';
const failed = { explanations: refusals(SHOW_SYS, `nstool enter TARGET --net, which keeps ${SYS}`) };

/**
 * In a mount namespace of the command's own, after the network namespace was joined. None where this host has no sysfs
 * there. Errors: as of reading mountinfo.
 */
export function mountSys(host: Host): readonly Step[] {
  const mounts = ownMounts(host);
  const old = mounts.findLast(({ mountPoint }) => mountPoint === SYS);
  if (old?.fsType !== 'sysfs') return [];
  const below = [
    ...new Set(mounts.filter(({ parentId }) => parentId === old.id).map(({ mountPoint }) => mountPoint)),
  ].filter((path) => path.startsWith(`${SYS}/`));
  return [
    ...below.map((path) => copy(path)),
    step(
      'make a sysfs',
      'of the network that we are in now',
      {
        op: 'fsmount',
        type: 'sysfs',
        options: ['source=sysfs'],
        attributes: attributesOf(old),
        into: 'sysfs',
      },
      failed,
    ),
    step(`open ${SYS}`, 'to be unmounted', { op: 'open', path: SYS, flags: O_PATH, into: 'old sys' }, failed),
    step(
      `unmount ${SYS}`,
      'with all below it; where it is locked the new one covers it',
      { op: 'detach', slot: 'old sys' },
      { try: true },
    ),
    step(`close the old ${SYS}`, 'nothing is to be found through it', { op: 'close', slot: 'old sys' }),
    step(
      `attach it to ${SYS}`,
      'its class/net has the interfaces of that network',
      {
        op: 'attach',
        slot: 'sysfs',
        path: SYS,
        flags: 0,
      },
      failed,
    ),
    ...below.map((path) => attach(path)),
  ];
}

function ownMounts(host: Host): readonly Mount[] {
  const bytes = host.readFile(MOUNTINFO);
  const mounts = bytes.ok ? parseMountinfo(bytes.value, MOUNTINFO) : bytes;
  if (!mounts.ok) throw errorOfGap(mounts.gap, 'cannot tell what is mounted in /sys');
  return mounts.value;
}

/** A container's is often read-only, and has to stay so. */
function attributesOf({ options }: Mount): number {
  const flags = [
    ['ro', MOUNT_ATTR_RDONLY],
    ['nosuid', MOUNT_ATTR_NOSUID],
    ['nodev', MOUNT_ATTR_NODEV],
    ['noexec', MOUNT_ATTR_NOEXEC],
  ] as const;
  return flags.reduce((bits, [name, flag]) => (options.includes(name) ? bits | flag : bits), 0);
}

function copy(path: string): Step {
  return step(
    `copy the mounts of ${shown(path)}`,
    'to be had in the new one, with all below',
    { op: 'tree', path, flags: OPEN_TREE_CLONE | AT_RECURSIVE, into: path },
    { try: true },
  );
}

function attach(path: string): Step {
  return step(
    `attach them to ${shown(path)}`,
    'as before',
    { op: 'attach', slot: path, path, flags: 0 },
    { try: true, explanations: [missing(path)] },
  );
}

/** Of any errno. The place may be an interface of the other network. */
function missing(path: string): Explanation {
  return { errno: 0, status: failureStatus, text: `nstool: ${shown(path)} is not mounted for the command\n` };
}
