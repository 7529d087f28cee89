// M: what of the host's files a contained process sees, and what of its own it can change.

import { mayOpenDisk } from '../../cgroups/devices.ts';
import { majorOf, minorOf } from '../../kernel/device-number.ts';
import type { Gap, TreeEntry } from '../../kernel/host.ts';
import type { Mount } from '../../kernel/text/mountinfo.ts';
import { closedFolder } from '../file-access.ts';
import { mayWrite } from './audit-look.ts';
import type { Evidence, Standing } from './evidence.ts';
import { check, type Check } from './check.ts';
import { lower, type Found, type Severity } from './findings.ts';
import { isWithin, mountAt } from '../../kernel/mount-at.ts';
import { appearances, deviceOf, isWritable } from './mount-places.ts';
import { displayServers, seenSockets, X_FOLDER } from './sockets.ts';

/** In a user namespace of its own, without the host's root in it, a process has but the rights of other ids. */
function byIds({ initialUser, mapsHostRoot }: Standing, severity: Severity): Severity {
  return initialUser || mapsHostRoot ? severity : lower(severity);
}

/** Files that only the host's root may write to: others see them, and no more. */
function ofHostRoot({ initialUser, mapsHostRoot }: Standing, severity: Severity): Severity {
  return initialUser || mapsHostRoot ? severity : 'low';
}

function line(pid: number, { mountPoint, root, fsType, source, options }: Mount): string {
  return `/proc/${pid}/mountinfo: ${mountPoint} is ${root} of ${fsType} ${source} (${options.join(',')})`;
}

const SEEN = ['mounts', 'standing', 'pid', 'share_mnt'] as const;
type Seen = Pick<Evidence, (typeof SEEN)[number]>;

/** In the host's own mount namespace, which N5 tells, all of this is as the host has it. */
function isOfHost({ share_mnt: share }: Pick<Evidence, 'share_mnt'>): boolean {
  return share === 'host' || share === 'perhaps';
}

/** Where nstool is in a container itself, and the target in its mount namespace, nothing shows what is the host's. */
function blindness({ share_mnt: share, pid }: Pick<Evidence, 'share_mnt' | 'pid'>): Gap | undefined {
  if (share !== 'together' && share !== 'ours') return undefined;
  const text = "nstool is in the same mount namespace: which files are the host's can't be told from in there";
  return { reason: 'unsupported', what: `/proc/${pid}/mountinfo`, text };
}

function ownMounts({ mounts, ...evidence }: Seen): readonly Mount[] {
  return !isOfHost(evidence) ? mounts.filter((mount) => mountAt(mounts, mount.mountPoint) === mount) : [];
}

