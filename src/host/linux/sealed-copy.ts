// nsexec as it is executed: a copy in memory that nobody can change. Who shares a pid namespace with it, and may ptrace,
// gets at the file of a program that runs by /proc/PID/exe, and so does a command whose interpreter is /proc/self/exe: it
// must not be the file of this host, for everybody to be executed by the next one who enters (CVE-2019-5736).

import { closeSync, readFileSync, writeSync } from 'node:fs';
import { LibcError, libc } from '../ffi/libc.ts';

const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const F_ADD_SEALS = 1033;
/** F_SEAL_SEAL, SHRINK, GROW and WRITE. Source: fcntl(2). Since: Linux 3.17. */
const ALL_SEALS = 0xf;
/** memfd_create(2) takes no more. */
const LONGEST_NAME = 200;

/**
 * A path of the copy, good for this process and its children until they execute. undefined: it cannot be had (the limit
 * on the size of files, a file that may only be executed); what is executed then is the file itself.
 */
export function sealedCopy(file: string): string | undefined {
  let fd: number | undefined;
  try {
    const bytes = readFileSync(file);
    const c = libc();
    fd = c.memfdCreate(file.slice(-LONGEST_NAME), MFD_CLOEXEC | MFD_ALLOW_SEALING);
    for (let offset = 0; offset < bytes.length;) offset += writeSync(fd, bytes, offset);
    c.fcntl(fd, F_ADD_SEALS, ALL_SEALS);
    return `/proc/self/fd/${fd}`;
  } catch {
    if (fd !== undefined) closeSync(fd);
    return undefined;
  }
}

/** Calls with the copy, or with the file where that cannot be executed: a kernel may forbid it (vm.memfd_noexec). */
export function executing<T>(file: string, copy: string | undefined, call: (path: string) => T): T {
  if (copy === undefined) return call(file);
  try {
    return call(copy);
  } catch (error) {
    if (!(error instanceof LibcError)) throw error;
    return call(file);
  }
}
