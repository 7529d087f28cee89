// A command that is killed, or refused by the kernel, at one system call after the other: what it leaves.

import type { PrivateNetwork } from './private-network.ts';

const LOG = '/run/strace';
/** Each is tried by `npm run test:long`. */
const IS_LONG = process.env['NSTOOL_TEST_LONG'] === '1';

/** What the journal says of a lab: nothing, what waits for gc, or a lab that stands. */
export type Left = 'nothing' | 'garbage' | 'lab';

export interface Fault {
  /** A system call of which the n-th is meant. */
  readonly call: string;
  /** As strace(1) has it: `signal=KILL`, `error=EIO`. */
  readonly fault: string;
}

/** The command, run with it; and what the journal of `lab` says then. */
export function runFaulty(
  net: PrivateNetwork,
  lab: string,
  command: readonly string[],
  { call, fault }: Fault,
  at: number,
): Left {
  net.run(
    'strace',
    '-f',
    '-qq',
    '-o',
    LOG,
    '-e',
    `trace=${call}`,
    '-e',
    `inject=${call}:${fault}:when=${at}`,
    ...command,
  );
  const journal = net.run('cat', `/run/nstool/net-${lab}`);
  if (journal.status !== 0) return 'nothing';
  return (JSON.parse(journal.stdout) as { kept: boolean }).kept ? 'lab' : 'garbage';
}

/** How many of these system calls the thread made that made most of them. */
export function countCalls(net: PrivateNetwork, call: string, command: readonly string[]): number {
  net.run('strace', '-f', '-qq', '-o', LOG, '-e', `trace=${call}`, ...command);
  const counts = new Map<string, number>();
  for (const line of net.run('cat', LOG).stdout.split('\n')) {
    const pid = line.split(' ')[0] ?? '';
    if (line.includes(` ${call}(`)) counts.set(pid, (counts.get(pid) ?? 0) + 1);
  }
  return Math.max(0, ...counts.values());
}

/** Of the numbers from first to last so many, the last among them; with test:long all from 1 on. */
export function pointsOf(first: number, last: number, most: number): readonly number[] {
  const start = IS_LONG ? 1 : Math.max(1, first);
  const all = Array.from({ length: Math.max(0, last - start + 1) }, (_, index) => start + index);
  const stride = IS_LONG ? 1 : Math.max(1, Math.ceil(all.length / most));
  return all.filter((at) => (last - at) % stride === 0);
}
