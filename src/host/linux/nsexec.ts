// Hands a program over to nsexec, which takes the place of this process.

import { closeSync, existsSync, writeSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { NsError } from '../../kernel/error.ts';
import { encodeProgram, type Program } from '../../kernel/program.ts';
import { LibcError, libc } from '../ffi/libc.ts';
import { executing, sealedCopy } from './sealed-copy.ts';

const F_SETFD = 2;
const STANDARD_STREAMS = [0, 1, 2];

/**
 * Does not return. Before it process.stdin, process.stdout and process.stderr must not have been touched: each sets
 * O_NONBLOCK on the terminal or pipe, and leaves it set for the program.
 * Errors: UNSUPPORTED without nsexec, without koffi, or when it cannot be executed.
 */
export function replaceByNsexec(program: Program, nsexec: string): never {
  requireNsexec(nsexec);
  const c = libc();
  const fd = programInMemory(program);
  // Node marked them close-on-exec when it started.
  for (const inherited of [...STANDARD_STREAMS, ...adopted(program)]) c.fcntl(inherited, F_SETFD, 0);
  try {
    return executing(nsexec, sealedCopy(nsexec), (path) => c.execve(path, ['nsexec', String(fd)], []));
  } catch (error) {
    if (!(error instanceof LibcError)) throw error;
    throw new NsError('UNSUPPORTED', { what: `cannot execute ${nsexec}`, why: getSystemErrorName(-error.errno) });
  }
}

/** Errors: UNSUPPORTED. */
export function requireNsexec(nsexec: string): void {
  if (existsSync(nsexec)) return;
  throw new NsError('UNSUPPORTED', {
    what: 'nsexec, which carries this out, was not built',
    why: `${nsexec} does not exist: at installation there was no C compiler`,
    tryThis: 'apt-get install gcc libc6-dev && npm rebuild nstool',
  });
}

/** A descriptor of the encoded program. Without MFD_CLOEXEC: nsexec inherits it, reads it and closes it. */
export function programInMemory(program: Program): number {
  const bytes = encodeProgram(program);
  const fd = libc().memfdCreate('nstool-program', 0);
  try {
    writeProgram(fd, bytes);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return fd;
}

/** RLIMIT_FSIZE counts for files in memory too. */
function writeProgram(fd: number, bytes: Uint8Array): void {
  try {
    for (let offset = 0; offset < bytes.length;) offset += writeSync(fd, bytes, offset);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EFBIG')) throw error;
    throw new NsError('UNSUPPORTED', {
      what: `the limit on the size of files is too small (EFBIG)`,
      why: `arguments and environment take ${bytes.length} bytes on their way to nsexec`,
      tryThis: `ulimit -f ${Math.ceil(bytes.length / 1024)}`,
    });
  }
}

/** The descriptors of the caller that the program takes over. */
function adopted(program: Program): readonly number[] {
  return program.steps.flatMap(({ operation }) => (operation.op === 'adopt' ? [operation.fd] : []));
}