export const mountChecks: readonly Check[] = [
  check('M1', 'critical', 'contained', [...SEEN, 'credentials', 'user', 'around'], (evidence, severity) => {
    const blind = blindness(evidence);
    if (blind !== undefined) return blind;
    const { standing, pid, credentials, user, around } = evidence;
    return seenSockets(around, pid, ownMounts(evidence)).map(({ path, mount, file, hostPath }): Found => {
      const writable =
        mayWrite(credentials, standing, file) &&
        closedFolder(around.host, `/proc/${pid}/root`, path, credentials, user) === null;
      const args = { path, host_path: hostPath, writable };
      return { severity: writable ? severity : 'medium', args, evidence: [line(pid, mount)] };
    });
  }),

  check('M2', 'high', 'contained', [...SEEN, 'around', 'hostMounts'], (evidence, severity) => {
    const blind = blindness(evidence);
    if (blind !== undefined) return blind;
    const { standing, pid, around } = evidence;
    const mounts = ownMounts(evidence);
    return HOST_FOLDERS.flatMap((folder) => {
      const place = around.place(folder);
      if (place === undefined) return [];
      return mounts.flatMap((mount): Found[] => {
        if (deviceOf(mount) !== place.device || mount.root !== place.inside || OWN_CODES.has(mount.fsType)) return [];
        const writable = isWritable(mount);
        const weight = byIds(standing, writable ? severity : 'medium');
        return [
          {
            severity: weight,
            args: { path: mount.mountPoint, host_path: folder, writable },
            evidence: [line(pid, mount)],
          },
        ];
      });
    });
  }),

  check('M3', 'high', 'contained', [...SEEN, 'around'], (evidence, severity) => {
    const { standing, pid, around } = evidence;
    const mounts = ownMounts(evidence);
    const proc = mounts.find(
      ({ fsType, mountPoint, root }) => fsType === 'proc' && mountPoint === '/proc' && root === '/',
    );
    // With subset=pid there is nothing but processes in it. Since: Linux 5.8.
    if (proc === undefined || proc.superOptions.includes('subset=pid')) return [];
    const open = (path: string): boolean => {
      const mount = mountAt(mounts, path) ?? proc;
      return mount.fsType === 'proc' && isWritable(mount);
    };
    // A kernel may lack them: then there is nothing to cover.
    const writable = ['/proc/sys', '/proc/sysrq-trigger'].filter((path) => around.exists(path) && open(path));
    const unmasked = SECRET.filter((path) => around.exists(path) && mountAt(mounts, path) === proc);
    if (writable.length === 0 && unmasked.length === 0) return [];
    const weight = ofHostRoot(standing, writable.length > 0 ? severity : 'medium');
    return [
      { severity: weight, args: { writable, unmasked, host_root: standing.hostRoot }, evidence: [line(pid, proc)] },
    ];
  }),

  check('M4', 'high', 'contained', [...SEEN, 'hostMounts', 'share_pid'], (evidence, severity) => {
    const { pid, standing, hostMounts, share_pid: share } = evidence;
    const mounts = ownMounts(evidence);
    const main = mounts.find(({ fsType, mountPoint }) => fsType === 'proc' && mountPoint === '/proc');
    const ours = mountAt(hostMounts, '/proc');
    return mounts.flatMap((mount): Found[] => {
      if (mount.fsType !== 'proc' || (main !== undefined && isWithin('/proc', mount.mountPoint) && mount !== main))
        return [];
      const isHosts = share === 'own' && ours?.fsType === 'proc' && deviceOf(ours) === deviceOf(mount);
      const isSecond = main !== undefined && deviceOf(main) !== deviceOf(mount);
      if (!isHosts && !isSecond) return [];
      // The settings in sys are those of the host in any of them.
      const isWhole =
        !mount.superOptions.includes('subset=pid') && mountAt(mounts, `${mount.mountPoint}/sys`) === mount;
      const writable = isWhole && isWritable(mount);
      const args = { path: mount.mountPoint, of_observer: isHosts, writable, host_root: standing.hostRoot };
      return [{ severity: byIds(standing, severity), args, evidence: [line(pid, mount)] }];
    });
  }),

  ofType('M5', 'medium', ['sysfs'], { onlyWritable: true }),

  check('M6', 'high', 'contained', [...SEEN, 'around'], (evidence, severity) => {
    const { standing, pid, around } = evidence;
    const own = around.own('cgroup');
    const seesRoot = own !== undefined && around.isInitial('cgroup', own) === true;
    const writable = ownMounts(evidence).filter((mount) => mount.fsType === 'cgroup' && isWritable(mount));
    // From a cgroup namespace below the root another one's root is called / too.
    return [true, false].flatMap((isRoot): Found[] => {
      const alike = writable.filter(({ root }) => (root === '/' && seesRoot) === isRoot);
      if (alike.length === 0) return [];
      const args = { paths: alike.map(({ mountPoint }) => mountPoint).toSorted(), hierarchy_root: isRoot };
      return [{ severity: ofHostRoot(standing, severity), args, evidence: alike.map((mount) => line(pid, mount)) }];
    });
  }),

  ofType('M7', 'low', ['cgroup2'], { onlyWritable: true }),

  check('M8', 'high', 'contained', [...SEEN, 'devices', 'devicePolicy'], (evidence, severity) => {
    const { standing, pid, devices, devicePolicy } = evidence;
    const mounts = ownMounts(evidence);
    // In the host's mount namespace all devices are there: N5 says so.
    if (isOfHost(evidence)) return [];
    // Of single nodes that are mounted the directory tells.
    const tree = mounts.filter(({ fsType, root }) => fsType === 'devtmpfs' && root === '/');
    const disks = devices.filter(isBlock);
    const block = disks.map(({ path }) => `/dev/${path}`);
    const special = devices.flatMap((entry) => specialName(entry) ?? []);
    const memory = special.filter((name) => MEMORY.has(name));
    if (tree.length === 0 && block.length === 0 && special.length === 0) return [];
    const numbers = disks.map(({ rdev }) => ({ major: majorOf(rdev), minor: minorOf(rdev) }));
    const hasDisks = tree.length > 0 || block.length > 0;
    const disksOpen = hasDisks ? mayOpenDisk(devicePolicy, tree.length > 0 ? 'any' : numbers) : null;
    const args = {
      devtmpfs: tree.map(({ mountPoint }) => mountPoint).toSorted(),
      block: block.toSorted(),
      special: special.toSorted(),
      disks_open: disksOpen,
    };
    const nodes = devices.filter((entry) => isBlock(entry) || specialName(entry) !== undefined);
    const lines = nodes
      .slice(0, SHOWN)
      .map(({ path, rdev }) => `/proc/${pid}/root/dev/${path}: ${majorOf(rdev)}:${minorOf(rdev)}`);
    const rules =
      disksOpen === null || devicePolicy.file === null ? [] : [`${devicePolicy.file}: ${devicePolicy.allows}`];
    const weight = memory.length > 0 || (hasDisks && disksOpen !== false) ? severity : hasDisks ? 'medium' : 'low';
    const evidenceLines = [...tree.map((mount) => line(pid, mount)), ...lines, ...rules];
    return [{ severity: ofHostRoot(standing, weight), args, evidence: evidenceLines }];
  }),

  check('M9', 'high', 'contained', SEEN, (evidence, severity) => {
    const { standing, pid } = evidence;
    return ownMounts(evidence).flatMap((mount): Found[] => {
      const isStrong = KERNEL_STRONG.has(mount.fsType);
      if (!isStrong && !KERNEL_OTHER.has(mount.fsType)) return [];
      const writable = isWritable(mount);
      const weight = ofHostRoot(standing, isStrong && writable ? severity : 'medium');
      return [
        {
          severity: weight,
          args: { fstype: mount.fsType, path: mount.mountPoint, writable },
          evidence: [line(pid, mount)],
        },
      ];
    });
  }),

  check('M10', 'medium', 'contained', [...SEEN, 'hostMounts'], (evidence, severity) => {
    const blind = blindness(evidence);
    if (blind !== undefined) return blind;
    const { standing, pid, hostMounts } = evidence;
    const groups = new Set(hostMounts.flatMap((mount) => sharedGroup(mount) ?? []));
    return ownMounts(evidence).flatMap((mount): Found[] => {
      const group = sharedGroup(mount);
      if (group === undefined || !groups.has(group)) return [];
      return [
        {
          severity: byIds(standing, severity),
          args: { path: mount.mountPoint },
          evidence: [`${line(pid, mount)} ${group}`],
        },
      ];
    });
  }),

  check('M11', 'low', 'contained', SEEN, (evidence, severity) => {
    const { pid } = evidence;
    const root = ownMounts(evidence).find(({ mountPoint }) => mountPoint === '/');
    if (root === undefined || !isWritable(root)) return [];
    return [{ severity, evidence: [line(pid, root)] }];
  }),

  check('M12', 'high', 'contained', SEEN, (evidence, severity) => {
    const { standing, pid } = evidence;
    // Single files of it, as /proc/cpuinfo, are what it is for; its whole tree has the host's cgroups.
    const found = ownMounts(evidence).filter(
      (mount) => (mount.source === 'lxcfs' || mount.fsType === 'fuse.lxcfs') && mount.root === '/' && isWritable(mount),
    );
    return found.map((mount) => {
      return {
        severity: ofHostRoot(standing, severity),
        args: { path: mount.mountPoint },
        evidence: [line(pid, mount)],
      };
    });
  }),

  check('M13', 'info', 'contained', SEEN, (evidence, severity) => {
    const { pid } = evidence;
    const found = ownMounts(evidence).filter(({ mountPoint }) => TOKEN.test(mountPoint));
    return found.map((mount) => ({ severity, args: { path: mount.mountPoint }, evidence: [line(pid, mount)] }));
  }),

  check('M14', 'high', 'contained', [...SEEN, 'around', 'share_net', 'listeners'], (evidence, severity) => {
    const blind = blindness(evidence);
    if (blind !== undefined) return blind;
    const { pid, around, share_net: share, listeners } = evidence;
    const mounts = ownMounts(evidence);
    const files = displayServers(around).flatMap((place) =>
      appearances(mounts, place).map(({ path, mount }): Found => {
        return { severity, args: { path, abstract: false }, evidence: [line(pid, mount)] };
      }),
    );
    // One in a network of its own is its own.
    const abstract = share === 'own' ? [] : listeners.filter((name) => name.startsWith(`@${X_FOLDER}/X`));
    const named = [...new Set(abstract)].map((path): Found => {
      return { severity, args: { path, abstract: true }, evidence: [`/proc/${pid}/net/unix: ${path}`] };
    });
    return [...files, ...named];
  }),
];

