// The C library, as few of its functions as Node lacks. koffi is loaded when the first of them is needed: not for
// `caps decode`, and not for a plain `ls`.

import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { NsError } from '../../kernel/error.ts';
import { encodePath } from '../../kernel/text/file-name.ts';

/** Each returns what the C function returns, and throws LibcError where that is -1. */
export interface Libc {
  ioctl(fd: number, request: number): number;
  /** ioctl whose argument is a number. */
  ioctlNumber(fd: number, request: number, argument: number): number;
  /** ioctl with a pointer; the kernel reads from and writes to `argument`. */
  ioctlBuffer(fd: number, request: number, argument: Uint8Array): number;
  fcntl(fd: number, command: number, argument: number): number;
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array): number;
  setsockopt(fd: number, level: number, option: number, value: Uint8Array): number;
  send(fd: number, bytes: Uint8Array): number;
  recv(fd: number, into: Uint8Array, flags: number): number;
  /** The negative errno instead of an exception. `address` is a struct sockaddr of any family. */
  tryConnect(fd: number, address: Uint8Array): number;
  /** As of tryConnect. */
  trySendTo(fd: number, bytes: Uint8Array, address: Uint8Array): number;
  /** As of tryConnect. `address` is filled with the sender's. */
  tryReceiveFrom(fd: number, into: Uint8Array, address: Uint8Array): number;
  /** An option that is a number. */
  getsockopt(fd: number, level: number, option: number): number;
  /** The kernel reads from and writes to `bytes`. */
  getsockoptBytes(fd: number, level: number, option: number, bytes: Uint8Array): void;
  /** `descriptors` are struct pollfd; in milliseconds. As of tryConnect. */
  tryPoll(descriptors: Uint8Array, timeout: number): number;
  setns(fd: number, type: number): number;
  unshare(flags: number): number;
  fchdir(fd: number): number;
  chroot(path: string): number;
  umount2(path: string, flags: number): number;
  /** mount(2) without a type and data: a bind mount, or another way of sharing. */
  mount(source: string, target: string, flags: number): number;
  flock(fd: number, operation: number): number;
  /** openat2(2), close-on-exec, with RESOLVE_* flags. Since: Linux 5.6. */
  openat2(folder: number, path: string, flags: number, resolve: number): number;
  openByHandle(mount: number, handle: Uint8Array, flags: number): number;
  /** The names of extended attributes, each with a zero after it; the length of all. A last link is not followed. */
  listAttributes(path: Uint8Array, into: Uint8Array): number;
  getAttribute(path: Uint8Array, name: string, into: Uint8Array): number;
  /** Of what a last link leads to. */
  getAttributeFollowing(path: Uint8Array, name: string, into: Uint8Array): number;
  /** Its length, or the negative errno instead of an exception: of a hundred thousand files most have none. */
  tryGetAttribute(path: Uint8Array, name: Uint8Array, into: Uint8Array): number;
  /** `name` ends with a zero. Close-on-exec. */
  openat(folder: number, name: Uint8Array, flags: number): number;
  /** Entries of a directory, each a struct linux_dirent64; 0 at its end. */
  getdents(folder: number, into: Uint8Array): number;
  /** Of what a last link leads to. */
  setAttribute(path: Uint8Array, name: string, value: Uint8Array): number;
  removeAttribute(path: Uint8Array, name: string): number;
  /** `into` is a struct statfs. */
  fstatfs(fd: number, into: Uint8Array): number;
  memfdCreate(name: string, flags: number): number;
  inotifyInit(flags: number): number;
  /** inotify_add_watch(2): the number of the watch. */
  inotifyWatch(fd: number, path: string, mask: number): number;
  prctl(option: number, ...args: readonly [number, number, number, number]): number;
  /** A system call without a wrapper in every C library, all of whose arguments are numbers. */
  syscall(number: number, ...args: SyscallNumbers): number;
  /** One that takes a text and flags: fsopen(2). */
  syscallText(number: number, text: string, flags: number): number;
  /** One that takes a request and a buffer for the answer, of `length` elements: statmount(2) and its kin. */
  syscallInto(number: number, request: Uint8Array, into: Uint8Array, length: number): number;
  /** The two ends of a pipe: to read from, to write into. */
  pipe(flags: number): readonly [number, number];
  /** A child that leads a session of its own, with these as its descriptors 0, 1 and 2. Its pid. */
  spawn(path: string, argv: readonly string[], standard: readonly [number, number, number]): number;
  /** `into` is a siginfo_t. */
  waitid(type: number, id: number, into: Uint8Array, options: number): number;
  /** Returns only by throwing. */
  execve(path: string, argv: readonly string[], env: readonly string[]): never;
}

type SyscallNumbers = readonly [number, number, number, number, number];

export class LibcError extends Error {
  readonly errno: number;

