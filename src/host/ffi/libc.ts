// The C library, as few of its functions as Node lacks. koffi is loaded when the first of them is needed: not for
// `caps decode`, and not for a plain `ls`.

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { NsError } from '../../kernel/error.ts';

/** Each returns what the C function returns, and throws LibcError where that is -1. */
export interface Libc {
  ioctl(fd: number, request: number): number;
  /** ioctl with a pointer; the kernel reads from and writes to `argument`. */
  ioctlBuffer(fd: number, request: number, argument: Uint8Array): number;
  fcntl(fd: number, command: number, argument: number): number;
  socket(domain: number, type: number, protocol: number): number;
  send(fd: number, bytes: Uint8Array): number;
  recv(fd: number, into: Uint8Array): number;
  memfdCreate(name: string, flags: number): number;
  /** Returns only by throwing. */
  execve(path: string, argv: readonly string[], env: readonly string[]): never;
}

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
  const execve = bound('execve', 'int execve(const char *path, const char **argv, const char **envp)');
  return {
    ioctl: bound('ioctl', 'int ioctl(int fd, unsigned long request)'),
    ioctlBuffer: bound('ioctl', 'int ioctl(int fd, unsigned long request, _Inout_ uint8_t *argument)'),
    fcntl: bound('fcntl', 'int fcntl(int fd, int command, int argument)'),
    socket: bound('socket', 'int socket(int domain, int type, int protocol)'),
    send: sized(bound('send', 'long send(int fd, const uint8_t *bytes, size_t length, int flags)')),
    recv: sized(bound('recv', 'long recv(int fd, _Out_ uint8_t *bytes, size_t length, int flags)')),
    memfdCreate: bound('memfd_create', 'int memfd_create(const char *name, unsigned int flags)'),
    execve(path, argv, env): never {
      execve(path, [...argv, null], [...env, null]);
      throw new Error('execve returned without an error');
    },
  };
}

function sized(call: (...args: readonly unknown[]) => number): (fd: number, bytes: Uint8Array) => number {
  return (fd, bytes) => call(fd, bytes, bytes.length, 0);
}

/**
 * koffi's own index costs 8 ms, mostly in finding out which C library this is; its binary by path 2. The binary for
 * the other C library does not load, so trying tells.
 */
function loadKoffi(): Koffi {
  const require = createRequire(import.meta.url);
  const name = `@koromix/koffi-linux-${process.arch}`;
  let failure: unknown = new Error(`no package ${name}`);
  for (const folder of moduleFolders(dirname(require.resolve('koffi')), name)) {
    for (const library of ['linux', 'musl']) {
      try {
        const koffi: Koffi = require(join(folder, `${library}_${process.arch}`, 'koffi.node'));
        return koffi;
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

/** Beside koffi, or nested below it. */
function moduleFolders(koffi: string, name: string): readonly string[] {
  return [join(dirname(koffi), name), join(koffi, 'node_modules', name)].filter((folder) => existsSync(folder));
}
