// What is said of findings, in one place: a title for each code, and a sentence made of a finding's args.

import type { Args, Finding } from './findings.ts';

export interface FindingText {
  readonly title: string;
  /** A sentence without its full stop. Strings in it are data of others: whoever prints it escapes it. */
  readonly say: (args: Args) => string;
}

function list(value: Args[string] | undefined): string {
  return Array.isArray(value) ? value.join(', ') : String(value ?? '-');
}

function text(value: Args[string] | undefined): string {
  return value === null || value === undefined ? '-' : String(value);
}

function count(value: Args[string] | undefined): number {
  return Array.isArray(value) ? value.length : 0;
}

/** Whose a shared namespace is, or what keeps us from telling. */
function shares(kind: string): FindingText['say'] {
  return ({ with: whose, observer_may_be_host: perhaps }) => {
    if (whose === 'host') return `shares the host's ${kind} namespace`;
    const doubt = perhaps === true ? "which may be the host's" : "which is not the host's";
    return `shares the ${kind} namespace of nstool itself, ${doubt}`;
  };
}

const WHERE: Readonly<Record<string, string>> = {
  host: '',
  service: ' (root of the host)',
  namespace: ' (in its own user namespace only)',
};

function where({ scope }: Args): string {
  return typeof scope === 'string' ? (WHERE[scope] ?? '') : '';
}

/** Of a capability, or several. */
function holds(meaning: string): FindingText['say'] {
  return (args) => {
    const dormant = args['effective'] === false ? ', permitted but not effective' : '';
    return `holds ${list(args['capabilities'])}${dormant}: ${meaning}${where(args)}`;
  };
}

function access({ writable }: Args): string {
  return writable === true ? 'can be written to' : 'read-only';
}

const namespaces: Readonly<Record<string, FindingText>> = {
  N1: { title: "shares the host's pid namespace", say: shares('pid') },
  N2: { title: "shares the host's network namespace", say: shares('net') },
  N3: { title: "shares the host's ipc namespace", say: shares('ipc') },
  N4: { title: "shares the host's uts namespace", say: shares('uts') },
  N5: { title: "a container in the host's mount namespace", say: shares('mnt') },
  N6: { title: "shares the host's cgroup namespace", say: shares('cgroup') },
  N7: {
    title: 'root in it is root of the host',
    say: () => "runs as uid 0 in the initial user namespace: its root is the host's root",
  },
  N8: {
    title: "its user namespace contains the host's root",
    say: ({ inside }) => `uid ${text(inside)} in its user namespace is uid 0 of the host`,
  },
  N9: {
    title: 'setgroups is allowed in a user namespace that a plain user made',
    say: ({ owner }) =>
      `setgroups(2) is allowed in its user namespace, which uid ${text(owner)} made: groups can be dropped`,
  },
  N10: {
    title: 'is in a namespace of another container',
    say: ({ kind, containers }) => `shares its ${text(kind)} namespace with ${list(containers)}`,
  },
  N11: {
    title: 'is in namespaces that another user namespace owns',
    say: ({ kinds, stronger }) => {
      const what = `its ${list(kinds)} namespaces belong to another user namespace than its own`;
      return stronger === true
        ? `${what}: in there it is stronger than those who live there`
        : `${what}: its capabilities do nothing there`;
    },
  },
};