  constructor(call: string, errno: number) {
    super(`${call}: errno ${errno}`);
    this.name = 'LibcError';
    this.errno = errno;
  }
}

/** What we use of koffi. */
interface Koffi {
  load(path: string | null): { func(prototype: string): (...args: readonly unknown[]) => number };
  errno(): number;
}

let loaded: Libc | undefined;

/** Errors: UNSUPPORTED, when koffi has no binary for this machine. */
export function libc(): Libc {
  loaded ??= bind(loadKoffi());
  return loaded;
}

function bind(koffi: Koffi): Libc {
  const library = koffi.load(null);
  const bound = (name: string, prototype: string): ((...args: readonly unknown[]) => number) => {
    let native: ((...args: readonly unknown[]) => number) | undefined;
    return (...args) => {
      native ??= library.func(prototype);
      const result = native(...args);
      if (result < 0) throw new LibcError(name, koffi.errno());
      return result;
    };
  };
  const trying: Bound = (_, prototype) => {
    let native: ((...args: readonly unknown[]) => number) | undefined;
    return (...args) => {
      native ??= library.func(prototype);
      const result = native(...args);
      return result < 0 ? -koffi.errno() : result;
    };
  };
  const execve = bound('execve', 'int execve(const char *path, const char **argv, const char **envp)');
  return {
    ioctl: bound('ioctl', 'int ioctl(int fd, unsigned long request)'),
    ioctlNumber: bound('ioctl', 'int ioctl(int fd, unsigned long request, unsigned long argument)'),
    ioctlBuffer: bound('ioctl', 'int ioctl(int fd, unsigned long request, _Inout_ uint8_t *argument)'),
    flock: bound('flock', 'int flock(int fd, int operation)'),
    fcntl: bound('fcntl', 'int fcntl(int fd, int command, int argument)'),
    ...socketCalls(bound, trying),
    setns: bound('setns', 'int setns(int fd, int nstype)'),
    ...mountCalls(bound),
    openByHandle: bound('open_by_handle_at', 'int open_by_handle_at(int mount, uint8_t *handle, int flags)'),
    ...rawCalls(bound),
    ...fileCalls(bound, trying),
    prctl: bound('prctl', 'int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)'),
    fstatfs: bound('fstatfs', 'int fstatfs(int fd, _Out_ uint8_t *into)'),
    inotifyInit: bound('inotify_init1', 'int inotify_init1(int flags)'),
    inotifyWatch: bound('inotify_add_watch', 'int inotify_add_watch(int fd, const char *path, uint32_t mask)'),
    memfdCreate: bound('memfd_create', 'int memfd_create(const char *name, unsigned int flags)'),
    ...childCalls(bound),
    execve(path, argv, env): never {
      execve(path, [...argv, null], [...env, null]);
      throw new Error('execve returned without an error');
    },
  };
}

type Bound = (name: string, prototype: string) => (...args: readonly unknown[]) => number;

type SocketCalls = Pick<
  Libc,
  | 'socket'
  | 'bind'
  | 'setsockopt'
  | 'send'
  | 'recv'
  | 'tryConnect'
  | 'trySendTo'
  | 'tryReceiveFrom'
  | 'getsockopt'
  | 'getsockoptBytes'
  | 'tryPoll'
>;

const POLLFD_LENGTH = 8;

function socketCalls(bound: Bound, trying: Bound): SocketCalls {
  const send = bound('send', 'long send(int fd, const uint8_t *bytes, size_t length, int flags)');
  const recv = bound('recv', 'long recv(int fd, _Out_ uint8_t *bytes, size_t length, int flags)');
  const bind = bound('bind', 'int bind(int fd, const uint8_t *address, uint32_t length)');
  const set = bound('setsockopt', 'int setsockopt(int fd, int level, int name, const uint8_t *value, uint32_t length)');
  const get = bound(
    'getsockopt',
    'int getsockopt(int fd, int level, int name, _Out_ int *value, _Inout_ uint32_t *length)',
  );
  const getBytes = bound(
    'getsockopt',
    'int getsockopt(int fd, int level, int name, _Inout_ uint8_t *bytes, _Inout_ uint32_t *length)',
  );
  const connect = trying('connect', 'int connect(int fd, const uint8_t *address, uint32_t length)');
  const sendTo = trying(
    'sendto',
    'long sendto(int fd, const uint8_t *bytes, size_t size, int flags, const uint8_t *address, uint32_t length)',
  );
  const receiveFrom = trying(
    'recvfrom',
    'long recvfrom(int fd, _Out_ uint8_t *bytes, size_t size, int flags, _Out_ uint8_t *address, _Inout_ uint32_t *length)',
  );
  const poll = trying('poll', 'int poll(_Inout_ uint8_t *descriptors, unsigned long count, int timeout)');
  return {
    tryConnect: (fd, address) => connect(fd, address, address.length),
    trySendTo: (fd, bytes, address) => sendTo(fd, bytes, bytes.length, 0, address, address.length),
    tryReceiveFrom: (fd, into, address) =>
      receiveFrom(fd, into, into.length, 0, address, Uint32Array.of(address.length)),
    getsockopt(fd, level, option) {
      const answer = Int32Array.of(0);
      get(fd, level, option, answer, Uint32Array.of(answer.byteLength));
      return answer[0] ?? 0;
    },
    getsockoptBytes(fd, level, option, bytes) {
      getBytes(fd, level, option, bytes, Uint32Array.of(bytes.length));
    },
    tryPoll: (descriptors, timeout) => poll(descriptors, descriptors.length / POLLFD_LENGTH, timeout),
    socket: bound('socket', 'int socket(int domain, int type, int protocol)'),
    bind: (fd, address) => bind(fd, address, address.length),
    setsockopt: (fd, level, option, value) => set(fd, level, option, value, value.length),
    send: (fd, bytes) => send(fd, bytes, bytes.length, 0),
    recv: (fd, into, flags) => recv(fd, into, into.length, flags),
  };
}

