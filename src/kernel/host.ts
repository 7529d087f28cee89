// The port: all that pure code may ask of a machine. Types only, and the two constructors of a reading.
//
// It is synchronous on purpose: a listing is thousands of small reads of a kernel that answers at once.
// host/linux answers it live; host/recorded answers it from an archive of questions and answers.

/** Why a question has no answer. */
export type GapReason =
  /** The thing vanished, or was never there (ENOENT, ESRCH). */
  | 'gone'
  /** The kernel refused (EACCES, EPERM). */
  | 'denied'
  /** The kernel, or this way of asking it, lacks the thing (ENOTTY, ENOSYS, EINVAL ...). */
  | 'unsupported'
  /** An answer came, but it is not of the documented form. */
  | 'malformed'
  /** A recorded host that was never asked this. */
  | 'unrecorded';

/** A question without an answer. It is a value, never an exception: one unreadable process fails no listing. */
export interface Gap {
  readonly reason: GapReason;
  /** What was asked, usually a path. */
  readonly what: string;
  /** The errno's name, when the kernel gave one. */
  readonly errno?: string;
  /** For `malformed`: the line (from 1) and the text that did not parse. */
  readonly line?: number;
  readonly text?: string;
}

/** A value, or the reason why there is none. */
export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly gap: Gap };

export function value<T>(value: T): Reading<T> {
  return { ok: true, value };
}

export function gap(gap: Gap): Reading<never> {
  return { ok: false, gap };
}

/** The value of a reading, or undefined where its absence needs no explanation. */
export function valueOf<T>(reading: Reading<T>): T | undefined {
  return reading.ok ? reading.value : undefined;
}

/** The fields of stat(2) that something asks for. */
export interface FileStatus {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** st_ctime. Unit: nanoseconds since 1970. Absent in older recordings. */
  readonly changed?: bigint;
  /** Of a device its number, as makedev(3) makes it. Absent of other files, and in older recordings. */
  readonly rdev?: bigint;
}

/** What stands in a directory, as lstat(2) tells it, and what overlayfs noted on it. */
export interface TreeEntry extends Omit<FileStatus, 'changed' | 'rdev'> {
  /** Below the directory that was asked for. A byte that is no part of UTF-8 stands as U+DC00 and its value. */
  readonly path: string;
  /** How many names it has. */
  readonly links: number;
  /** Unit: bytes. */
  readonly size: bigint;
  /** Unit: 512 bytes. */
  readonly blocks: bigint;
  /** Of a device its number, as makedev(3) makes it: 0 is overlayfs's mark on what was deleted. */
  readonly rdev: bigint;
  /** When it was last modified. Unit: nanoseconds. */
  readonly modified: bigint;
  /** The extended attributes of regular files and directories that something asks for, their values in hex. */
  readonly attributes: Readonly<Partial<Record<TreeAttribute, string>>>;
}

/**
 * File capabilities, and what overlayfs and fuse-overlayfs note, without their prefixes: nothing below shows through
 * (`opaque`), it was deleted (`whiteout`), what is below it has another name (`redirect`). Without CAP_SYS_ADMIN in the
 * initial user namespace the kernel hides the notes of root's overlays.
 */
export type TreeAttribute = 'capability' | 'opaque' | 'whiteout' | 'redirect';

/** Which directory to list. */
export interface TreeQuery {
  /** A directory that the others are in, as chroot(2) does it: no link leads out of it. Absent: our own root. */
  readonly base?: string;
  /** Who may write around it is trusted: links are followed. */
  readonly root: string;
  /** Below `root`; empty: `root` itself. From here on no link is followed, and no mount entered. */
  readonly path: string;
  /** With all that is below, or only what stands in it. */
  readonly deep: boolean;
  /** At most so many entries. */
  readonly limit: number;
}

