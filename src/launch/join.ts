// Opening the namespaces, and joining them in two rounds (enter.ts says why).

import { ERRNO } from '../kernel/abi/errno.ts';
import { kindFacts, type NamespaceKind } from '../kernel/abi/namespace-kinds.ts';
import type { Step } from '../kernel/program.ts';
import { joinedAtOnce, needsJoining, type Door } from './doors.ts';
import { explainOpening, explainSetns, failureStatus } from './explain-enter.ts';
import type { Foresight } from './foresee.ts';
import type { Rule } from './rule.ts';
import { AT_ONCE_MARK, FIRST_KIND_MARK, PIDFD_SLOT, step } from './step.ts';

export function openDoor(door: Door): readonly Step[] {
  if (!needsJoining(door)) return [];
  const name = `${door.kind}:[${door.inode}]`;
  return [
    ...door.open.map(({ label, operation }) =>
      step(label, 'everything is opened before the first setns changes what paths mean', operation, {
        explanations: explainOpening(operation, door.path),
      }),
    ),
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

export function joinNamespaces(joined: readonly Door[], rules: Foresight['rules']): readonly Step[] {
  const fatal = (door: Door): Partial<Step> => fatalWith(door, rules.get(door));
  const others = joined.filter((door) => door.kind !== 'user');
  const user = joined.filter((door) => door.kind === 'user');
  if (user.length === 0) return others.map((door) => join(door, joiningReason(door.kind), fatal(door)));
  const atOnce = joinedAtOnce(joined);
  const apart = others.filter((door) => !atOnce.includes(door));
  const together = others.filter((door) => atOnce.includes(door));
  const mark = (door: Door): number => FIRST_KIND_MARK + others.indexOf(door);
  const first = (doors: readonly Door[]): readonly Step[] =>
    doors.map((door) =>
      join(door, 'first round: a privileged caller can before it joins the user namespace', {
        try: true,
        mark: mark(door),
      }),
    );
  const second = (doors: readonly Door[]): readonly Step[] =>
    doors.map((door) =>
      join(door, 'second round: an owner of the user namespace can only now; skipped where joined already', {
        ...fatal(door),
        mark: mark(door),
        once: true,
      }),
    );
  const oneByOne = [
    ...first(together),
    ...user.map((door) => join(door, joiningReason('user'), fatal(door))),
    ...second(together),
  ];
  return [...first(apart), ...joinAtOnce(atOnce, oneByOne.length), ...oneByOne, ...second(apart)];
}

/** The kernel checks all of them with the privileges that we have before, and joins all or none. Since: Linux 5.8. */
function joinAtOnce(doors: readonly Door[], count: number): readonly Step[] {
  if (doors.length === 0) return [];
  const type = doors.reduce((mask, door) => mask | kindFacts(door.kind).flagValue, 0);
  return [
    step(
      `setns ${doors.map((door) => door.kind).join(' ')} by the pidfd`,
      'one call joins all or none, whoever owns each; it may fail: then they are joined one by one',
      { op: 'setns', slot: PIDFD_SLOT, type },
      { try: true, mark: AT_ONCE_MARK },
    ),
    step(`skip ${count} steps if that worked`, 'they join the same one by one, as on kernels before 5.8', {
      op: 'skip',
      mark: AT_ONCE_MARK,
      count,
    }),
  ];
}

function join(door: Door, reason: string, more: Partial<Step>): Step {
  const { flagValue } = kindFacts(door.kind);
  return step(`setns ${door.kind}:[${door.inode}]`, reason, { op: 'setns', slot: door.kind, type: flagValue }, more);
}

/** Refused where we are already: nothing is lost. */
function fatalWith(door: Door, rule: Rule | undefined): Partial<Step> {
  return door.ours ? { try: true } : { explanations: explainSetns(door.kind, door.path, rule) };
}

function joiningReason(kind: NamespaceKind): string {
  return `the target's own: ${kindFacts(kind).isolates}`;
}
