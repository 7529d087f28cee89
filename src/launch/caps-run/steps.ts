// From the state that we have to the one that is to be, in an order in which each step is still allowed.

import { collapse } from '../../capabilities/expression.ts';
import type { ExecCaller } from '../../capabilities/exec.ts';
import {
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_SECUREBITS,
} from '../../kernel/abi/process.ts';
import type { Step } from '../../kernel/program.ts';
import { step } from '../step.ts';

const ALL = (1n << 64n) - 1n;

export function stepsTo(before: ExecCaller, ours: ExecCaller, all: bigint): readonly Step[] {
  const { sets: want } = before;
  const { sets: have } = ours;
  const steps: Step[] = [];
  const named = (mask: bigint): string => collapse(mask, all);
  if ((have.ambient & ~want.ambient) !== 0n)
    steps.push(
      prctl(
        'clear the ambient set',
        'it has what the command is not to have',
        PR_CAP_AMBIENT,
        PR_CAP_AMBIENT_CLEAR_ALL,
      ),
    );
  if (want.inheritable !== have.inheritable)
    steps.push(
      capset(`make inheritable: ${named(want.inheritable)}`, 'before the bounding set forbids it', want.inheritable),
    );
  if (want.bounding !== have.bounding) {
    const reason = 'no program that is executed gets more';
    steps.push(
      step(`limit the bounding set to ${named(want.bounding)}`, reason, { op: 'bounding', mask: want.bounding }),
    );
  }
  steps.push(...changeUser(before, ours));
  if ((want.ambient & ~have.ambient) !== 0n || (want.ambient !== 0n && changesUser(before, ours)))
    steps.push(
      step(`make ambient: ${named(want.ambient)}`, 'who is not root gets these, and no others, from execve(2)', {
        op: 'ambient',
        mask: want.ambient,
      }),
    );
  if (before.securebits !== ours.securebits)
    steps.push(
      prctl(
        `set the securebits to 0x${before.securebits.toString(16)}`,
        'they forbid what came before',
        PR_SET_SECUREBITS,
        before.securebits,
      ),
    );
  if (before.noNewPrivileges && !ours.noNewPrivileges)
    steps.push(prctl('set no_new_privs', 'execve(2) gives nothing more from now on', PR_SET_NO_NEW_PRIVS, 1));
  return steps;
}

function changesUser(before: ExecCaller, ours: ExecCaller): boolean {
  return before.uids.join() !== ours.uids.join();
}

function changeUser(before: ExecCaller, ours: ExecCaller): readonly Step[] {
  const [uid = 0] = before.uids;
  const [gid = 0] = before.gids;
  const steps: Step[] = [];
  if (before.groups.join() !== ours.groups.join())
    steps.push(
      step(`set the groups to ${before.groups.join(' ') || 'none'}`, 'while we may', {
        op: 'setgroups',
        gids: before.groups,
      }),
    );
  if (before.gids.join() !== ours.gids.join())
    steps.push(step(`become gid ${gid}`, 'while we may', { op: 'setgid', gid }));
  if (!changesUser(before, ours)) return steps;
  return [
    ...steps,
    prctl(
      'keep the capabilities when the uid changes',
      'they are needed until the command is executed, which ends this',
      PR_SET_KEEPCAPS,
      1,
    ),
    step(`become uid ${uid}`, 'the user that was asked for', { op: 'setuid', uid }),
    capset('use the kept capabilities', 'changing the uid made them ineffective', before.sets.inheritable),
  ];
}

/** All that is permitted is effective. */
function capset(label: string, reason: string, inheritable: bigint): Step {
  return step(label, reason, { op: 'capset', effective: ALL, permitted: ALL, inheritable });
}

function prctl(label: string, reason: string, option: number, argument: number): Step {
  return step(label, reason, { op: 'prctl', option, args: [BigInt(argument), 0n, 0n, 0n] });
}
