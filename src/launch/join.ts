// Opening the namespaces, and joining them in two rounds (enter.ts says why).

import { ERRNO } from '../kernel/abi/errno.ts';
import { kindFacts, type NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import type { Step } from '../kernel/program.ts';
import { joinsUser, needsJoining, type Door } from './doors.ts';
import { explainOpen, explainSetns, failureStatus } from './explain-enter.ts';
import { GROUPS_MARK, step } from './step.ts';

export function openDoor(door: Door): readonly Step[] {
  if (!needsJoining(door)) return [];
  const name = `${door.kind}:[${door.inode}]`;
  return [
    step(`open ${door.path}`, 'everything is opened before the first setns changes what paths mean', door.open, {
      explanations: explainOpen(door.path),
    }),
    step(
      `check that it is ${name}`,
      'the process could have been replaced, or have moved, since it was looked at',
      { op: 'expect', slot: door.kind, device: 0n, inode: door.inode },
      {
        explanations: [
          {
            errno: ERRNO.ESTALE,
            status: failureStatus,
            text: `nstool: ${door.path} is no longer ${name}\n  why: the process ended or moved meanwhile\n  try: the same command again\n`,
          },
        ],
      },
    ),
  ];
}

export function joinNamespaces(joined: readonly Door[]): readonly Step[] {
  const others = joined.filter((door) => door.kind !== 'user');
  const user = joined.filter((door) => door.kind === 'user');
  const join = (door: Door, reason: string, more: Partial<Step>): Step =>
    step(
      `setns ${door.kind}:[${door.inode}]`,
      reason,
      { op: 'setns', slot: door.kind, type: kindFacts(door.kind).flagValue },
      more,
    );
  const fatal = (door: Door): Partial<Step> =>
    // Refused where we are already: nothing is lost.
    door.ours ? { try: true } : { explanations: explainSetns(door.kind, door.path, joinsUser(joined)) };
  if (user.length === 0) return others.map((door) => join(door, joiningReason(door.kind), fatal(door)));
  const mark = (door: Door): number => GROUPS_MARK + 1 + others.indexOf(door);
  return [
    ...others.map((door) =>
      join(door, 'first round: a privileged caller can before it joins the user namespace', {
        try: true,
        mark: mark(door),
      }),
    ),
    ...user.map((door) => join(door, joiningReason('user'), fatal(door))),
    ...others.map((door) =>
      join(door, 'second round: an owner of the user namespace can only now; skipped where joined already', {
        ...fatal(door),
        mark: mark(door),
        once: true,
      }),
    ),
  ];
}

function joiningReason(kind: NamespaceKind): string {
  return `the target's own: ${kindFacts(kind).isolates}`;
}
