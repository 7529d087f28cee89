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
}

/**
 * Questions to an nsfs descriptor. Source: ioctl_nsfs(2), linux/nsfs.h. Since: Linux 4.9; type and owner uid: 4.11.
 * The first two lead to another namespace; the type is a CLONE_NEW* value.
 */
export type NamespaceQuestion = 'NS_GET_USERNS' | 'NS_GET_PARENT' | 'NS_GET_NSTYPE' | 'NS_GET_OWNER_UID';

/** One netlink request. */
export interface NetlinkRequest {
  /** NETLINK_ROUTE and its kin. */
  readonly protocol: number;
  /** One whole message, header included. */
  readonly message: Uint8Array;
  /** A file that the message speaks of: it is opened, and its descriptor written at `offset` as a 32-bit number. */
  readonly descriptor?: { readonly path: string; readonly offset: number };
}

/** The machine, as pure code sees it. */
export interface Host {
  /** This process, as it is numbered in its own pid namespace. */
  readonly self: { readonly pid: number; readonly uid: number };
  /** A whole file. Errors: gone, denied, unsupported. */
  readFile(path: string): Reading<Uint8Array>;
  /** The text of a symbolic link, not followed. */
  readLink(path: string): Reading<string>;
  /** The names in a directory, without `.` and `..`, in the kernel's order. */
  readDirectory(path: string): Reading<readonly string[]>;
  /** stat(2): links are followed. */
  stat(path: string): Reading<FileStatus>;
  /**
   * Ioctls on the namespace at `path`, each asked of the namespace that the one before led to.
   * The last answer: a type, a uid, or the inode of the namespace that was reached; without any question, of the
   * file at `path` itself.
   */
  askNamespace(path: string, questions: readonly NamespaceQuestion[]): Reading<bigint>;
  /** The datagrams of the kernel's answer to one request. */
  netlink(request: NetlinkRequest): Reading<readonly Uint8Array[]>;
}
