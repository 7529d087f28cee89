// A socket that the kernel tells of processes. Source: include/uapi/linux/cn_proc.h, netlink(7), fcntl(2) O_ASYNC.

import { closeSync } from 'node:fs';
import { NETLINK_CONNECTOR, CN_IDX_PROC } from '../../kernel/abi/connector.ts';
import { gap, value, type Gap, type Reading } from '../../kernel/host.ts';
import { decodeProcessEvents, encodeListen, type ProcessEvent } from '../../kernel/netlink/process-events.ts';
import { LibcError, libc } from '../ffi/libc.ts';
import { gapOfErrnoNumber } from '../gap-of-error.ts';
import { enlarge, readDatagram, signalWhenReadable } from './event-socket.ts';
import { gapOfThrown } from './nsfs.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;

/** An event is 76 bytes. */
const DATAGRAM_LENGTH = 4096;
/** After so many of one read the caller gets to look at the processes, while these still are there. */
const MAX_AT_ONCE = 512;
const WHAT = 'process events';

/** What was to be read at one time. */
export interface HeardEvents {
  readonly events: readonly ProcessEvent[];
  /** The kernel had more to tell than the socket could hold: some is lost. */
  readonly overrun: boolean;
  /** There is more to read at once. */
  readonly more: boolean;
}

export interface ProcessEventSocket {
  readonly read: () => HeardEvents;
  readonly close: () => void;
}

/** Listens; `wake` is called when there is something to read. Errors: denied; unsupported; gone outside the host's own namespaces. */
export function openProcessEvents(wake: () => void): Reading<ProcessEventSocket> {
  let fd = -1;
  try {
    fd = libc().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);
    enlarge(fd);
    libc().setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, Uint8Array.of(CN_IDX_PROC, 0, 0, 0));
    libc().send(fd, encodeListen(true));
    const refusal = refusalOf(fd);
    if (refusal !== undefined) {
      stopListening(fd);
      fd = -1;
      return gap(refusal);
    }
    return value(listening(fd, wake));
  } catch (error) {
    return closed(fd, gapOfThrown(WHAT, error));
  }
}

function closed(fd: number, reading: Reading<never>): Reading<never> {
  if (fd >= 0) closeSync(fd);
  return reading;
}

/** The kernel answers within send(2); to who is in another user or pid namespace it says nothing at all. */
function refusalOf(fd: number): Gap | undefined {
  // What others are told meanwhile is of no use yet: the first look comes after this.
  const answer = readAll(fd).events.find((event) => event.type === 'answer');
  if (answer?.errno === 0) return undefined;
  const refused = answer === undefined ? undefined : gapOfErrnoNumber(WHAT, answer.errno);
  return refused === undefined || refused.ok ? { reason: 'unsupported', what: WHAT } : refused.gap;
}

function listening(fd: number, wake: () => void): ProcessEventSocket {
  signalWhenReadable(fd, wake);
  return {
    read: () => readAll(fd),
    // The handler stays: a signal may be under way.
    close: () => stopListening(fd),
  };
}

/** Or the kernel, before Linux 6.6, would go on telling nobody. */
function stopListening(fd: number): void {
  try {
    libc().send(fd, encodeListen(false));
  } catch (error) {
    if (!(error instanceof LibcError)) throw error;
  } finally {
    closeSync(fd);
  }
}

const into = new Uint8Array(DATAGRAM_LENGTH);

function readAll(fd: number): HeardEvents {
  const events: ProcessEvent[] = [];
  let overrun = false;
  for (let count = 0; count < MAX_AT_ONCE; count += 1) {
    const read = readDatagram(fd, into);
    if (read === 'nothing') return { events, overrun, more: false };
    if (read === 'overrun') {
      overrun = true;
      continue;
    }
    const decoded = decodeProcessEvents(read, WHAT);
    // What is not as documented may have been anything: a full look finds out.
    if (decoded.ok) events.push(...decoded.value);
    else overrun = true;
  }
  return { events, overrun, more: true };
}
