// What is opened or taken of the target process besides its namespaces: the process itself, its environment, its
// SELinux context.

import { ERRNO } from '../kernel/abi/errno.ts';
import { O_PATH, O_WRONLY } from '../kernel/abi/open-flags.ts';
import { errorOfGap } from '../kernel/error.ts';
import type { GapTally } from '../kernel/gap-tally.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import type { Explanation, Step } from '../kernel/program.ts';
import { splitWords } from '../kernel/text/cmdline.ts';
import { joinedAtOnce, type Door } from './doors.ts';
import type { EnterQuery } from './enter-query.ts';
import { explainOpen, failureStatus } from './explain-enter.ts';
import type { Refusal } from './rule.ts';
import { PIDFD_SLOT, PROCESS_SLOT, step } from './step.ts';

/** The pidfd comes second: what is opened through the folder after it shows that both are the same process. */
export function openProcess({ pid, pidfdInode }: EnterQuery, joined: readonly Door[]): readonly Step[] {
  if (pid === undefined) return [];
  const folder = step(
    `open /proc/${pid}`,
    'pins the process: what follows is read through this descriptor, so a reused pid is noticed',
    { op: 'open', path: `/proc/${pid}`, flags: O_PATH, into: PROCESS_SLOT },
    { explanations: explainOpen(`process ${pid}`) },
  );
  if (pidfdInode !== undefined) return [folder, ...pinByNumber(pid, pidfdInode)];
  if (joinedAtOnce(joined).length === 0) return [folder];
  const reason = 'setns takes several namespaces of a process by it; without one they are joined one by one';
  return [folder, step(`pidfd_open ${pid}`, reason, { op: 'pidfd', pid, into: PIDFD_SLOT }, { try: true })];
}

function otherProcess(pid: number, inode: bigint): Refusal {
  return {
    what: `process ${pid} is not the one with the number ${inode}: ESTALE`,
    why: 'it ended, and another has its pid; or the kernel is older than 6.9 and does not number pidfds',
  };
}

/** What will be said to the number that was asked for. */
export function foreseeNumber(host: Host, { pid, pidfdInode }: EnterQuery, gaps: GapTally): Refusal | undefined {
  if (pid === undefined || pidfdInode === undefined) return undefined;
  const found = host.processNumber(pid);
  if (!found.ok) gaps.add('number of a process', found.gap);
  return !found.ok || found.value === pidfdInode ? undefined : otherProcess(pid, pidfdInode);
}

function pinByNumber(pid: number, inode: bigint): readonly Step[] {
  const { what, why } = otherProcess(pid, inode);
  const text = `nstool: ${what}\n  why: ${why}\n`;
  return [
    step(
      `pidfd_open ${pid}`,
      'a pidfd has a number that is never given twice',
      { op: 'pidfd', pid, into: PIDFD_SLOT },
      { explanations: explainOpen(`process ${pid}`) },
    ),
    step(
      `check that it is ${pid}:${inode}`,
      'asked for',
      { op: 'expect', slot: PIDFD_SLOT, device: 0n, inode },
      { explanations: [{ errno: ERRNO.ESTALE, status: failureStatus, text }] },
    ),
  ];
}

/** The root is to be like the target's, and is that already: nothing is lost when changing to it is refused. */
export function isOwnRoot(host: Host, { pid, asTarget }: EnterQuery): boolean {
  if (asTarget?.has('root') !== true) return false;
  const [theirs, ours] = [`/proc/${pid}`, '/proc/self'].map((folder) => ({
    mounts: valueOf(host.readLink(`${folder}/ns/mnt`)),
    root: valueOf(host.stat(`${folder}/root`)),
  }));
  if (theirs?.root === undefined || theirs.mounts !== ours?.mounts) return false;
  return theirs.root.dev === ours?.root?.dev && theirs.root.ino === ours.root.ino;
}

/** Byte for byte, as the process has it now; the port reads no more than it has bounds for. Errors: DENIED, NO_FILE. */
export function environmentOf(host: Host, pid: number): readonly Uint8Array[] {
  const path = `/proc/${pid}/environ`;
  const bytes = host.readFile(path);
  if (!bytes.ok) throw errorOfGap(bytes.gap, `cannot read the environment of process ${pid}`);
  return splitWords(bytes.value);
}

/**
 * As nsenter(1): nothing where SELinux is not active. The kernel keeps the context for the next exec of this process.
 * Source: proc_pid_attr(5). Errors: DENIED, NO_FILE.
 */
export function followContext(host: Host, { followContext: wanted, pid }: EnterQuery): readonly Step[] {
  if (wanted !== true || !host.stat('/sys/fs/selinux/enforce').ok) return [];
  const path = `/proc/${pid}/attr/current`;
  const context = host.readFile(path);
  if (!context.ok) throw errorOfGap(context.gap, `cannot read the SELinux context of process ${pid}`);
  const refused: Explanation = {
    errno: ERRNO.EACCES,
    status: failureStatus,
    text: 'nstool: cannot set the SELinux context of the command: EACCES\n  why: the policy does not allow this context to follow ours\n',
  };
  const attribute = '/proc/self/attr/exec';
  return [
    step(
      `open ${attribute}`,
      'while /proc is still ours',
      { op: 'open', path: attribute, flags: O_WRONLY, into: 'context' },
      { explanations: explainOpen(attribute) },
    ),
    step(
      'set the SELinux context for exec',
      'that of the target process; the kernel keeps it until then',
      { op: 'write', slot: 'context', bytes: context.value },
      { explanations: [refused] },
    ),
  ];
}
