// Namespaces as descriptors: how one is opened, and what it can be asked. Source: ioctl_nsfs(2).

import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { FD_NSFS_ROOT, FILEID_NSFS, MNT_NS_INFO_LENGTH } from '../../kernel/abi/nsfs.ts';
import { doorText } from '../../kernel/door.ts';
import {
  value,
  type ListedMountNamespace,
  type NamespaceDoor,
  type NamespaceQuestion,
  type Reading,
} from '../../kernel/host.ts';
import { view } from '../../kernel/netlink/message.ts';
import { LibcError, libc } from '../ffi/libc.ts';
import { gapOfErrnoNumber, gapOfError } from '../gap-of-error.ts';
import { openThroughDescriptor } from './pidfd.ts';

/** _IO(0xb7, n), the first two for namespaces that are reached, then those with an answer of 4 or 8 bytes. */
const NS_GET_USERNS = 0xb701;
const NS_GET_PARENT = 0xb702;
const NS_GET_NSTYPE = 0xb703;
const NS_GET_OWNER_UID = 0xb704;
/** _IOR(0xb7, 5, __u64) */
const NS_GET_MNTNS_ID = 0x8008b705;
/** _IOR(0xb7, 7, int), whose argument is a pid and whose answer is returned */
const NS_GET_TGID_FROM_PIDNS = 0x8004b707;
const FIRST_PROCESS = 1;
/** _IOR(0xb7, 13, __u64) */
const NS_GET_ID = 0x8008b70d;
/** _IOR(0xb7, 11 and 12, struct mnt_ns_info) */
const NS_MNT_GET_NEXT = 0x8010b70b;
const NS_MNT_GET_PREV = 0x8010b70c;
/** _IOR(0xb7, 10, struct mnt_ns_info) */
const NS_MNT_GET_INFO = 0x8010b70a;
const ENOENT = 2;

/** The descriptor of the namespace behind the door, to be closed by the caller. Errors: throws what the kernel says. */
export function openDoor(door: NamespaceDoor): number {
  // A path that somebody typed may be a FIFO: nothing shall wait for its other end.
  if (typeof door === 'string') return openSync(door, constants.O_RDONLY | constants.O_NONBLOCK);
  return 'ask' in door ? openThroughDescriptor(door) : openByHandle(door.id, door.type, door.inode);
}

/** struct file_handle: length and type, and for nsfs the id, the type and the inode of a namespace. */
function openByHandle(id: bigint, type: number, inode: bigint): number {
  const handle = new Uint8Array(24);
  const fields = view(handle);
  fields.setUint32(0, 16, true);
  fields.setInt32(4, FILEID_NSFS, true);
  fields.setBigUint64(8, id, true);
  fields.setUint32(16, type, true);
  fields.setUint32(20, Number(inode), true);
  return libc().openByHandle(FD_NSFS_ROOT, handle, 0);
}

/** The gap of whatever opening or asking threw. */
export function gapOfThrown(what: string, error: unknown): Reading<never> {
  return error instanceof LibcError ? gapOfErrnoNumber(what, error.errno) : gapOfError(what, error);
}

export function askNamespace(door: NamespaceDoor, questions: readonly NamespaceQuestion[]): Reading<bigint> {
  let fd: number;
  try {
    fd = openDoor(door);
  } catch (error) {
    return gapOfThrown(doorText(door), error);
  }
  try {
    for (const question of questions) {
      const answer = ask(fd, question);
      if ('number' in answer) return value(answer.number);
      closeSync(fd);
      fd = answer.reached;
    }
    return value(fstatSync(fd, { bigint: true }).ino);
  } catch (error) {
    return gapOfThrown(`${doorText(door)} ${questions.join(' ')}`, error);
  } finally {
    closeSync(fd);
  }
}

type NamespaceAnswer = { readonly number: bigint } | { readonly reached: number };

function ask(fd: number, question: NamespaceQuestion): NamespaceAnswer {
  switch (question) {
    case 'NS_GET_USERNS':
      return { reached: libc().ioctl(fd, NS_GET_USERNS) };
    case 'NS_GET_PARENT':
      return { reached: libc().ioctl(fd, NS_GET_PARENT) };
    case 'NS_GET_NSTYPE':
      return { number: BigInt(libc().ioctl(fd, NS_GET_NSTYPE)) };
    case 'NS_GET_OWNER_UID':
      return { number: BigInt(written(fd, NS_GET_OWNER_UID, 4).getUint32(0, true)) };
    case 'NS_GET_MNTNS_ID':
      return { number: written(fd, NS_GET_MNTNS_ID, 8).getBigUint64(0, true) };
    case 'NS_GET_TGID_FROM_PIDNS 1':
      return { number: BigInt(libc().ioctlNumber(fd, NS_GET_TGID_FROM_PIDNS, FIRST_PROCESS)) };
    case 'NS_GET_ID':
      return { number: written(fd, NS_GET_ID, 8).getBigUint64(0, true) };
  }
}

function written(fd: number, request: number, length: number): DataView {
  const bytes = new Uint8Array(length);
  libc().ioctlBuffer(fd, request, bytes);
  return view(bytes);
}

/** From ours to both ends of the kernel's list, which is in the order of ids. */
export function mountNamespaces(): Reading<readonly ListedMountNamespace[]> {
  const door = '/proc/thread-self/ns/mnt';
  const found: ListedMountNamespace[] = [];
  let own = -1;
  try {
    own = openSync(door, 'r');
    found.push(listed(own, mountInfo(own)));
    walk(own, NS_MNT_GET_NEXT, found);
    walk(own, NS_MNT_GET_PREV, found);
    return value(found);
  } catch (error) {
    return gapOfThrown('NS_MNT_GET_NEXT', error);
  } finally {
    if (own >= 0) closeSync(own);
  }
}

function walk(own: number, direction: number, found: ListedMountNamespace[]): void {
  let at = own;
  try {
    for (;;) {
      const info = new Uint8Array(MNT_NS_INFO_LENGTH);
      const next = libc().ioctlBuffer(at, direction, info);
      if (at !== own) closeSync(at);
      at = next;
      found.push(listed(at, view(info)));
    }
  } catch (error) {
    if (!(error instanceof LibcError) || error.errno !== ENOENT) throw error;
  } finally {
    if (at !== own) closeSync(at);
  }
}

function mountInfo(fd: number): DataView {
  const info = new Uint8Array(MNT_NS_INFO_LENGTH);
  view(info).setUint32(0, MNT_NS_INFO_LENGTH, true);
  libc().ioctlBuffer(fd, NS_MNT_GET_INFO, info);
  return view(info);
}

function listed(fd: number, info: DataView): ListedMountNamespace {
  const { ino } = fstatSync(fd, { bigint: true });
  return { id: info.getBigUint64(8, true), inode: ino, mounts: info.getUint32(4, true) };
}
