// Sockets and other descriptors that the kernel tells events by. Source: netlink(7), fcntl(2) O_ASYNC.
//
// Node waits for pipes and sockets of its own only. That there is something to read is said by a signal, SIGIO: it costs
// no thread and no polling.

import { view } from '../../kernel/netlink/message.ts';
import { LibcError, libc } from '../ffi/libc.ts';

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
/** Past the limit of the system. Needs CAP_NET_ADMIN. */
const SO_RCVBUFFORCE = 33;
const F_SETFL = 4;
const F_SETOWN = 8;
const O_NONBLOCK = 0o4000;
const O_ASYNC = 0o20000;
const EAGAIN = 11;
const ENOBUFS = 105;

/** Some thousand events, each of which takes about a KiB in the kernel. */
const BUFFER_BYTES = 4 * 1024 * 1024;

export function enlarge(fd: number): void {
  const bytes = new Uint8Array(4);
  view(bytes).setUint32(0, BUFFER_BYTES, true);
  try {
    libc().setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, bytes);
  } catch (error) {
    if (!(error instanceof LibcError)) throw error;
    libc().setsockopt(fd, SOL_SOCKET, SO_RCVBUF, bytes);
  }
}

/** `wake` is called when there is something to read, also for some time after the descriptor was closed. */
export function signalWhenReadable(fd: number, wake: () => void): void {
  // Before the kernel is told to send it: without a handler the signal would end us.
  if (!process.listeners('SIGIO').includes(wake)) process.on('SIGIO', wake);
  libc().fcntl(fd, F_SETOWN, process.pid);
  libc().fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC);
}

/** Of a socket that does not wait. `overrun`: the kernel had more to tell than the socket could hold: some is lost. */
export function readDatagram(fd: number, into: Uint8Array): Uint8Array | 'nothing' | 'overrun' {
  try {
    return into.slice(0, libc().recv(fd, into, 0));
  } catch (error) {
    if (!(error instanceof LibcError)) throw error;
    if (error.errno === EAGAIN) return 'nothing';
    if (error.errno === ENOBUFS) return 'overrun';
    throw error;
  }
}
