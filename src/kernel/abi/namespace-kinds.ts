// The eight kinds of namespace. Source: include/uapi/linux/sched.h, namespaces(7), proc_sys_user(5).

export type NamespaceKind = 'cgroup' | 'ipc' | 'mnt' | 'net' | 'pid' | 'time' | 'user' | 'uts';

export interface NamespaceKindFacts {
  /** The name of the link in /proc/PID/ns, and in `lsns -t`. */
  readonly kind: NamespaceKind;
  /** The option letter of nsenter(1) and unshare(1). */
  readonly letter: string;
  /** The long option of nsenter(1) and unshare(1). */
  readonly option: string;
  /** The CLONE_* flag's name and value. */
  readonly flag: string;
  readonly flagValue: number;
  /** The first kernel in which the kind could be used. */
  readonly since: string;
  readonly isolates: string;
  /** The sysctl below /proc/sys/user that limits how many a user may create. */
  readonly limit: string;
}

function facts(
  kind: NamespaceKind,
  letter: string,
  option: string,
  flag: string,
  flagValue: number,
  since: string,
  isolates: string,
): NamespaceKindFacts {
  return { kind, letter, option, flag, flagValue, since, isolates, limit: `max_${kind}_namespaces` };
}

/** In the order in which nsenter(1) joins them. */
export const namespaceKinds: readonly NamespaceKindFacts[] = [
  facts('user', 'U', 'user', 'CLONE_NEWUSER', 0x10000000, '3.8', 'user and group ids, capabilities'),
  facts('cgroup', 'C', 'cgroup', 'CLONE_NEWCGROUP', 0x02000000, '4.6', 'the root of the cgroup trees'),
  facts('ipc', 'i', 'ipc', 'CLONE_NEWIPC', 0x08000000, '2.6.19', 'System V IPC, POSIX message queues'),
  facts('uts', 'u', 'uts', 'CLONE_NEWUTS', 0x04000000, '2.6.19', 'host name, NIS domain name'),
  facts('net', 'n', 'net', 'CLONE_NEWNET', 0x40000000, '2.6.29', 'links, addresses, routes, ports, firewall'),
  facts('pid', 'p', 'pid', 'CLONE_NEWPID', 0x20000000, '2.6.24', 'process ids'),
  facts('mnt', 'm', 'mount', 'CLONE_NEWNS', 0x00020000, '2.4.19', 'the mount tree'),
  facts('time', 'T', 'time', 'CLONE_NEWTIME', 0x00000080, '5.6', 'offsets of the monotonic and boot clocks'),
];

export function isNamespaceKind(word: string): word is NamespaceKind {
  return namespaceKinds.some((entry) => entry.kind === word);
}

/** The facts of one kind. */
export function kindFacts(kind: NamespaceKind): NamespaceKindFacts {
  const found = namespaceKinds.find((entry) => entry.kind === kind);
  if (found === undefined) throw new Error(`no such namespace kind: ${kind}`);
  return found;
}

/** Of a CLONE_NEW* value; undefined: a kind that is not known here. */
export function kindOfFlag(flag: number): NamespaceKind | undefined {
  return namespaceKinds.find((entry) => entry.flagValue === flag)?.kind;
}
