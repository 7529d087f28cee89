// What each capability is for and what it risks, in a sentence each. Sources: capabilities(7), linux/capability.h; what
// the kernel checks it for. The risk is that of a process in the initial user namespace, where it counts on the host.

import { capabilityNames } from './names.ts';

/** `critical`: the host is taken over with it; `high`: nearly, or with one thing more; `info`: no way up is known. */
export type Risk = 'info' | 'low' | 'medium' | 'high' | 'critical';

export interface Knowledge {
  /** The first version of Linux that has it. */
  readonly since: string;
  readonly allows: string;
  readonly risk: Risk;
  /** Why it is of that risk. */
  readonly risks: string;
}

/** By number: one for each name. */
export const knowledge: readonly Knowledge[] = [
  {
    since: '2.2',
    allows: 'give any file to any user and group',
    risk: 'low',
    risks: 'a file that root executes or trusts can be taken over, where its file system is within reach',
  },
  {
    since: '2.2',
    allows: 'read, write and search files whatever their permission bits say, and execute what anybody may',
    risk: 'medium',
    risks: 'with a directory of the host mounted, every file in it can be changed: then it is critical',
  },
  {
    since: '2.2',
    allows: 'read any file and search any directory, and open files by handle',
    risk: 'high',
    risks: 'open_by_handle_at(2) reaches files of a file system beyond the mounted part of it, as out of a container',
  },
  {
    since: '2.2',
    allows: 'do to any file what only its owner may: chmod, utimes, access lists, file flags',
    risk: 'low',
    risks: 'permission bits protect nothing that is within reach',
  },
  {
    since: '2.2',
    allows: 'keep the setuid and setgid bits of a file that is changed, and set the setgid bit for foreign groups',
    risk: 'low',
    risks: 'a program can be changed without losing the rights that it gives',
  },
  {
    since: '2.2',
    allows: "send signals to any user's processes",
    risk: 'low',
    risks: 'whatever it sees it can end: with the pid namespace of the host every service',
  },
  {
    since: '2.2',
    allows: 'take on any gid and supplementary groups, and write the gid map of a user namespace',
    risk: 'low',
    risks: 'groups such as disk, docker or shadow give more than they seem to',
  },
  {
    since: '2.2',
    allows: 'take on any uid, and write the uid map of a user namespace',
    risk: 'low',
    risks: 'one step to the files of every user, root among them; as a capability of a program in a file it gives root',
  },
  {
    since: '2.2',
    allows: 'add to the inheritable set what the bounding set has, take from the bounding set, set the securebits',
    risk: 'low',
    risks: 'what was set up to keep programs from being privileged can be changed for those that follow',
  },
  {
    since: '2.2',
    allows: 'set and clear the flags immutable and append-only of files',
    risk: 'low',
    risks: 'logs that were to be kept can be rewritten, and files be made that nobody can delete',
  },
  {
    since: '2.2',
    allows: 'bind to ports below net.ipv4.ip_unprivileged_port_start, 1024 if not changed',
    risk: 'info',
    risks: 'it can stand where a well-known service is expected',
  },
  {
    since: '2.2',
    allows: 'nothing: no kernel checks it for broadcasts or multicasts',
    risk: 'info',
    risks: 'nothing',
  },
  {
    since: '2.2',
    allows: 'configure the network namespace: links, addresses, routes, firewall, promiscuous mode',
    risk: 'medium',
    risks: "traffic can be redirected and filters be opened; in the host's network namespace it is high",
  },
  {
    since: '2.2',
    allows: 'open raw and packet sockets, and bind to any address for transparent proxies',
    risk: 'low',
    risks: "neighbours' traffic can be read and forged (ARP, DNS); in the host's network namespace it is medium",
  },
  {
    since: '2.2',
    allows: 'lock memory beyond RLIMIT_MEMLOCK, and use huge pages by shmget(2) and mmap(2)',
    risk: 'info',
    risks: 'memory can be used up that cannot be reclaimed',
  },
  {
    since: '2.2',
    allows: 'use System V objects and POSIX queues of the ipc namespace whatever their permission bits say',
    risk: 'low',
    risks: 'shared memory of other services in the ipc namespace can be read and changed',
  },
  {
    since: '2.2',
    allows: 'load and unload kernel modules',
    risk: 'critical',
    risks: 'code of its own runs in the kernel: no namespace holds it',
  },
  {
    since: '2.2',
    allows: 'use I/O ports, /dev/mem, and commands to devices that go around their drivers',
    risk: 'critical',
    risks: 'memory and disks can be written below the kernel',
  },
  {
    since: '2.2',
    allows: 'use chroot(2), and setns(2) into a mount namespace',
    risk: 'info',
    risks: 'a root directory set by chroot(2) can be left again',
  },
  {
    since: '2.2',
    allows: 'trace any process, read and write its memory, use its descriptors',
    risk: 'high',
    risks: 'every process it sees can be made to do anything: with the pid namespace of the host it is critical',
  },
  {
    since: '2.2',
    allows: 'switch process accounting on and off',
    risk: 'low',
    risks: 'the kernel writes records to a file of its choice, and stops writing those that are wanted',
  },
  {
    since: '2.2',
    allows:
      'mount file systems, join namespaces, set host names and quotas, and much that has no capability of its own',
    risk: 'critical',
    risks: "the host's disks can be mounted, a helper of the kernel be set, tracing and eBPF be used: it is root",
  },
  {
    since: '2.2',
    allows: 'reboot, and load another kernel by kexec_load(2)',
    risk: 'high',
    risks: 'the host can be stopped; a kernel of its own is in full control',
  },
  {
    since: '2.2',
    allows: 'set priorities, real-time scheduling, I/O classes and CPUs, of other processes too',
    risk: 'low',
    risks: 'everybody else can be kept from running',
  },
  {
    since: '2.2',
    allows: 'go beyond resource limits, quotas and reserved space, and raise hard limits',
    risk: 'low',
    risks: 'what others need can be used up',
  },
  {
    since: '2.2',
    allows: 'set the system clock and the real-time clock',
    risk: 'medium',
    risks: 'certificates, logs and timers are deceived, for the whole host: the clock has no namespace',
  },
  {
    since: '2.2',
    allows: 'hang up terminals by vhangup(2), and configure virtual terminals',
    risk: 'low',
    risks: 'keyboards and consoles can be reconfigured for who comes next',
  },
  {
    since: '2.4',
    allows: 'make device nodes by mknod(2)',
    risk: 'low',
    risks: 'where the devices cgroup lets them be used, disks can be read and written: then it is high',
  },
  {
    since: '2.4',
    allows: 'take leases on any file, see F_SETLEASE in fcntl(2)',
    risk: 'info',
    risks: 'who opens the file can be kept waiting for a while',
  },
  {
    since: '2.6.11',
    allows: "write records to the kernel's audit log",
    risk: 'info',
    risks: 'the log can be filled, and records be made that look real',
  },
  {
    since: '2.6.11',
    allows: "switch the kernel's auditing on and off, and change its rules",
    risk: 'medium',
    risks: 'what is done afterwards leaves no record',
  },
  {
    since: '2.6.24',
    allows: 'give files capabilities, and since 5.12 map uid 0 of the parent into a user namespace',
    risk: 'low',
    risks: 'a program can be left behind that is privileged for whoever executes it',
  },
  {
    since: '2.6.25',
    allows: 'go beyond mandatory access control, where Smack is used',
    risk: 'high',
    risks: 'the policy of the host binds it no more',
  },
  {
    since: '2.6.25',
    allows: 'change the policy of mandatory access control: Smack, AppArmor and others',
    risk: 'high',
    risks: 'the policy of the host can be switched off for all',
  },
  {
    since: '2.6.37',
    allows: 'read and clear the kernel log by syslog(2), and see kernel addresses if kptr_restrict is 1',
    risk: 'medium',
    risks: 'addresses that make an attack on the kernel easier, and whatever drivers logged',
  },
  {
    since: '3.0',
    allows: 'set timers that wake the system up',
    risk: 'info',
    risks: 'the battery of a laptop',
  },
  {
    since: '3.5',
    allows: 'keep the system from suspending',
    risk: 'info',
    risks: 'the battery of a laptop',
  },
  {
    since: '3.16',
    allows: "read the kernel's audit log through a multicast netlink socket",
    risk: 'low',
    risks: 'what all users do can be watched: command lines, files, logins',
  },
  {
    since: '5.8',
    allows: 'observe the system by perf_event_open(2) and tracing programs of eBPF',
    risk: 'medium',
    risks: 'memory of the kernel and of other processes can be read',
  },
  {
    since: '5.8',
    allows: 'load programs and make maps of eBPF that need privileges',
    risk: 'high',
    risks: 'with perfmon or net_admin the kernel can be watched and changed; the verifier is all that holds it',
  },
  {
    since: '5.9',
    allows: 'checkpoint and restore processes: choose pids, read /proc/PID/map_files, exchange /proc/self/exe',
    risk: 'low',
    risks: 'it can pass for another program, and open files that others have mapped',
  },
];

/** Those of the highest risk: with one of them in the initial user namespace a process is root of the host. */
export const criticalCapabilities: bigint = knowledge.reduce(
  (mask, { risk }, capability) => (risk === 'critical' ? mask | (1n << BigInt(capability)) : mask),
  0n,
);

/** What is not known of a capability that is newer than we are. */
export function knowledgeOf(capability: number): Knowledge | undefined {
  return capability < capabilityNames.length ? knowledge[capability] : undefined;
}
