// One extended attribute of one file, and which mount a file is on.

import { closeSync, constants, openSync } from 'node:fs';
import { O_PATH } from '../../kernel/abi/open-flags.ts';
import { gap, value, type AttributeQuery, type Reading } from '../../kernel/host.ts';
import { encodePath } from '../../kernel/text/file-name.ts';
import { cString, libc, LibcError } from '../ffi/libc.ts';
import { mountOfDescriptor } from './mount-of-descriptor.ts';
import { gapOfThrown } from './nsfs.ts';
import { findInRoot } from './open-in-root.ts';

const ENODATA = 61;
/** Longer than any that is asked for; a longer one is ERANGE. */
const LONGEST = 4096;

export function attribute(query: AttributeQuery): Reading<Uint8Array | null> {
  const { root, path, name, follow } = query;
  // By its path even where it may not be opened; in the root of others what was found is asked, whatever bears its name
  // by now.
  if (root !== undefined) return ofFound(query, (fd) => value(get(cString(`/proc/self/fd/${fd}`), name, true)));
  try {
    return value(get(cString(path), name, follow));
  } catch (error) {
    return gapOfThrown(path, error);
  }
}

export function mountOf(query: Omit<AttributeQuery, 'name'>): Reading<number> {
  return ofFound(query, (fd) => {
    const mount = mountOfDescriptor(fd);
    return mount === null ? gap({ reason: 'unsupported', what: '/proc/self/fdinfo' }) : value(mount);
  });
}

function ofFound<T>(query: Omit<AttributeQuery, 'name'>, ask: (fd: number) => Reading<T>): Reading<T> {
  const { root, path, follow } = query;
  const flags = follow ? 0 : constants.O_NOFOLLOW;
  let found = -1;
  try {
    found =
      root === undefined ? openSync(Buffer.from(encodePath(path)), O_PATH | flags) : findInRoot(root, path, flags);
    return ask(found);
  } catch (error) {
    return gapOfThrown(`${root ?? ''}${path}`, error);
  } finally {
    if (found >= 0) closeSync(found);
  }
}

function get(path: Uint8Array, name: string, follow: boolean): Uint8Array | null {
  const into = new Uint8Array(LONGEST);
  const calls = libc();
  try {
    const length = follow ? calls.getAttributeFollowing(path, name, into) : calls.getAttribute(path, name, into);
    return into.slice(0, length);
  } catch (error) {
    if (error instanceof LibcError && error.errno === ENODATA) return null;
    throw error;
  }
}
