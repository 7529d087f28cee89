// Who listens on a port of our own network namespace.

import { NsError } from '../kernel/error.ts';
import { GapTally } from '../kernel/gap-tally.ts';
import type { Host, Reading } from '../kernel/host.ts';
import { heldSockets } from './socket-holders.ts';
import { readListeners, type ListeningSocket } from './show/listeners.ts';

/**
 * Those of `pids` that hold a socket which listens there. Errors: DENIED: somebody listens, and who is closed to us;
 * NO_PROCESS: nobody does, or no process of this /proc; UNSUPPORTED: the kernel does not tell its sockets.
 */
export function listeningProcesses(host: Host, port: number, pids: readonly number[]): readonly number[] {
  const gaps = new GapTally();
  const readNet = (name: string): Reading<Uint8Array> => host.readFile(`/proc/self/net/${name}`);
  const all = readListeners({ host, door: undefined, readNet }, gaps);
  if (all === null) {
    throw new NsError('UNSUPPORTED', { what: `cannot ask the kernel who listens on port ${port}`, gaps: gaps.list() });
  }
  const sockets = all.filter((socket) => socket.port === port);
  if (sockets.length === 0) {
    throw new NsError('NO_PROCESS', {
      what: `nothing listens on port ${port} in our own network namespace`,
      why: 'other network namespaces were not asked: there the number may be in use',
      tryThis: 'nstool show net:TARGET -o listeners',
      gaps: gaps.list(),
    });
  }
  const inodes = new Set(sockets.map(({ inode }) => inode));
  const holders = pids.filter((pid) => {
    const held = heldSockets(host, pid);
    if (!held.ok) gaps.add('process', held.gap);
    return held.ok && [...held.value].some((inode) => inodes.has(inode));
  });
  if (holders.length === 0) throw unseen(port, sockets, gaps);
  return holders;
}

function unseen(port: number, sockets: readonly ListeningSocket[], tally: GapTally): NsError {
  const uids = [...new Set(sockets.flatMap(({ uid }) => uid ?? []))].toSorted((a, b) => a - b);
  const what = `port ${port} is listened to by uid ${uids.join(' and ')}`;
  const gaps = tally.list();
  if (gaps.some(({ subject }) => subject === 'process')) {
    return new NsError('DENIED', { what: `${what}; whose it is is closed to us`, gaps });
  }
  const why = 'the kernel itself has it, or a process beyond this /proc, or a message under way';
  return new NsError('NO_PROCESS', { what: `${what}; no process that we see holds it`, why, gaps });
}
