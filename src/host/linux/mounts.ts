// The mounts of any mount namespace, without entering it. Source: listmount(2), statmount(2).

import {
  LSMT_ROOT,
  MNT_ID_REQ_LENGTH,
  STATMOUNT_LENGTH,
  STATMOUNT_MNT_BASIC,
  STATMOUNT_OFFSET,
  STATMOUNT_SB_BASIC,
} from '../../kernel/abi/mounts.ts';
import { gap, value, type MountQuery, type Reading } from '../../kernel/host.ts';
import { view } from '../../kernel/netlink/message.ts';
import { LibcError, libc } from '../ffi/libc.ts';
import { gapOfErrnoNumber } from '../gap-of-error.ts';
import { SYS_LISTMOUNT, SYS_STATMOUNT } from './system-calls.ts';

const PAGE = 512;
const ENOENT = 2;
const EOVERFLOW = 75;
/** Paths are at most 4 KiB each, options of a mount not much more. */
const FIRST_LENGTH = 16 * 1024;

const ids = new BigUint64Array(PAGE);
const idBytes = new Uint8Array(ids.buffer);
let answer = new Uint8Array(FIRST_LENGTH);

export function mounts(query: MountQuery): Reading<readonly Uint8Array[]> {
  const found: Uint8Array[] = [];
  const request = new Uint8Array(MNT_ID_REQ_LENGTH);
  try {
    const ids = mountIds(query);
    if (ids.length < query.count) {
      return gap({
        reason: 'unsupported',
        what: `${ids.length} of ${query.count} mounts of mount namespace ${query.namespace}`,
      });
    }
    for (const id of ids) {
      const described = describe(request, id, query);
      if (described !== undefined) found.push(described);
    }
    return value(found);
  } catch (error) {
    if (error instanceof LibcError)
      return gapOfErrnoNumber(`mounts of mount namespace ${query.namespace}`, error.errno);
    throw error;
  }
}

/**
 * From a root, listmount(2) tells what can be reached there. What an initramfs leaves below the root is missing in it,
 * and Linux 6.12 takes any mount for the root of a foreign namespace; from the base, its own parent, all is told.
 */
function mountIds({ namespace, count }: MountQuery): readonly bigint[] {
  const reachable = idsBelow(LSMT_ROOT, namespace);
  const [first] = reachable;
  if (first === undefined || reachable.length >= count) return reachable;
  try {
    return idsBelow(baseOf(first, namespace), namespace);
  } catch (error) {
    if (error instanceof LibcError) return reachable;
    throw error;
  }
}

function baseOf(mount: bigint, namespace: bigint): bigint {
  const request = new Uint8Array(MNT_ID_REQ_LENGTH);
  for (let at = mount; ;) {
    fill(request, at, STATMOUNT_MNT_BASIC, namespace);
    libc().syscallInto(SYS_STATMOUNT, request, answer, STATMOUNT_LENGTH);
    const parent = view(answer).getBigUint64(STATMOUNT_OFFSET.parentId, true);
    if (parent === at) return at;
    at = parent;
  }
}

function idsBelow(mount: bigint, namespace: bigint): readonly bigint[] {
  const all: bigint[] = [];
  const request = new Uint8Array(MNT_ID_REQ_LENGTH);
  for (let last = 0n; ; last = all.at(-1) ?? 0n) {
    fill(request, mount, last, namespace);
    const count = libc().syscallInto(SYS_LISTMOUNT, request, idBytes, PAGE);
    all.push(...ids.subarray(0, count));
    if (count < PAGE) return all;
  }
}

function fill(request: Uint8Array, mount: bigint, parameter: bigint, namespace: bigint): void {
  const fields = view(request);
  fields.setUint32(0, MNT_ID_REQ_LENGTH, true);
  fields.setBigUint64(8, mount, true);
  fields.setBigUint64(16, parameter, true);
  fields.setBigUint64(24, namespace, true);
}

/** undefined for a mount of another file system, and for one that is gone meanwhile. */
function describe(request: Uint8Array, id: bigint, { namespace, mask, magics }: MountQuery): Uint8Array | undefined {
  try {
    if (magics.length > 0) {
      // Strings cost the kernel most, and most mounts are of no interest.
      fill(request, id, STATMOUNT_SB_BASIC, namespace);
      libc().syscallInto(SYS_STATMOUNT, request, answer, STATMOUNT_LENGTH);
      if (!magics.includes(view(answer).getUint32(STATMOUNT_OFFSET.superblockMagic, true))) return undefined;
    }
    fill(request, id, mask, namespace);
    statmount(request);
  } catch (error) {
    if (error instanceof LibcError && error.errno === ENOENT) return undefined;
    throw error;
  }
  return answer.slice(0, view(answer).getUint32(STATMOUNT_OFFSET.size, true));
}

function statmount(request: Uint8Array): void {
  for (;;) {
    try {
      libc().syscallInto(SYS_STATMOUNT, request, answer, answer.length);
      return;
    } catch (error) {
      if (!(error instanceof LibcError) || error.errno !== EOVERFLOW) throw error;
      answer = new Uint8Array(2 * answer.length);
    }
  }
}