const capabilities: Readonly<Record<string, FindingText>> = {
  C1: { title: 'holds every capability', say: (args) => `holds every capability${where(args)}` },
  C2: { title: 'CAP_SYS_ADMIN', say: holds('mounts, namespaces, and most that has no capability of its own') },
  C3: { title: 'CAP_SYS_MODULE', say: holds('can load code into the kernel') },
  C4: { title: 'CAP_SYS_RAWIO', say: holds("can use I/O ports and the memory's device") },
  C5: { title: 'CAP_SYS_PTRACE', say: holds('can read and change every process that it sees') },
  C6: {
    title: 'CAP_DAC_READ_SEARCH',
    say: (args) => {
      const meaning =
        args['write'] === true
          ? 'can read and write any file, and open files by handle'
          : 'can read any file, and open files by handle';
      return holds(meaning)(args);
    },
  },
  C7: { title: 'CAP_BPF or CAP_PERFMON', say: holds('can load programs into the kernel, or look into all processes') },
  C8: { title: 'CAP_SYS_BOOT', say: holds('can restart the host, or start another kernel') },
  C9: {
    title: 'CAP_MAC_ADMIN or CAP_MAC_OVERRIDE',
    say: holds('can change or pass over the rules of a security module'),
  },
  C10: {
    title: 'CAP_NET_ADMIN',
    say: (args) =>
      holds(args['host_network'] === true ? "can change the host's network and firewall" : 'can change its network')(
        args,
      ),
  },
  C11: {
    title: 'CAP_MKNOD',
    say: (args) => {
      const devices: Readonly<Record<string, string>> = {
        open: 'can make device nodes, and its cgroup lets it use all of them',
        limited: 'can make device nodes; its cgroup lets it use some',
        unknown: 'can make device nodes; which it may use is in a BPF program that no file shows',
      };
      return holds(devices[text(args['devices'])] ?? 'can make device nodes')(args);
    },
  },
  C12: { title: 'CAP_NET_RAW', say: holds('can send forged packets and listen to others on its links') },
  C13: {
    title: 'capabilities over the clock, the log, terminals or the audit',
    say: holds('acts on what all of the host shares'),
  },
  C14: {
    title: 'more capabilities than its engine gives',
    say: ({ baseline, added, dropped }) => {
      const less = count(dropped) === 0 ? '' : `, without ${list(dropped)}`;
      return `may have more than ${text(baseline)}'s default: ${list(added)}${less}`;
    },
  },
  C15: {
    title: 'ambient capabilities',
    say: (args) => `what it executes keeps ${list(args['capabilities'])} by the ambient set${where(args)}`,
  },
  C16: {
    title: 'inheritable capabilities without ambient ones',
    say: (args) =>
      `its inheritable set has ${list(args['capabilities'])}: a file that inherits them gets them${where(args)}`,
  },
  C17: {
    title: 'permitted capabilities that are not effective',
    say: ({ capabilities }) => `can raise ${list(capabilities)} at any time`,
  },
  C18: {
    title: 'can gain capabilities by executing a program',
    say: (args) =>
      `no_new_privs is off: a setuid program or a file's capabilities could give it ${list(args['capabilities'])}${where(args)}`,
  },
  C19: {
    title: 'threads with other credentials',
    say: ({ differs, more }) => {
      const stronger = count(more) === 0 ? '' : `: they hold ${list(more)}, which its first one does not`;
      return `some of its threads differ in ${list(differs)}${stronger}`;
    },
  },
};

const security: Readonly<Record<string, FindingText>> = {
  S1: {
    title: 'no_new_privs is off',
    say: ({ uid }) => {
      if (uid === 0) return 'no_new_privs is off';
      return `no_new_privs is off, and it runs as ${uid === null ? 'a uid that its user namespace does not map' : `uid ${text(uid)}`}`;
    },
  },
  S2: {
    title: 'no seccomp filter',
    say: ({ sys_admin: admin }) =>
      `no seccomp filter: every system call is open to it${admin === true ? ', with CAP_SYS_ADMIN' : ''}`,
  },
  S3: {
    title: 'no security module confines it',
    say: ({ label }) => `its security label is ${text(label)}: nothing is confined by it`,
  },
  S4: {
    title: 'runs as root',
    say: ({ host_uid: uid }) =>
      uid === 0 ? 'runs as uid 0' : `runs as uid 0 of its user namespace, which is uid ${text(uid)} of the host`,
  },
  S5: {
    title: 'its uids differ',
    say: ({ real, effective, saved, fs, regains }) => {
      const ids = `its uids differ: real ${text(real)}, effective ${text(effective)}, saved ${text(saved)}, files ${text(fs)}`;
      return regains === true ? `${ids}: it can become root` : ids;
    },
  },
  S6: {
    title: 'member of a powerful group',
    say: ({ group, gid, named_by: by }) =>
      by === 'host'
        ? `is in the host's group ${text(group)} (${text(gid)})`
        : `is in the group ${text(group)} (${text(gid)}) of its own /etc/group`,
  },
  S7: {
    title: 'spared when memory runs out',
    say: ({ oom_score_adj: adj }) => `oom_score_adj is ${text(adj)}: others are killed first when memory runs out`,
  },
  S8: { title: 'is traced', say: () => 'another process traces it' },
};