type FileCalls = Pick<
  Libc,
  | 'openat2'
  | 'openat'
  | 'getdents'
  | 'listAttributes'
  | 'getAttribute'
  | 'getAttributeFollowing'
  | 'tryGetAttribute'
  | 'setAttribute'
  | 'removeAttribute'
>;

function fileCalls(bound: Bound, trying: Bound): FileCalls {
  const openat2 = bound(
    'syscall',
    'long syscall(long number, long fd, const uint8_t *path, uint8_t *how, size_t size)',
  );
  const list = bound('llistxattr', 'long llistxattr(const uint8_t *path, _Out_ uint8_t *list, size_t size)');
  const getting = '(const uint8_t *path, const char *name, _Out_ uint8_t *value, size_t size)';
  const get = bound('lgetxattr', `long lgetxattr${getting}`);
  const getFollowing = bound('getxattr', `long getxattr${getting}`);
  const tryGet = trying(
    'lgetxattr',
    'long lgetxattr(const uint8_t *path, const uint8_t *name, _Out_ uint8_t *value, size_t size)',
  );
  const openat = bound('openat', 'int openat(int folder, const uint8_t *path, int flags)');
  const getdents = bound('getdents64', 'long syscall(long number, long fd, _Out_ uint8_t *entries, size_t size)');
  const set = bound(
    'setxattr',
    'int setxattr(const uint8_t *path, const char *name, const uint8_t *value, size_t size, int flags)',
  );
  return {
    openat2(folder, path, flags, resolve) {
      // struct open_how: flags, mode, resolve.
      const how = BigUint64Array.of(BigInt(flags | O_CLOEXEC), 0n, BigInt(resolve));
      return openat2(SYS_OPENAT2, folder, cString(path), new Uint8Array(how.buffer), how.byteLength);
    },
    listAttributes: (path, into) => list(path, into, into.length),
    getAttribute: (path, name, into) => get(path, name, into, into.length),
    openat: (folder, name, flags) => openat(folder, name, flags | O_CLOEXEC),
    // Of a number that is no call the kernel says ENOSYS.
    getdents: (folder, into) => getdents(SYS_GETDENTS64 ?? -1, folder, into, into.length),
    tryGetAttribute: (path, name, into) => tryGet(path, name, into, into.length),
    setAttribute: (path, name, value) => set(path, name, value, value.length, 0),
    removeAttribute: bound('removexattr', 'int removexattr(const uint8_t *path, const char *name)'),
    getAttributeFollowing: (path, name, into) => getFollowing(path, name, into, into.length),
  };
}

/** The bytes of a path, with a zero after them. */
export function cString(path: string): Uint8Array {
  const bytes = encodePath(path);
  const ended = new Uint8Array(bytes.length + 1);
  ended.set(bytes);
  return ended;
}

function mountCalls(bound: Bound): Pick<Libc, 'unshare' | 'fchdir' | 'chroot' | 'umount2' | 'mount'> {
  const mount = bound(
    'mount',
    'int mount(const uint8_t *source, const uint8_t *target, const char *type, unsigned long flags, const void *data)',
  );
  return {
    mount: (source, target, flags) => mount(cString(source), cString(target), null, flags, null),
    unshare: bound('unshare', 'int unshare(int flags)'),
    fchdir: bound('fchdir', 'int fchdir(int fd)'),
    chroot: bound('chroot', 'int chroot(const char *path)'),
    umount2: bound('umount2', 'int umount2(const char *path, int flags)'),
  };
}

const O_CLOEXEC = 0o2000000;
/** Has one number on all machines. Source: include/uapi/asm-generic/unistd.h. Since: Linux 5.6. */
const SYS_OPENAT2 = 437;
/** Source: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h. */
const SYS_GETDENTS64: number | undefined = { x64: 217, arm64: 61 }[process.arch as string];