/** Mounts of file systems of these types; rights in them go by the host's root. */
function ofType(
  code: string,
  severity: Severity,
  types: readonly string[],
  { onlyWritable }: { readonly onlyWritable: boolean },
): Check {
  return check(code, severity, 'contained', SEEN, (evidence) => {
    const { standing, pid } = evidence;
    const found = ownMounts(evidence).filter(
      (mount) => types.includes(mount.fsType) && (!onlyWritable || isWritable(mount)),
    );
    return found.map((mount) => {
      return {
        severity: ofHostRoot(standing, severity),
        args: { path: mount.mountPoint },
        evidence: [line(pid, mount)],
      };
    });
  });
}

/** What all engines cover. Source: moby daemon/pkg/oci/defaults.go. */
const SECRET = ['/proc/kcore', '/proc/keys', '/proc/timer_list'];

/** Source: CIS Docker Benchmark 5.6, falco's sensitive mounts. */
const HOST_FOLDERS = ['/', '/boot', '/dev', '/etc', '/lib', '/proc', '/sys', '/usr', '/root', '/home', '/run', '/var']
  .concat(['/var/run', '/var/lib', '/var/log', '/var/lib/docker', '/var/lib/containers', '/var/lib/containerd'])
  .concat(['/var/lib/kubelet', '/var/lib/kubelet/pki', '/etc/kubernetes', '/etc/kubernetes/manifests']);