/** A directory, listed. */
export interface Tree {
  /** The directory itself; its path is empty. */
  readonly top: TreeEntry;
  readonly entries: readonly TreeEntry[];
  /** There are more entries than were asked for, or they nest too deep. */
  readonly cut: boolean;
  /** What could not be read in it. */
  readonly gaps: readonly Gap[];
}

/** Which directories to list. */
export interface FolderQuery {
  /** Of a file system that only the kernel fills: cgroupfs. Its directories count their subdirectories as links. */
  readonly path: string;
  /** At most so many. */
  readonly limit: number;
}

/** The directories below one. */
export interface Folders {
  /** Below the one that was asked for, each after the one it is in. A byte that is no part of UTF-8 stands as U+DC00 and its value. */
  readonly paths: readonly string[];
  /** There are more than were asked for. */
  readonly cut: boolean;
  /** What could not be listed, that is no longer there left out. */
  readonly gaps: readonly Gap[];
}

/**
 * Questions to an nsfs descriptor. Source: ioctl_nsfs(2), linux/nsfs.h. Since: Linux 4.9; type and owner uid: 4.11; id
 * of a mount namespace, first process of a pid namespace: 6.11; id of any: 6.18.
 * The first two lead to another namespace; the type is a CLONE_NEW* value; an id is never given twice; the first process
 * is told by its pid in ours, and is a gap (gone) once it has ended.
 */
export type NamespaceQuestion =
  | 'NS_GET_USERNS'
  | 'NS_GET_PARENT'
  | 'NS_GET_NSTYPE'
  | 'NS_GET_OWNER_UID'
  | 'NS_GET_MNTNS_ID'
  | 'NS_GET_TGID_FROM_PIDNS 1'
  | 'NS_GET_ID';

/**
 * Questions to a descriptor of another process that lead to a network namespace: that of a socket (a tun descriptor is
 * one, too), that of a tun descriptor's interface. Source: linux/sockios.h, linux/if_tun.h. Since: Linux 4.10; 5.2.
 */
export type DescriptorQuestion = 'SIOCGSKNS' | 'TUNGETDEVNETNS';

/**
 * A way to a namespace:
 * - a path;
 * - a descriptor of a process or thread, duplicated by pidfd_getfd(2) (since Linux 5.6; threads 6.9; needs the rights of
 *   ptrace to attach, which Yama restricts) and asked. With `inode`, only if it still is the file of this number;
 * - its id, by a file handle of nsfs. Since: Linux 6.18, where type (CLONE_NEW*) and inode are needed too; 6.19 takes the
 *   id alone, the others 0.
 */
export type NamespaceDoor =
  | string
  | {
      readonly pid: number;
      readonly fd: number;
      readonly ask: DescriptorQuestion;
      readonly inode?: bigint;
    }
  | { readonly id: bigint; readonly type: number; readonly inode: bigint };

/**
 * The kinds that one thread of a process with many may join, and leave again, given CAP_SYS_ADMIN over the namespace.
 * Source: setns(2).
 */
export type EnterableKind = 'cgroup' | 'ipc' | 'net' | 'uts';

/** A file in a root directory that others fill. */
export interface RootQuery {
  /** The root: `/proc/4913/root`. */
  readonly root: string;
  /** As a process with that root would name it. */
  readonly path: string;
}

/** A file in a root that others fill, as execve(2) looks at it. */
export interface FoundFile {
  readonly status: FileStatus;
  /** What its mount forbids, by its own flags or those of the file system. Source: statfs(2). */
  readonly mount: { readonly noSetuid: boolean; readonly noExecute: boolean; readonly readOnly: boolean };
  /** The first bytes, 1024 or fewer. Absent (null): no regular file, or closed to us. */
  readonly head: Uint8Array | null;
}

/** An extended attribute of a file. */
export interface AttributeQuery {
  /** `security.capability`. */
  readonly name: string;
  /** A byte that is no part of UTF-8 stands as U+DC00 and its value. */
  readonly path: string;
  /** A root that others fill, as in RootQuery: then `path` is as a process with that root names it. Absent: our own. */
  readonly root?: string;
  /** Of what a symbolic link at the end leads to; else of the link itself, which has none. */
  readonly follow: boolean;
}

