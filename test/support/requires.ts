// What a test needs of the machine. Where it is missing the test is skipped with the reason; where
// NSTOOL_TEST_REQUIRE names it (CI does), that skip is a failure.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cgroupMounts } from './test-cgroups.ts';

function has(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).error === undefined;
}

function works(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

const probes = {
  root: () => process.geteuid?.() === 0,
  /** All namespace kinds can be made by root. */
  namespaces: () => works('unshare', '-muinpUCT', '--fork', '-r', 'true'),
  /** A plain user may make a user namespace. */
  userns: () =>
    process.geteuid?.() === 0
      ? works('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'unshare', '-Ur', 'true')
      : works('unshare', '-Ur', 'true'),
  lsns: () => has('lsns', '--version'),
  nsenter: () => has('nsenter', '--version'),
  unshare: () => has('unshare', '--version'),
  capsh: () => has('capsh', '--help'),
  filecap: () => has('filecap', '-h'),
  pscap: () => has('pscap', '-h'),
  setcap: () => has('setcap', '-h') && has('getcap', '-h'),
  ip: () => has('ip', '-V'),
  ss: () => has('ss', '-V'),
  tun: () => works('sh', '-c', ': <> /dev/net/tun'),
  nft: () => has('nft', '--version'),
  iptables: () => has('iptables', '--version'),
  /** The kernel can make a link worse than it is. */
  netem: () => works('unshare', '-n', 'tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms'),
  /** What crosses a bridge meets the firewall of IP, in every network namespace. */
  br_netfilter: () => existsSync('/proc/sys/net/bridge/bridge-nf-call-iptables'),
  ifconfig: () => has('ifconfig', '--version'),
  jq: () => has('jq', '--version'),
  cc: () => has('cc', '--version'),
  /** libcap to compile against. */
  libcap: () => works('cc', '-E', '-include', 'sys/capability.h', '-x', 'c', '/dev/null'),
  /** Python's pty module: a terminal for tests of job control. */
  python: () => has('python3', '--version'),
  /** script(1): a terminal. */
  script: () => has('script', '--version'),
  /** The kernel tells of capabilities that are asked for (Linux 6.14). */
  tracing: () =>
    works('unshare', '--mount', 'sh', '-c', 'mount -t tracefs t /mnt && test -d /mnt/events/capability/cap_capable'),
  /** cgroup v1 with memory, cpu, cpuset, pids and devices, each at its root. */
  cgroup1: () => ['memory', 'cpu', 'cpuset', 'pids', 'devices'].every((name) => cgroupMounts().has(name)),
  /** Any cgroups that root may make more below. */
  cgroups: () => cgroupMounts().size > 0,
  /** A browser without a display, to look at a page. */
  chromium: () => has('chromium-headless-shell', '--version'),
  strace: () => has('strace', '--version'),
  zsh: () => has('zsh', '--version'),
  fish: () => has('fish', '--version'),
  /** Container engines, and a program that needs no library to run in them. */
  busybox: () => works('busybox', 'true'),
  docker: () => has('dockerd', '--version') && has('docker', '--version'),
  containerd: () => has('containerd', '--version') && has('ctr', '--version'),
  bwrap: () => has('bwrap', '--version'),
  podman: () => has('podman', '--version') && has('conmon', '--version'),
  /** Subordinate ids for a plain user's containers. */
  newuidmap: () => has('newuidmap'),
  /** CNI's plugins, where Debian has them. */
  cni: () => existsSync('/usr/lib/cni/bridge'),
  runc: () => has('runc', '--version'),
  lxc: () => has('lxc-start', '--version'),
  cgtop: () => has('systemd-cgtop', '--version'),
  nspawn: () => has('systemd-nspawn', '--version'),
} satisfies Record<string, () => boolean>;

export type Requirement = keyof typeof probes;

const known = new Map<Requirement, boolean>();

function present(requirement: Requirement): boolean {
  let answer = known.get(requirement);
  if (answer === undefined) {
    answer = probes[requirement]();
    known.set(requirement, answer);
  }
  return answer;
}

/** What `all` does not ask for: machines that test this every day have no container engines, nor sch_netem. */
const rare: readonly Requirement[] = [
  'busybox',
  'bwrap',
  'docker',
  'containerd',
  'podman',
  'newuidmap',
  'cni',
  'runc',
  'lxc',
  'nspawn',
  'netem',
];

const required = new Set((process.env['NSTOOL_TEST_REQUIRE'] ?? '').split(',').filter(Boolean));

/** For `describe.skipIf(lacks('root', 'lsns'))`. Throws where the lack must not be passed over. */
export function lacks(...requirements: readonly Requirement[]): boolean {
  const missing = requirements.filter((requirement) => !present(requirement));
  const fatal = missing.filter(
    (requirement) => required.has(requirement) || (required.has('all') && !rare.includes(requirement)),
  );
  if (fatal.length > 0) throw new Error(`NSTOOL_TEST_REQUIRE names ${fatal.join(', ')}, which this machine lacks`);
  if (missing.length > 0) console.warn(`skipped: this machine lacks ${missing.join(', ')}`);
  return missing.length > 0;
}