/** These have checks of their own. */
const OWN_CODES: ReadonlySet<string> = new Set(['proc', 'sysfs', 'devtmpfs', 'cgroup', 'cgroup2']);

const KERNEL_STRONG: ReadonlySet<string> = new Set([
  'debugfs',
  'tracefs',
  'bpf',
  'efivarfs',
  'configfs',
  'binfmt_misc',
]);
const KERNEL_OTHER: ReadonlySet<string> = new Set(['securityfs']);

const TOKEN = /^(?:\/var)?\/run\/secrets\/kubernetes\.io(?:\/|$)/;

/** Of many device nodes the first ones. */
const SHOWN = 8;

function sharedGroup({ optionalFields }: Mount): string | undefined {
  return optionalFields.find((field) => field.startsWith('shared:'));
}

const FILE_TYPE = 0o170_000;
const BLOCK = 0o060_000;
const CHARACTER = 0o020_000;

function isBlock({ mode }: TreeEntry): boolean {
  return (mode & FILE_TYPE) === BLOCK;
}

/** By their numbers, as the name says nothing. Source: Documentation/admin-guide/devices.txt. */
const SPECIAL: Readonly<Record<string, string>> = {
  '1:1': 'mem',
  '1:2': 'kmem',
  '1:4': 'port',
  '1:11': 'kmsg',
  '10:229': 'fuse',
  '10:232': 'kvm',
};
const MEMORY: ReadonlySet<string> = new Set(['mem', 'kmem', 'port']);

function specialName({ mode, rdev }: TreeEntry): string | undefined {
  return (mode & FILE_TYPE) === CHARACTER ? SPECIAL[`${majorOf(rdev)}:${minorOf(rdev)}`] : undefined;
}
