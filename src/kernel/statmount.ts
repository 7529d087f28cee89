// struct statmount as data. Source: statmount(2), include/uapi/linux/mount.h.

import {
  STATMOUNT_FS_TYPE,
  STATMOUNT_LENGTH,
  STATMOUNT_MNT_BASIC,
  STATMOUNT_MNT_POINT,
  STATMOUNT_MNT_ROOT,
  STATMOUNT_OFFSET,
  STATMOUNT_SB_BASIC,
} from './abi/mounts.ts';
import { gap, value, type Reading } from './host.ts';
import { view } from './netlink/message.ts';
import { decodeText } from './text/text.ts';

/** What StatMount holds. */
export const STATMOUNT_MASK: bigint =
  STATMOUNT_SB_BASIC | STATMOUNT_MNT_BASIC | STATMOUNT_MNT_ROOT | STATMOUNT_MNT_POINT | STATMOUNT_FS_TYPE;

export interface StatMount {
  /** Never given twice. */
  readonly id: bigint;
  /** The id in /proc/PID/mountinfo. */
  readonly oldId: number;
  /** The superblock: `0:25`, and the magic number of its file system. */
  readonly device: string;
  readonly magic: number;
  /** null where the kernel did not tell. */
  readonly fsType: string | null;
  /** What of the file system is mounted; for nsfs `net:[4026532177]`. */
  readonly root: string | null;
  /** From the root of the mount namespace. */
  readonly mountPoint: string | null;
}

export function decodeStatMount(bytes: Uint8Array, what: string): Reading<StatMount> {
  const { length } = bytes;
  if (length < STATMOUNT_LENGTH)
    return gap({ reason: 'malformed', what, text: `a struct statmount of ${length} bytes` });
  const fields = view(bytes);
  const number = (offset: number): number => fields.getUint32(offset, true);
  const text = (flag: bigint, offset: number): string | null => statmountText(bytes, flag, offset);
  return value({
    id: fields.getBigUint64(STATMOUNT_OFFSET.id, true),
    oldId: number(STATMOUNT_OFFSET.oldId),
    device: `${number(STATMOUNT_OFFSET.superblockMajor)}:${number(STATMOUNT_OFFSET.superblockMinor)}`,
    magic: number(STATMOUNT_OFFSET.superblockMagic),
    fsType: text(STATMOUNT_FS_TYPE, STATMOUNT_OFFSET.fsType),
    root: text(STATMOUNT_MNT_ROOT, STATMOUNT_OFFSET.root),
    mountPoint: text(STATMOUNT_MNT_POINT, STATMOUNT_OFFSET.mountPoint),
  });
}

/** A string of a whole struct. Absent (null): the kernel did not tell it. */
export function statmountText(bytes: Uint8Array, flag: bigint, offset: number): string | null {
  const fields = view(bytes);
  if ((fields.getBigUint64(STATMOUNT_OFFSET.mask, true) & flag) === 0n) return null;
  return stringAt(bytes, STATMOUNT_LENGTH + fields.getUint32(offset, true));
}

/** Up to the NUL; empty where the offset lies beyond the end. */
function stringAt(bytes: Uint8Array, offset: number): string {
  const rest = bytes.subarray(Math.min(offset, bytes.length));
  const end = rest.indexOf(0);
  return decodeText(end < 0 ? rest : rest.subarray(0, end));
}
