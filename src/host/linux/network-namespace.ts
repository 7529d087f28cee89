// The thread that JavaScript runs on, for a moment in another network namespace. Source: setns(2).
//
// Node's other threads stay where they are, so what is done there must be synchronous: an asynchronous file or name
// look-up would run on one of them, in the old namespace.

import { closeSync, openSync } from 'node:fs';
import { libc } from '../ffi/libc.ts';

/** Source: include/uapi/linux/sched.h. */
const CLONE_NEWNET = 0x40000000;

/** Does `act` in the network namespace that `fd` is. Errors: LibcError; what `act` throws. */
export function inNetworkNamespace<T>(fd: number, act: () => T): T {
  const own = openSync('/proc/thread-self/ns/net', 'r');
  try {
    libc().setns(fd, CLONE_NEWNET);
    try {
      return act();
    } finally {
      goBack(own);
    }
  } finally {
    closeSync(own);
  }
}

/** In the wrong network namespace everything that follows would be wrong, and some of it would be done there. */
function goBack(own: number): void {
  try {
    libc().setns(own, CLONE_NEWNET);
  } catch {
    process.abort();
  }
}