const mounts: Readonly<Record<string, FindingText>> = {
  M1: {
    title: "a container engine's socket is reachable",
    say: (args) => {
      const open =
        args['writable'] === true
          ? 'whoever talks to it is root of the host'
          : 'its mode, or that of a folder above it, keeps this process from it';
      const whose = args['host_path'] === null ? "an engine's socket" : `the host's ${text(args['host_path'])}`;
      return `${whose} is at ${text(args['path'])}: ${open}`;
    },
  },
  M2: {
    title: 'a directory of the host is mounted',
    say: (args) => `the host's ${text(args['host_path'])} is at ${text(args['path'])}, ${access(args)}`,
  },
  M3: {
    title: '/proc is not masked',
    say: ({ writable, unmasked }) => {
      const parts = [
        ...(count(writable) > 0 ? [`${list(writable)} can be written to`] : []),
        ...(count(unmasked) > 0 ? [`${list(unmasked)} can be read`] : []),
      ];
      return parts.join('; ');
    },
  },
  M4: {
    title: 'a second /proc of other processes',
    say: ({ path, of_observer: ours, writable }) => {
      const settings = writable === true ? `; ${text(path)}/sys can be written to` : '';
      return `${text(path)} is the proc file system of ${ours === true ? "the host's" : 'other'} processes${settings}`;
    },
  },
  M5: { title: '/sys can be written to', say: ({ path }) => `sysfs can be written to at ${text(path)}` },
  M6: {
    title: 'cgroup v1 can be written to',
    say: ({ paths, hierarchy_root: root }) =>
      `cgroup v1 can be written to${root === true ? ' from the root of the hierarchy, with its release_agent,' : ''} at ${list(paths)}`,
  },
  M7: { title: 'cgroup v2 can be written to', say: ({ path }) => `cgroup v2 can be written to at ${text(path)}` },
  M8: {
    title: 'devices of the host',
    say: ({ devtmpfs, block, special, disks_open: open }) => {
      const parts = [
        ...(count(devtmpfs) > 0 ? [`the host's devices are at ${list(devtmpfs)}`] : []),
        ...(count(block) > 0 ? [`disks: ${list(block)}`] : []),
        ...(count(special) > 0 ? [`nodes: ${list(special)}`] : []),
        ...(open === false ? ['its cgroup lets it open none of the disks'] : []),
      ];
      return parts.join('; ');
    },
  },
  M9: {
    title: "the kernel's own file systems",
    say: (args) => `${text(args['fstype'])} is at ${text(args['path'])}, ${access(args)}`,
  },
  M10: {
    title: 'mounts reach the host',
    say: ({ path }) => `what is mounted below ${text(path)} appears on the host too (shared propagation)`,
  },
  M11: { title: 'its root can be written to', say: () => 'its root file system can be written to' },
  M12: {
    title: 'lxcfs can be written to',
    say: ({ path }) => `all of lxcfs, with the host's cgroups, can be written to at ${text(path)}`,
  },
  M13: { title: "Kubernetes' token", say: ({ path }) => `a token for Kubernetes' API is at ${text(path)}` },
  M14: {
    title: 'an X server is reachable',
    say: ({ path, abstract }) =>
      `the X server's ${abstract === true ? 'abstract ' : ''}socket ${text(path)} is reachable: its clients see and make all input`,
  },
};

const cgroups: Readonly<Record<string, FindingText>> = {
  G1: {
    title: 'no limit of memory',
    say: ({ counted }) => `no limit of memory, on its cgroup or above${uncounted(counted, 'memory')}`,
  },
  G2: {
    title: 'no limit of processor time',
    say: ({ counted }) =>
      `no quota of processor time, on its cgroup or above, no fewer processors than others, and the default weight${uncounted(counted, 'cpu')}`,
  },
  G3: {
    title: 'no limit of processes',
    say: ({ counted }) => `no limit of processes and threads, on its cgroup or above${uncounted(counted, 'pids')}`,
  },
  G4: {
    title: 'in the root cgroup',
    say: ({ controllers }) => `is in the root cgroup of ${list(controllers)}, as if it were a process of the host`,
  },
  G5: {
    title: 'its cgroup is elsewhere than its engine puts it',
    say: ({ engine, parent }) =>
      `its cgroup is below ${text(parent)}, not where ${text(engine)} puts it: the limits of that one hold for it`,
  },
  G6: {
    title: 'its cgroup refuses no device',
    say: ({ devices }) =>
      devices === 'open'
        ? 'its cgroup lets it use all devices'
        : 'which devices it may use is in a BPF program that no file shows, if there is one',
  },
};

