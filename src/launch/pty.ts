// A terminal of the command's own. What is in there may be hostile, and who has our terminal can push input into it
// (TIOCSTI), change its settings and read what is typed. With another one between, it gets at nothing but that one.

import { O_NOCTTY, O_NONBLOCK, O_RDWR, O_WRONLY } from '../kernel/abi/open-flags.ts';
import { SIGNAL_NUMBERS } from '../kernel/abi/process.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import type { Explanation, Step } from '../kernel/program.ts';
import { containerName } from '../containers/display-name.ts';
import type { Identity } from '../containers/identity.ts';
import type { Door } from './doors.ts';
import type { EnterQuery } from './enter-query.ts';
import { explainOpen } from './explain-enter.ts';
import { step } from './step.ts';

const PTY_SLOT = 'pty';
/** What the command has as its terminal. */
export const SIDE_SLOT = 'pty side';
const SCREEN_SLOT = 'screen';

const MULTIPLEXER = '/dev/ptmx';
const SCREEN = '/proc/self/fd/1';

/** Why the command gets a terminal of its own. undefined: it gets ours. */
export function reasonForPty(
  host: Host,
  query: EnterQuery,
  joined: readonly Door[],
  identity: Identity | undefined,
): string | undefined {
  if (query.pty === undefined) return undefined;
  if (query.pty.when === 'always') return 'asked for';
  const container = identity?.role === 'payload' ? containerName(identity) : null;
  if (container !== null && !isOurs(host, query)) return `the target is ${container}`;
  return isOfOtherUsers(host, query, joined) ? 'the target is in another user namespace' : undefined;
}

/** nstool may run in the very container that it enters. */
function isOurs(host: Host, { pid }: EnterQuery): boolean {
  const ours = valueOf(host.readLink('/proc/self/ns/mnt'));
  return ours !== undefined && ours === valueOf(host.readLink(`/proc/${pid}/ns/mnt`));
}

function isOfOtherUsers(host: Host, { pid }: EnterQuery, joined: readonly Door[]): boolean {
  const own = valueOf(host.readLink('/proc/self/ns/user'));
  const inode = /\[(\d+)\]/.exec(own ?? '')?.[1];
  if (own === undefined || inode === undefined) return false;
  if (pid !== undefined && valueOf(host.readLink(`/proc/${pid}/ns/user`)) !== own) return true;
  return joined.some(({ kind, way }) => {
    if (kind === 'user') return true;
    const owner = host.askNamespace(way.at, [...way.through, 'NS_GET_USERNS']);
    // One that is neither ours nor below it the kernel does not show.
    return owner.ok ? owner.value !== BigInt(inode) : owner.gap.reason === 'denied';
  });
}

/** Before anything is joined: /dev and /proc are still ours. */
export function openPty({ pty }: EnterQuery): readonly Step[] {
  const advice = `  try: the same command with --no-pty, on our own terminal\n`;
  const explanations = explainOpen(MULTIPLEXER).map((each) => ({ ...each, text: each.text + advice }));
  const steps = [
    step(
      `open ${MULTIPLEXER}`,
      'a terminal for the command, of ours and not of the target: no file of the target is opened for it',
      { op: 'open', path: MULTIPLEXER, flags: O_RDWR | O_NOCTTY | O_NONBLOCK, into: PTY_SLOT },
      { explanations },
    ),
    step('open its other side', 'by the kernel and not by a name, which another file may have where it is used', {
      op: 'pty',
      slot: PTY_SLOT,
      into: SIDE_SLOT,
    }),
  ];
  if (pty?.screen !== true) return steps;
  return [
    ...steps,
    step(
      `open ${SCREEN}`,
      'our terminal once more, to write without waiting: one that ^S stopped keeps no signal from the command',
      { op: 'open', path: SCREEN, flags: O_WRONLY | O_NOCTTY | O_NONBLOCK, into: SCREEN_SLOT },
      { try: true },
    ),
  ];
}

/** The place of the fork of a pid namespace. */
export function relay({ pty }: EnterQuery, why: string, explanations: readonly Explanation[]): Step {
  return step(
    'fork, and relay to a terminal of its own',
    `${why}: nothing in there can push input into our terminal; the parent passes keys, output, sizes, signals and status on`,
    {
      op: 'relay',
      slot: PTY_SLOT,
      side: SIDE_SLOT,
      ...(pty?.screen === true ? { output: SCREEN_SLOT } : {}),
      deathSignal: SIGNAL_NUMBERS.SIGKILL,
    },
    { explanations },
  );
}