/** Where to look for files that have an extended attribute. */
export interface AttributeSearch {
  readonly name: string;
  /** A directory. Links are followed on the way to it, not below it. */
  readonly path: string;
  /** As in AttributeQuery. */
  readonly root?: string;
  /** What is mounted below it of other file systems is not entered. Absent: it is. */
  readonly oneFileSystem?: true;
}

export interface FoundAttributes {
  /** How many regular files were asked. */
  readonly files: number;
  /** Those that have one, in no order that means anything. */
  readonly found: readonly {
    /** Begins with the path of the search. A byte that is no part of UTF-8 stands as U+DC00 and its value. */
    readonly path: string;
    readonly bytes: Reading<Uint8Array>;
    /** The id of the mount that it is on, as mountinfo has it. Absent (null): not told. */
    readonly mount: number | null;
  }[];
  /** Mounts of file systems that the kernel makes: they are not entered, others are. */
  readonly skipped: readonly { readonly path: string; readonly fileSystem: string }[];
  /** What could not be looked at: mostly directories. */
  readonly gaps: readonly Gap[];
}

/** Called for every directory, with the number of files before it. */
export type SearchProgress = (files: number, path: string) => void;

/** A file whose text depends on the namespace of its reader. */
export interface InsideQuery {
  readonly kind: EnterableKind;
  /** Leads to a namespace of that kind. */
  readonly door: NamespaceDoor;
  /** For the reader itself /proc/thread-self: /proc/self is another thread's, if one asks from a worker. */
  readonly path: string;
}

/** A POSIX message queue, a file named as in mq_open(3) without its slash. Source: mq_overview(7). */
export interface MessageQueueFile {
  readonly name: string;
  /** Its owner is who made it, as an id here. */
  readonly status: FileStatus;
  /** What the file says of the queue. Absent (null): it is closed to us. */
  readonly bytes: Uint8Array | null;
}

/** One netlink request. */
export interface NetlinkRequest {
  /** NETLINK_ROUTE and its kin. */
  readonly protocol: number;
  /** One whole message, header included. */
  readonly message: Uint8Array;
  /** A namespace that the message speaks of: it is opened, and its descriptor written at `offset` as a 32-bit number. */
  readonly descriptor?: { readonly door: NamespaceDoor; readonly offset: number };
  /** The message asks for a dump (NLM_F_DUMP): the answer is all datagrams up to NLMSG_DONE. */
  readonly dump?: boolean;
  /** The network namespace that is asked; absent: our own. */
  readonly namespace?: NamespaceDoor;
  /**
   * More will be asked of that namespace: the socket in it is kept until a request without this, or of another
   * namespace. The answer is the same. Who asks so also asks the last time without.
   */
  readonly keepsSocket?: true;
}

/** What can be set below /proc/sys/net. */
export interface NetworkSettings {
  /** By path below it (`ipv4/conf/eth0/forwarding`): what the file says, without the newline at its end. */
  readonly values: Readonly<Record<string, string>>;
  /** What could not be read, though it can be. */
  readonly gaps: readonly Gap[];
}

/** A table of iptables-legacy, which nftables does not know of. */
export interface LegacyTableQuery {
  readonly family: 'ip' | 'ip6';
  /** `filter`, `nat` ... One that is not there would be made: ask for those in /proc/net/ip_tables_names. */
  readonly table: string;
  /** Absent: our own. */
  readonly namespace?: NamespaceDoor;
}

/** A mount namespace, as the kernel's own list of them has it. */
export interface ListedMountNamespace {
  readonly id: bigint;
  readonly inode: bigint;
  /** How many mounts it has. */
  readonly mounts: number;
}

