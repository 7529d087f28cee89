// The live machine behind the port.

import { closeSync, fstatSync, openSync, readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { value, type FileStatus, type Host, type NamespaceQuestion, type Reading } from '../../kernel/host.ts';
import { gapOfErrnoNumber, gapOfError } from '../gap-of-error.ts';
import { LibcError, libc } from '../ffi/libc.ts';
import { askNetlink } from './netlink-socket.ts';

/** Source: include/uapi/linux/nsfs.h, _IO(0xb7, n). */
const NSFS_REQUEST: Record<NamespaceQuestion, number> = {
  NS_GET_USERNS: 0xb701,
  NS_GET_PARENT: 0xb702,
  NS_GET_NSTYPE: 0xb703,
  NS_GET_OWNER_UID: 0xb704,
};

export function linuxHost(): Host {
  return {
    self: { pid: process.pid, uid: process.geteuid?.() ?? 0 },
    readFile: (path) => reading(path, () => readFileSync(path)),
    readLink: (path) => reading(path, () => readlinkSync(path)),
    readDirectory: (path) => reading(path, () => readdirSync(path)),
    stat: (path) => reading(path, () => statusOf(path)),
    askNamespace,
    netlink: askNetlink,
  };
}

function reading<T>(what: string, read: () => T): Reading<T> {
  try {
    return value(read());
  } catch (error) {
    return gapOfError(what, error);
  }
}

function statusOf(path: string): FileStatus {
  const { dev, ino, mode, uid, gid } = statSync(path, { bigint: true });
  return { dev, ino, mode: Number(mode), uid: Number(uid), gid: Number(gid) };
}

function askNamespace(path: string, questions: readonly NamespaceQuestion[]): Reading<bigint> {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    return gapOfError(path, error);
  }
  try {
    for (const question of questions) {
      const request = NSFS_REQUEST[question];
      if (question === 'NS_GET_NSTYPE') return value(BigInt(libc().ioctl(fd, request)));
      if (question === 'NS_GET_OWNER_UID') {
        const uid = new Uint8Array(4);
        libc().ioctlBuffer(fd, request, uid);
        return value(BigInt(new DataView(uid.buffer).getUint32(0, true)));
      }
      const next = libc().ioctl(fd, request);
      closeSync(fd);
      fd = next;
    }
    return value(fstatSync(fd, { bigint: true }).ino);
  } catch (error) {
    if (error instanceof LibcError) return gapOfErrnoNumber(`${path} ${questions.join(' ')}`, error.errno);
    throw error;
  } finally {
    closeSync(fd);
  }
}
