// The live machine behind the port.

import { closeSync, openSync, readSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { value, type FileStatus, type Host, type Reading } from '../../kernel/host.ts';
import { gapOfError } from '../gap-of-error.ts';
import { listNamespaces } from './list-namespaces.ts';
import { mounts } from './mounts.ts';
import { askNetlink } from './netlink-socket.ts';
import { askNamespace, mountNamespaces } from './nsfs.ts';
import { sharesFiles } from './pidfd.ts';
import { tree } from './tree.ts';

export function linuxHost(): Host {
  return {
    self: { pid: process.pid, uid: process.geteuid?.() ?? 0 },
    readFile: (path) => reading(path, () => wholeFile(path)),
    readLink: (path) => reading(path, () => readlinkSync(path)),
    readDirectory: (path) => reading(path, () => readdirSync(path)),
    stat: (path) => reading(path, () => statusOf(path)),
    tree,
    askNamespace,
    netlink: askNetlink,
    sharesFiles,
    mountNamespaces,
    mounts,
    listNamespaces,
  };
}

function reading<T>(what: string, read: () => T): Reading<T> {
  try {
    return value(read());
  } catch (error) {
    return gapOfError(what, error);
  }
}

/** Files of the kernel do not tell their size: for each readFileSync would allocate 64 KiB, this one is used again. */
let scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** Root can be made to read what is mounted over a file of /proc, and that may never end. */
const LARGEST_FILE = 64 * 1024 * 1024;

function wholeFile(path: string): Uint8Array {
  const fd = openSync(path, 'r');
  try {
    for (let length = 0; ;) {
      const more = readSync(fd, scratch, length, scratch.length - length, null);
      if (more === 0) return new Uint8Array(scratch.subarray(0, length));
      length += more;
      if (length > LARGEST_FILE) throw Object.assign(new Error('too large'), { code: 'EFBIG' });
      if (length === scratch.length) scratch = Buffer.concat([scratch], 2 * length);
    }
  } finally {
    closeSync(fd);
  }
}

function statusOf(path: string): FileStatus {
  const { dev, ino, mode, uid, gid, ctimeNs } = statSync(path, { bigint: true });
  return { dev, ino, mode: Number(mode), uid: Number(uid), gid: Number(gid), changed: ctimeNs };
}