/** Which mounts to describe. */
export interface MountQuery {
  /** The id of a mount namespace. */
  readonly namespace: bigint;
  /** STATMOUNT_*: what to tell of each. */
  readonly mask: bigint;
  /** Only mounts of file systems with one of these magic numbers; empty: all. */
  readonly magics: readonly number[];
  /**
   * How many mounts it has. That fewer are listed is a gap: where a mount namespace's root is the initramfs, older
   * kernels (6.12; not 7.2) list of a foreign one only what lies below its first mount.
   */
  readonly count: number;
}

/** Which namespaces to list. */
export interface NamespaceListQuery {
  /** CLONE_NEW*, or-ed; 0: of every kind. */
  readonly types: number;
  /** Only those that the user namespace with this id owns; 0: all. */
  readonly owner: bigint;
}

/** cgroups: kills for want of memory, and refused forks (text/kernel-log.ts). */
export type LogTopic = 'cgroups';

/** Of the kernel's log. */
export interface LoggedRecords {
  /** What stands before the text of the oldest record, of whatever kind: `6,1,0,-;`. null: the log is empty. */
  readonly oldest: string | null;
  /** Those that were asked for, oldest first, as /dev/kmsg has them, without what continues them. */
  readonly records: readonly string[];
}

/** The machine, as pure code sees it. */
export interface Host {
  /** This process, as it is numbered in its own pid namespace. */
  readonly self: { readonly pid: number; readonly uid: number };
  /**
   * A whole file. `lines`: `short` where none is as long as half a page, as in cgroupfs: its end is seen without another
   * read. Errors: gone, denied, unsupported.
   */
  readFile(path: string, lines?: 'short'): Reading<Uint8Array>;
  /**
   * A whole file, as who is in another namespace reads it: of uts /proc/sys/kernel/hostname and domainname, of ipc
   * /proc/sysvipc and /proc/sys/fs/mqueue, of net /proc/thread-self/net, of cgroup the paths in /proc/PID/cgroup and
   * mountinfo. Mounts, and with them /proc and its pids, stay ours. Errors: denied (also where the namespace is our
   * own, without CAP_SYS_ADMIN: read it without entering), gone, unsupported.
   */
  readFileInside(query: InsideQuery): Reading<Uint8Array>;
  /**
   * A regular file of at most 1 MiB below a root: links in it do not lead out of that. Source: openat2(2). Since: Linux
   * 5.6. Errors: gone, denied, unsupported (also: too large, or no regular file).
   */
  readFileInRoot(query: RootQuery): Reading<Uint8Array>;
  /**
   * A file of any kind below a root, found without being opened; then read only if it is a regular one. Since: Linux 5.6.
   * Errors: gone, denied, unsupported.
   */
  findInRoot(query: RootQuery): Reading<FoundFile>;
  /**
   * An extended attribute; null: the file has none of that name. Of security.capability the kernel tells what the
   * reader's user namespace makes of it: unsupported with EOVERFLOW (EOPNOTSUPP before Linux 5.12) is one that counts in
   * none that the reader is in, with EINVAL one that is no such attribute. Source: getxattr(2), security/commoncap.c
   * cap_inode_getsecurity(). Since: with `root` Linux 5.6. Errors: gone; denied; unsupported, also where the file system
   * has no attributes (EOPNOTSUPP).
   */
  attribute(query: AttributeQuery): Reading<Uint8Array | null>;
  /**
   * All regular files below a directory that have an extended attribute. Errors: of the directory itself as of
   * readDirectory; unsupported where the machine's system calls are not known.
   */
  findAttributes(search: AttributeSearch, progress?: SearchProgress): Reading<FoundAttributes>;
  /** The id of the mount that a path is on, as mountinfo has it. Since: Linux 3.15. Errors: gone, denied, unsupported. */
  mountOf(query: Omit<AttributeQuery, 'name'>): Reading<number>;
  /** The text of a symbolic link, not followed. */
  readLink(path: string): Reading<string>;
  /** The names in a directory, without `.` and `..`, in no order that means anything. */
  readDirectory(path: string): Reading<readonly string[]>;
  /** stat(2): links are followed. */
  stat(path: string): Reading<FileStatus>;
  /**
   * A directory of others, who may change it meanwhile: it is walked by descriptors. Errors: gone, also where a link
   * stands in place of a directory; denied; unsupported. Since: with `base` Linux 5.6.
   */
  tree(query: TreeQuery): Reading<Tree>;
  /**
   * All directories below one, of the same file system; no link is followed. Those that come or go meanwhile are listed
   * or not. Errors: of the directory itself: gone, denied, unsupported.
   */
  folders(query: FolderQuery): Reading<Folders>;
  /**
   * Ioctls on the namespace behind `door`, each asked of the namespace that the one before led to.
   * The last answer: a type, a uid, an id, or the inode of the namespace that was reached; without any question, of
   * the one behind the door itself.
   */
  askNamespace(door: NamespaceDoor, questions: readonly NamespaceQuestion[]): Reading<bigint>;
  /**
   * The datagrams of the kernel's answer to one request. A dump that changes interrupted is made again up to five
   * times; then its messages carry NLM_F_DUMP_INTR. Errors: denied, unsupported, malformed.
   */
  netlink(request: NetlinkRequest): Reading<readonly Uint8Array[]>;
  /**
   * All files below /proc/sys/net that can be read and written, as who is in that network namespace sees them, but those
   * that hold keys. null: in a new one, which is gone again with the answer. Errors: gone, denied.
   */
  networkSettings(of: NamespaceDoor | null): Reading<NetworkSettings>;
  /**
   * struct ipt_getinfo and the entries of a table. Source: linux/netfilter_ipv4/ip_tables.h. Errors: denied without
   * CAP_NET_ADMIN over the namespace, unsupported.
   */
  legacyTable(query: LegacyTableQuery): Reading<Uint8Array>;
  /**
   * The POSIX message queues of the ipc namespace behind the door; without one, of our own. Since: Linux 5.2. Errors:
   * denied (without CAP_SYS_ADMIN in our mount namespace's owner and over the ipc namespace), gone, unsupported.
   */
  messageQueues(door?: NamespaceDoor): Reading<readonly MessageQueueFile[]>;
  /** Does a thread use its leader's table of descriptors? Source: kcmp(2). Since: Linux 3.5, CONFIG_KCMP. */
  sharesFiles(pid: number, tid: number): Reading<boolean>;
  /**
   * The inode of a pidfd of the process, which no other process ever has. Since: Linux 6.9; before, all pidfds have the
   * same. Errors: gone, denied, unsupported.
   */
  processNumber(pid: number): Reading<bigint>;
  /** Our own securebits; nobody is told another's. Source: prctl(2), PR_GET_SECUREBITS. Since: Linux 2.6.26. */
  securebits(): Reading<number>;
  /**
   * What the kernel's log has on a topic. Source: Documentation/ABI/testing/dev-kmsg.
   * Errors: gone, denied (without CAP_SYSLOG where kernel.dmesg_restrict is 1).
   */
  kernelLog(topic: LogTopic): Reading<LoggedRecords>;
  /**
   * All mount namespaces of the system, also those without a process. Source: NS_MNT_GET_NEXT, linux/nsfs.h.
   * Since: Linux 6.12. Errors: denied without CAP_SYS_ADMIN in the initial user namespace.
   */
  mountNamespaces(): Reading<readonly ListedMountNamespace[]>;
  /** Mounts, each a struct statmount. Source: listmount(2), statmount(2), linux/mount.h. Since: Linux 6.11. */
  mounts(query: MountQuery): Reading<readonly Uint8Array[]>;
  /** The ids of namespaces. Source: listns(2), linux/nsfs.h. Since: Linux 6.19. */
  listNamespaces(query: NamespaceListQuery): Reading<readonly bigint[]>;
}
