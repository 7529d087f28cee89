// The kernel's own list of namespaces. Source: listns(2), include/uapi/linux/nsfs.h. Since: Linux 6.19.

import { value, type NamespaceListQuery, type Reading } from '../../kernel/host.ts';
import { view } from '../../kernel/netlink/message.ts';
import { LibcError, libc } from '../ffi/libc.ts';
import { gapOfErrnoNumber } from '../gap-of-error.ts';
import { SYS_LISTNS } from './system-calls.ts';

/** struct ns_id_req: size, 0, last id, types, 0, owner. */
const NS_ID_REQ_LENGTH = 32;
const PAGE = 1024;
const ENOENT = 2;

export function listNamespaces({ types, owner }: NamespaceListQuery): Reading<readonly bigint[]> {
  const all: bigint[] = [];
  try {
    for (;;) {
      const page = listPage(types, owner, all.at(-1) ?? 0n);
      all.push(...page);
      if (page.length < PAGE) return value(all);
    }
  } catch (error) {
    if (!(error instanceof LibcError)) throw error;
    // What was the last one has gone, or it was the last of all: the list is at its end.
    return error.errno === ENOENT && all.length > 0 ? value(all) : gapOfErrnoNumber('listns', error.errno);
  }
}

function listPage(types: number, owner: bigint, last: bigint): BigUint64Array {
  const request = new Uint8Array(NS_ID_REQ_LENGTH);
  const fields = view(request);
  fields.setUint32(0, NS_ID_REQ_LENGTH, true);
  fields.setBigUint64(8, last, true);
  fields.setUint32(16, types, true);
  fields.setBigUint64(24, owner, true);
  const ids = new BigUint64Array(PAGE);
  const count = libc().syscallInto(SYS_LISTNS, request, new Uint8Array(ids.buffer), PAGE);
  return ids.subarray(0, count);
}
