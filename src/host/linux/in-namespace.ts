// The thread that JavaScript runs on, for a moment in another namespace. Source: setns(2).
//
// Node's other threads stay where they are, so what is done there must be synchronous: an asynchronous file or name
// look-up would run on one of them, in the old namespace.

import { closeSync, openSync } from 'node:fs';
import { kindFacts } from '../../kernel/abi/namespace-kinds.ts';
import type { EnterableKind } from '../../kernel/host.ts';
import { libc } from '../ffi/libc.ts';

/** Does `act` in the namespace that `fd` is. Errors: LibcError (EINVAL: it is of another kind); what `act` throws. */
export function inNamespace<T>(kind: EnterableKind, fd: number, act: () => T): T {
  const { flagValue } = kindFacts(kind);
  return thereAndBack(kind, () => libc().setns(fd, flagValue), act);
}

/** In a new network namespace, which goes with the end of `act` unless something keeps it. Errors: LibcError; as of `act`. */
export function inNewNetwork<T>(act: () => T): T {
  return thereAndBack('net', () => libc().unshare(kindFacts('net').flagValue), act);
}

function thereAndBack<T>(kind: EnterableKind, go: () => void, act: () => T): T {
  const own = openSync(`/proc/thread-self/ns/${kind}`, 'r');
  try {
    go();
    try {
      return act();
    } finally {
      goBack(own, kindFacts(kind).flagValue);
    }
  } finally {
    closeSync(own);
  }
}

/** In the wrong namespace everything that follows would be wrong, and some of it would be done there. */
function goBack(own: number, flag: number): void {
  try {
    libc().setns(own, flag);
  } catch {
    process.abort();
  }
}