function uncounted(counted: Args[string] | undefined, controller: string): string {
  return counted === false ? `: no ${controller} controller acts on it` : '';
}

const files: Readonly<Record<string, FindingText>> = {
  F1: {
    title: 'a file gives capabilities close to root',
    say: ({ path, capabilities, interpreter }) =>
      `${text(path)}${interpreter === true ? ', which does what its arguments say,' : ''} gives ${list(capabilities)} to whoever runs it`,
  },
  F2: {
    title: 'its program could not be executed again',
    say: ({ path, missing }) =>
      `executing ${text(path)} would be EPERM: its file needs ${list(missing)}, which the bounding set lacks`,
  },
  F3: {
    title: "the file's capabilities are for another user namespace",
    say: ({ path, rootid }) =>
      `the capabilities of ${text(path)} are for a user namespace whose root is uid ${text(rootid)}: here they are ignored`,
  },
  F4: {
    title: "nosuid takes the file's privileges away",
    say: ({ path, mount, setuid, capabilities }) => {
      const what = [...(setuid === true ? ['setuid'] : []), ...(capabilities === true ? ['capabilities'] : [])].join(
        ' and ',
      );
      return `${text(mount)} is mounted nosuid: ${what} of ${text(path)} do nothing`;
    },
  },
};

const host: Readonly<Record<string, FindingText>> = {
  H1: { title: 'plain users may make user namespaces', say: () => 'plain users may make user namespaces' },
  H2: {
    title: 'programs that the kernel starts, and keys that it obeys',
    say: ({ core_pattern: core, modprobe, sysrq }) => {
      const parts = [
        ...(core === null ? [] : [`core dumps go to the program ${text(core)}`]),
        ...(modprobe === null ? [] : [`modules are loaded by ${text(modprobe)}`]),
        ...(sysrq === null ? [] : [`sysrq is ${text(sysrq)}`]),
      ];
      return parts.join('; ');
    },
  },
  H3: {
    title: 'settings that are looser than need be',
    say: ({ settings }) => `looser than need be: ${list(settings)}`,
  },
  H4: {
    title: 'packets from the network may be for 127.0.0.1',
    say: () => 'route_localnet is on: neighbours on a link can reach what listens on 127.0.0.1',
  },
};

/** Said after the sentence of the finding that it makes critical, by that finding's args. */
const raising: Readonly<Record<string, FindingText>> = {
  K1: {
    title: "traces the host's processes",
    say: () => "with the host's pid namespace: it can take over any process of the host",
  },
  K2: { title: "enters the host's namespaces", say: () => "with the host's pid namespace: nsenter -t 1 is the host" },
  K3: { title: 'release_agent', say: () => 'as root of the host: release_agent runs a program on the host' },
  K4: { title: 'core_pattern', say: () => 'as root of the host: core_pattern and its kin run a program on the host' },
  K5: {
    title: 'opens files by handle',
    say: () => 'without a filter for open_by_handle_at(2): it reads the files of the host',
  },
  K6: {
    title: "containerd's shim",
    say: () => 'a containerd shim listens on an abstract socket there (CVE-2020-15257)',
  },
  K7: {
    title: 'a disk of the host',
    say: ({ disks_open: open }) =>
      open === false
        ? 'with CAP_MKNOD: they are open to it once it has left that cgroup (M6)'
        : 'with CAP_MKNOD: the disks of the host are open to it',
  },
  K8: { title: "the engine's socket", say: () => 'a request there starts a container with any right' },
};

const texts: Readonly<Record<string, FindingText>> = {
  ...namespaces,
  ...capabilities,
  ...security,
  ...mounts,
  ...cgroups,
  ...files,
  ...host,
  ...raising,
};

/** In the order in which they are listed. */
export const codes: readonly string[] = Object.keys(texts);

export function titleOf(code: string): string {
  return texts[code]?.title ?? code;
}

/** One line, not escaped yet. */
export function sentence({ code, severity, args, raised }: Finding): string {
  if (severity === 'unknown') {
    const { reason, what, errno, text: detail } = args;
    const why = detail === null ? text(what) : `${text(what)}: ${text(detail)}`;
    return `${titleOf(code)}? ${text(reason)}: ${why}${errno === null ? '' : ` (${text(errno)})`}`;
  }
  const said = texts[code]?.say(args) ?? code;
  return [said, ...raised.map((each) => `${each} ${texts[each]?.say(args) ?? ''}`)].join('; ');
}
