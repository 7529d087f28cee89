// One extended attribute of one file.

import { closeSync, constants } from 'node:fs';
import { value, type AttributeQuery, type Reading } from '../../kernel/host.ts';
import { cString, libc, LibcError } from '../ffi/libc.ts';
import { gapOfThrown } from './nsfs.ts';
import { findInRoot } from './open-in-root.ts';

const ENODATA = 61;
/** Longer than any that is asked for; a longer one is ERANGE. */
const LONGEST = 4096;

export function attribute(query: AttributeQuery): Reading<Uint8Array | null> {
  const { root, path } = query;
  let found = -1;
  try {
    if (root === undefined) return value(get(cString(path), query));
    found = findInRoot(root, path, query.follow ? 0 : constants.O_NOFOLLOW);
    // What was found is asked, whatever bears its name by now. No link is left to follow but the one to the descriptor.
    return value(get(cString(`/proc/self/fd/${found}`), { name: query.name, follow: true }));
  } catch (error) {
    return gapOfThrown(`${root ?? ''}${path}`, error);
  } finally {
    if (found >= 0) closeSync(found);
  }
}

function get(path: Uint8Array, { name, follow }: Pick<AttributeQuery, 'name' | 'follow'>): Uint8Array | null {
  const into = new Uint8Array(LONGEST);
  try {
    const length = follow ? libc().getAttributeFollowing(path, name, into) : libc().getAttribute(path, name, into);
    return into.slice(0, length);
  } catch (error) {
    if (error instanceof LibcError && error.errno === ENODATA) return null;
    throw error;
  }
}