/** syscall(2) passes its arguments on in registers, so what takes numbers and pointers needs no variable arguments. */
function rawCalls(bound: Bound): Pick<Libc, 'syscall' | 'syscallText' | 'syscallInto'> {
  const into = bound(
    'syscall',
    'long syscall(long number, uint8_t *request, uint8_t *into, size_t length, long flags)',
  );
  return {
    syscall: bound('syscall', 'long syscall(long number, long a, long b, long c, long d, long e)'),
    syscallText: bound('syscall', 'long syscall(long number, const char *text, long flags)'),
    syscallInto: (number, request, buffer, length) => into(number, request, buffer, length, 0),
  };
}

/** Larger than any C library's posix_spawnattr_t and posix_spawn_file_actions_t. */
const SPAWN_OBJECT_LENGTH = 1024;

/** Source: spawn.h. Since: glibc 2.26, musl 1.1.24. */
const POSIX_SPAWN_SETSID = 0x80;

/** posix_spawn(3) copies nothing of a process as large as Node is: with fork(2) each child takes almost twice as long. */
function childCalls(bound: Bound): Pick<Libc, 'pipe' | 'spawn' | 'waitid'> {
  const pipe2 = bound('pipe2', 'int pipe2(int *ends, int flags)');
  const initAttributes = bound('posix_spawnattr_init', 'int posix_spawnattr_init(uint8_t *a)');
  const setFlags = bound('posix_spawnattr_setflags', 'int posix_spawnattr_setflags(uint8_t *a, short flags)');
  const init = bound('posix_spawn_file_actions_init', 'int posix_spawn_file_actions_init(uint8_t *a)');
  const addDup = bound(
    'posix_spawn_file_actions_adddup2',
    'int posix_spawn_file_actions_adddup2(uint8_t *a, int from, int to)',
  );
  const destroy = bound('posix_spawn_file_actions_destroy', 'int posix_spawn_file_actions_destroy(uint8_t *a)');
  const spawn = bound(
    'posix_spawn',
    'int posix_spawn(int *pid, const char *path, uint8_t *actions, uint8_t *attributes, const char **argv, const char **env)',
  );
  return {
    pipe(flags) {
      const ends = new Int32Array(2);
      pipe2(ends, flags);
      return [ends[0] ?? -1, ends[1] ?? -1];
    },
    spawn(path, argv, standard) {
      const attributes = new Uint8Array(SPAWN_OBJECT_LENGTH);
      initAttributes(attributes);
      setFlags(attributes, POSIX_SPAWN_SETSID);
      const actions = new Uint8Array(SPAWN_OBJECT_LENGTH);
      init(actions);
      const pid = new Int32Array(1);
      try {
        for (const [to, from] of standard.entries()) addDup(actions, from, to);
        const errno = spawn(pid, path, actions, attributes, [...argv, null], [null]);
        if (errno !== 0) throw new LibcError('posix_spawn', errno);
      } finally {
        destroy(actions);
      }
      return pid[0] ?? 0;
    },
    waitid: bound('waitid', 'int waitid(int type, int id, uint8_t *info, int options)'),
  };
}

function isKoffi(exports: object): exports is Koffi {
  return 'load' in exports && 'errno' in exports;
}

/**
 * koffi's own index costs 8 ms, mostly in finding out which C library this is, and resolving its name 3; its binary
 * by path 2. The binary for the other C library does not load, so trying tells.
 */
function loadKoffi(): Koffi {
  const name = `@koromix/koffi-linux-${process.arch}`;
  let failure: unknown = new Error(`no package ${name}`);
  for (const folder of moduleFolders(name)) {
    for (const library of ['linux', 'musl']) {
      const loading: { exports: object } = { exports: {} };
      try {
        process.dlopen(loading, join(folder, `${library}_${process.arch}`, 'koffi.node'));
        if (isKoffi(loading.exports)) return loading.exports;
      } catch (error) {
        failure = error;
      }
    }
  }
  throw new NsError('UNSUPPORTED', {
    what: `koffi, which makes system calls, does not load on this machine (${process.arch})`,
    why: failure instanceof Error ? (failure.message.split('\n')[0] ?? '') : String(failure),
    tryThis: 'reinstall nstool with its optional dependencies: npm install --include=optional',
  });
}

/** Beside koffi, or nested below it; koffi itself is where Node would find it. */
function moduleFolders(name: string): readonly string[] {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const koffi = join(folder, 'node_modules/koffi');
    if (existsSync(koffi)) {
      const real = realpathSync(koffi);
      return [join(dirname(real), name), join(real, 'node_modules', name)].filter((found) => existsSync(found));
    }
    if (folder === dirname(folder)) return [];
  }
}
