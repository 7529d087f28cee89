// Is a cgroup stopped, and by which one? Source: Documentation/admin-guide/cgroup-v2.rst, "cgroup.freeze",
// cgroup-v1/freezer-subsystem.rst.

import { GapTally } from '../kernel/gap-tally.ts';
import { value, type Reading } from '../kernel/host.ts';
import { parseAmount } from '../kernel/text/cgroup-bound.ts';
import { parseFlatKeyed } from '../kernel/text/flat-keyed.ts';
import { decodeText } from '../kernel/text/text.ts';
import { controlledBy, type Controlled, type Group, type Groups, type Level } from './groups.ts';
import { readFrom } from './read.ts';

export interface Freeze {
  /** freezing: it was asked to, and not all in it have stopped. null: closed to us. */
  readonly state: 'frozen' | 'freezing' | 'thawed' | null;
  /** The nearest cgroup that asks for it. null: none does, or unknown. */
  readonly by: string | null;
}

/** By v1's freezer, or by v2's own file (since Linux 5.2), whichever stops it. undefined: neither is there. */
export function readFreeze(groups: Groups, gaps: GapTally): Freeze | undefined {
  const freezer = controlledBy(groups, 'freezer');
  const first = freezer?.group.version === 1 ? byFreezer(freezer, gaps) : undefined;
  if (first !== undefined && first.state !== 'thawed') return first;
  const unified = groups.reached.find(({ version }) => version === 2);
  const second = unified === undefined ? undefined : byFile(unified, gaps);
  return second ?? first;
}

/** Would a process that comes into this cgroup stop? One that cannot be read is taken for no. */
export function isFrozen(group: Group): boolean {
  const state = readFreeze({ reached: [group], unreached: [] }, new GapTally())?.state;
  return state === 'frozen' || state === 'freezing';
}

function byFreezer({ group, levels }: Controlled, gaps: GapTally): Freeze {
  const [own] = levels;
  const word = own === undefined ? undefined : readFrom(group, own, 'freezer.state', parseWord, gaps);
  // The root has no such file, and cannot be stopped.
  if (word === undefined) return { state: 'thawed', by: null };
  const state = word === 'FROZEN' ? 'frozen' : word === 'FREEZING' ? 'freezing' : word === null ? null : 'thawed';
  const asks = (level: Level): boolean => readFrom(group, level, 'freezer.self_freezing', parseAmount, gaps) === 1n;
  return { state, by: state === 'thawed' ? null : nearest(levels, asks) };
}

/** undefined: this kernel has no such file, nor has the root: what is in it cannot be stopped. */
function byFile(group: Group, gaps: GapTally): Freeze | undefined {
  const { levels } = group;
  const [own] = levels;
  const events = readFrom(group, own, 'cgroup.events', parseFlatKeyed, gaps);
  if (events === undefined) return { state: 'thawed', by: null };
  if (events === null) return { state: null, by: null };
  const frozen = events.get('frozen');
  if (frozen === undefined) return undefined;
  const by = nearest(levels, (level) => readFrom(group, level, 'cgroup.freeze', parseAmount, gaps) === 1n);
  if (frozen === 1n) return { state: 'frozen', by };
  return { state: by === null ? 'thawed' : 'freezing', by };
}

function nearest(levels: readonly Level[], asks: (level: Level) => boolean): string | null {
  return levels.find((level) => asks(level))?.path ?? null;
}

function parseWord(bytes: Uint8Array): Reading<string> {
  return value(decodeText(bytes).trim());
}
