// Gives extended attributes to files and takes them away. All files are opened, and seen to be regular ones, before the
// first is changed, and what was opened is changed, whatever bears its name by then. Source: setxattr(2), removexattr(2).

import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { O_PATH } from '../../kernel/abi/open-flags.ts';
import type { AttributeOperation, AttributeOutcome } from '../../kernel/attribute-plan.ts';
import type { Gap } from '../../kernel/host.ts';
import { encodePath } from '../../kernel/text/file-name.ts';
import { cString, libc, LibcError } from '../ffi/libc.ts';
import { gapOfThrown } from './nsfs.ts';

const ENODATA = 61;

type Failed = Extract<AttributeOutcome, { type: 'failed' }>;

/** An outcome for each. The first that fails ends it; where one can't be opened nothing is changed. */
export function changeAttributes(plan: readonly AttributeOperation[]): readonly AttributeOutcome[] {
  const opened = plan.map(open);
  try {
    if (opened.some((file) => typeof file !== 'number'))
      return opened.map((file) => (typeof file === 'number' ? { type: 'left' } : file));
    let isOver = false;
    return plan.map((operation, index) => {
      const fd = opened[index];
      if (isOver || typeof fd !== 'number') return { type: 'left' };
      const outcome = change(operation, fd);
      isOver = outcome.type === 'failed';
      return outcome;
    });
  } finally {
    for (const file of opened) if (typeof file === 'number') closeSync(file);
  }
}

/** A descriptor that leads to the file and wakes no device. */
function open({ path }: AttributeOperation): number | Failed {
  let fd = -1;
  try {
    fd = openSync(Buffer.from(encodePath(path)), O_PATH | constants.O_NOFOLLOW);
    if (fstatSync(fd).isFile()) return fd;
    closeSync(fd);
    return { type: 'failed', step: 'no file', gap: { reason: 'unsupported', what: path } };
  } catch (error) {
    return { type: 'failed', step: 'open', gap: gapFrom(path, error) };
  }
}

function change({ path, name, bytes }: AttributeOperation, fd: number): AttributeOutcome {
  const file = cString(`/proc/self/fd/${fd}`);
  const before = beforehand(file, name, path);
  try {
    if (bytes !== null) libc().setAttribute(file, name, bytes);
    else libc().removeAttribute(file, name);
    return { type: 'done', before };
  } catch (error) {
    if (bytes === null && error instanceof LibcError && error.errno === ENODATA) return { type: 'absent' };
    return { type: 'failed', step: 'write', gap: gapFrom(path, error) };
  }
}

function beforehand(file: Uint8Array, name: string, path: string): Uint8Array | Gap | null {
  const into = new Uint8Array(4096);
  try {
    return into.slice(0, libc().getAttributeFollowing(file, name, into));
  } catch (error) {
    if (error instanceof LibcError && error.errno === ENODATA) return null;
    return gapFrom(path, error);
  }
}

function gapFrom(path: string, error: unknown): Gap {
  const thrown = gapOfThrown(path, error);
  if (thrown.ok) throw error;
  return thrown.gap;
}
