// The capability sets of the target. The permitted and effective ones of the command follow from the others when it is
// executed; where that comes out differently it is said. Source: capabilities(7), security/commoncap.c.

import { decodeMask } from '../../capabilities/mask.ts';
import { setsOf, type CapabilitySets } from '../../capabilities/sets.ts';
import { PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, PR_SET_KEEPCAPS } from '../../kernel/abi/process.ts';
import type { Step } from '../../kernel/program.ts';
import { CAPABILITY } from '../../kernel/abi/capability.ts';
import { step } from '../step.ts';
import { hasInside, type Facts } from './facts.ts';
import { remarks, type Uncopied } from './part.ts';

export interface CapabilitySteps {
  /** While we are privileged. */
  readonly before: readonly Step[];
  /** Once the ids are changed. */
  readonly after: readonly Step[];
  /** Under no_new_privs, where the command gains nothing by being executed. */
  readonly last: readonly Step[];
  readonly uncopied: readonly Uncopied[];
}

const ALL = (1n << 64n) - 1n;

/** They outlive the change of the uid to another than 0; exec clears this. */
export const keepOverUid: Step = step(
  'keep the capabilities when the uid changes',
  'they are needed until the command is executed, which ends this',
  { op: 'prctl', option: PR_SET_KEEPCAPS, args: [1n, 0n, 0n, 0n] },
  { try: true },
);

/** Changing the uid takes what is effective. */
export function useAgain(reason: string, inheritable: bigint): Step {
  const operation = { op: 'capset', effective: ALL, permitted: ALL, inheritable } as const;
  return step('use the kept capabilities', reason, operation, { try: true });
}

/** `uid` is that of the command; undefined: not told. */
export function copyCapabilities(facts: Facts, uid: number | undefined): CapabilitySteps {
  const theirs = setsOf(facts.theirs.masks);
  const ours = setsOf(facts.ours.masks);
  if (theirs === undefined || ours === undefined) {
    const uncopied = [{ what: 'capabilities', why: 'this kernel does not tell them all (Linux 4.3)' }];
    return { before: [], after: [], last: [], uncopied };
  }
  const from = facts.joinsUser ? fresh : ours;
  const uncopied: Uncopied[] = [];
  const before: Step[] = [];
  const may = hasInside(facts, CAPABILITY.SETPCAP);
  const needs = (what: string): Uncopied => ({ what, why: 'that needs CAP_SETPCAP' });

  if (theirs.inheritable !== from.inheritable) {
    if (may) before.push(inheritableStep(theirs.inheritable));
    else uncopied.push(needs('inheritable capabilities'));
  }
  if ((from.bounding & ~theirs.bounding) !== 0n) {
    if (may) before.push(boundingStep(theirs.bounding));
    else uncopied.push(needs('bounding set of capabilities'));
  }
  const missing = facts.joinsUser ? 0n : theirs.bounding & ~from.bounding;
  if (missing !== 0n) uncopied.push({ what: `${named(missing)} of its bounding set`, why: 'we have not got it' });
  if (uid !== undefined)
    uncopied.push(...unlike(facts, theirs, { ...theirs, bounding: theirs.bounding & ~missing }, uid));
  const after = ambientSteps(from.ambient, theirs.ambient);
  const { effective, permitted, inheritable } = theirs;
  const last = [
    step(
      'set the capabilities',
      'those of the target: under no_new_privs exec adds none',
      { op: 'capset', effective, permitted, inheritable },
      {
        try: true,
        explanations: remarks('permitted capabilities', { EPERM: 'a security module must have refused it' }),
      },
    ),
  ];
  return { before, after, last: facts.theirs.masks.noNewPrivileges === true ? last : [], uncopied };
}

/** Of who has just entered a user namespace. */
const fresh: CapabilitySets = { inheritable: 0n, permitted: ALL, effective: ALL, bounding: ALL, ambient: 0n };

function inheritableStep(inheritable: bigint): Step {
  const label = `make inheritable: ${named(inheritable)}`;
  const more = { try: true, explanations: remarks('inheritable capabilities', { EPERM: 'that needs CAP_SETPCAP' }) };
  return step(label, 'those of the target', { op: 'capset', effective: ALL, permitted: ALL, inheritable }, more);
}

function boundingStep(mask: bigint): Step {
  const more = {
    try: true,
    explanations: remarks('bounding set of capabilities', { EPERM: 'that needs CAP_SETPCAP' }),
  };
  const reason = 'that of the target; before the ids, whose change may take the right to do so';
  return step(`limit the bounding set to ${named(mask)}`, reason, { op: 'bounding', mask }, more);
}

function ambientSteps(from: bigint, mask: bigint): readonly Step[] {
  const steps: Step[] = [];
  if ((from & ~mask) !== 0n) {
    const args = [BigInt(PR_CAP_AMBIENT_CLEAR_ALL), 0n, 0n, 0n] as const;
    steps.push(
      step('clear the ambient capabilities', 'ours', { op: 'prctl', option: PR_CAP_AMBIENT, args }, { try: true }),
    );
  }
  if (mask !== 0n) {
    const explanations = remarks('ambient capabilities', { EPERM: 'a securebit of ours forbids it' });
    const reason = 'those of the target; after the uid, whose change clears them';
    steps.push(step(`make ambient: ${named(mask)}`, reason, { op: 'ambient', mask }, { try: true, explanations }));
  }
  return steps;
}

/** What the command will be permitted, by the rules of exec, beside what the target is. */
function unlike(
  { theirs: { masks } }: Facts,
  theirs: CapabilitySets,
  from: CapabilitySets,
  uid: number,
): readonly Uncopied[] {
  const gained = uid === 0 ? from.inheritable | from.bounding : from.ambient;
  const permitted = masks.noNewPrivileges === true ? gained & theirs.permitted : gained;
  const more = permitted & ~theirs.permitted;
  const less = theirs.permitted & from.bounding & ~permitted;
  const uncopied: Uncopied[] = [];
  if (more !== 0n) {
    const rule = uid === 0 ? 'exec gives uid 0 all of the bounding set' : 'exec permits all that is ambient';
    const why = `the command has ${named(more)} more: ${rule}`;
    uncopied.push({ what: 'permitted capabilities', why });
  }
  if (less !== 0n) {
    const why = `the command lacks ${named(less)}: without uid 0 exec passes on only what is ambient`;
    uncopied.push({ what: 'permitted capabilities', why });
  }
  return uncopied;
}

/** So many are named. */
const FEW = 4;

function named(mask: bigint): string {
  const { names, unknown } = decodeMask(mask);
  const all = [...names, ...unknown.map(String)];
  if (all.length === 0) return 'no capabilities';
  return all.length <= FEW ? all.join(', ') : `${all.length} capabilities`;
}
