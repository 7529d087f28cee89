// The ids and groups of the target, as they are called in the user namespace that the command will be in.
// Source: user_namespaces(7), setresuid(2), setgroups(2).

import type { Step } from '../../kernel/program.ts';
import { insideOf } from '../../kernel/text/id-map.ts';
import type { EnterQuery } from '../enter-query.ts';
import { become, type IdMaps } from '../ids.ts';
import { CAPABILITY } from '../../kernel/abi/capability.ts';
import { GROUPS_MARK, step } from '../step.ts';
import { hasInside, hasOutside, type Facts } from './facts.ts';
import { remarks, type Uncopied } from './part.ts';

export interface IdSteps {
  /** While we are outside. */
  readonly outside: readonly Step[];
  readonly inside: readonly Step[];
  /** The uid that the command will have, as it is called there. undefined: not told. */
  readonly uid: number | undefined;
  readonly uncopied: readonly Uncopied[];
}

/**
 * `maps` of the user namespace that is entered; undefined: none is. `asked`: the steps for a gid that was asked for,
 * which goes without supplementary groups.
 */
export function copyIds(
  facts: Facts,
  uid: EnterQuery['uid'],
  maps: IdMaps | undefined,
  asked: Pick<IdSteps, 'outside' | 'inside'> | undefined,
): IdSteps {
  const users = copyId(facts, 'uid', maps);
  const user = uid === undefined ? users : { ...users, steps: [become('uid', uid, 'asked for')], uncopied: [] };
  const id = typeof uid === 'number' ? uid : user.id;
  if (asked !== undefined)
    return { ...asked, inside: [...asked.inside, ...user.steps], uid: id, uncopied: user.uncopied };
  const groups = copyGroups(facts, maps);
  const group = copyId(facts, 'gid', maps);
  return {
    outside: groups.outside,
    inside: [...groups.inside, ...group.steps, ...user.steps],
    uid: id,
    uncopied: [...groups.uncopied, ...group.uncopied, ...user.uncopied],
  };
}

const EFFECTIVE = 1;

function copyId(
  { theirs, ours }: Facts,
  what: 'uid' | 'gid',
  maps: IdMaps | undefined,
): { readonly steps: readonly Step[]; readonly id: number | undefined; readonly uncopied: readonly Uncopied[] } {
  const ids = theirs.status[`${what}s`];
  const own = ours.status[`${what}s`];
  const outside = ids[EFFECTIVE] ?? 0;
  const inside = maps === undefined ? outside : insideOf(maps[`${what}s`] ?? [], outside);
  const real = ids[0] ?? 0;
  const differs: readonly Uncopied[] =
    real === outside ? [] : [{ what: `real ${what} ${real}`, why: `the command gets the effective ${what} as both` }];
  // Ours as well, it means the same there, whether or not it has a name.
  if (own.every((id) => id === outside)) return { steps: [], id: inside, uncopied: differs };
  if (inside === undefined) {
    const why = `${what} ${outside} is not mapped in its user namespace, so that nobody can become it there`;
    return { steps: [], id: undefined, uncopied: [{ what, why }] };
  }
  return { steps: [become(what, inside, `the effective ${what} of the target`)], id: inside, uncopied: differs };
}

type Groups = Pick<IdSteps, 'outside' | 'inside' | 'uncopied'>;

const noSteps: Groups = { outside: [], inside: [], uncopied: [] };

/** From outside a list is allowed that the user namespace forbids, or has no names for. */
function copyGroups(facts: Facts, maps: IdMaps | undefined): Groups {
  const what = 'supplementary groups';
  const gids = facts.theirs.status.groups;
  if (sameSet(gids, facts.ours.status.groups)) return noSteps;
  const label = `set the supplementary groups ${listed(gids)}`;
  const reason = 'those of the target';
  const denied = remarks(what, {
    EPERM: 'that needs CAP_SETGID, and setgroups not denied there',
    EINVAL: 'one of them is not mapped in the user namespace',
  });
  if (maps === undefined) {
    if (!hasInside(facts, CAPABILITY.SETGID)) return { ...noSteps, uncopied: [{ what, why: 'that needs CAP_SETGID' }] };
    return {
      ...noSteps,
      inside: [step(label, reason, { op: 'setgroups', gids }, { try: true, explanations: denied })],
    };
  }
  const outside = hasOutside(facts, CAPABILITY.SETGID)
    ? [
        step(
          label,
          `${reason}, as they are called outside`,
          { op: 'setgroups', gids },
          { try: true, mark: GROUPS_MARK },
        ),
      ]
    : [];
  const inside = gids.map((gid) => insideOf(maps.gids ?? [], gid));
  const mapped = inside.filter((gid) => gid !== undefined);
  const why =
    maps.setgroups === 'deny' ? 'setgroups is denied there' : 'some are not mapped in the user namespace of the target';
  const isBarred = maps.setgroups === 'deny' || mapped.length < inside.length;
  if (isBarred) return outside.length > 0 ? { ...noSteps, outside } : { ...noSteps, uncopied: [{ what, why }] };
  const more = { try: true, mark: GROUPS_MARK, once: true, explanations: denied };
  return {
    outside,
    inside: [step(label, `${reason}; skipped where done already`, { op: 'setgroups', gids: mapped }, more)],
    uncopied: [],
  };
}

/** So many are named. */
const FEW = 8;

function listed(gids: readonly number[]): string {
  if (gids.length === 0) return '(none)';
  return gids.length <= FEW ? gids.join(' ') : `${gids.slice(0, FEW).join(' ')} and ${gids.length - FEW} more`;
}

function sameSet(some: readonly number[], others: readonly number[]): boolean {
  const [left, right] = [new Set(some), new Set(others)];
  return left.size === right.size && [...left].every((each) => right.has(each));
}
