// Makes the cgroups of a command and sets their limits. The journal has them before the first is made.

import type { CgroupMaking, CgroupsMade, Enabling } from '../../kernel/cgroup-making.ts';
import type { CgroupPlace } from '../../kernel/cgroup-plan.ts';
import type { Gap } from '../../kernel/host.ts';
import type { CgroupUndo } from '../../kernel/journal.ts';
import { changeCgroups, makeCgroup, namesBelow, removeCgroup, writeFile } from './change-cgroups.ts';
import type { Journal } from './journal.ts';
import { gapOfThrown } from './nsfs.ts';

/** A limit that cannot be had is an outcome; all else is the end of it. Errors: DENIED, of the journal. */
export function makeCgroups(making: CgroupMaking, journal: Journal): CgroupsMade {
  const undo = undoOf(making);
  const entry = journal.add(making.what, undo, making.id);
  const takeBack = (): void => {
    if (removed(making)) journal.remove(entry);
  };
  const inodes = new Map<CgroupPlace, bigint>();
  const failure = carryOut(making, inodes);
  if (failure !== undefined) {
    takeBack();
    return { ok: false, ...failure };
  }
  // From here on what has their names, and is another, is not meant.
  journal.update({ ...entry, undo: undo.map((each) => known(each, inodes)) });
  const outcomes = changeCgroups(making.writes, { bestEffort: true });
  return { ok: true, outcomes, journal: journal.folder, entry, takeBack };
}

/** In the order in which it is done, but for the controllers: they are wanted until all others are gone. */
function undoOf({ make, leaveTo, enable }: CgroupMaking): readonly CgroupUndo[] {
  const groups = make.map((place): CgroupUndo =>
    place === leaveTo ? { op: 'cgroup', place } : { op: 'cgroup', place, kill: true },
  );
  const controllers = enable
    .filter(({ restore }) => restore)
    .map(({ place, controllers }): CgroupUndo => ({ op: 'cgroup controllers', place, controllers }));
  // Who went into the first can come back only when nothing is handed on any more.
  return leaveTo === null ? [...controllers, ...groups] : [...groups.slice(0, 1), ...controllers, ...groups.slice(1)];
}

interface Failure {
  readonly at: string;
  readonly gap: Gap;
}

/** undefined: nothing failed. */
function carryOut(
  { make, leaveTo, enable, inherit }: CgroupMaking,
  inodes: Map<CgroupPlace, bigint>,
): Failure | undefined {
  for (const place of make) {
    const gap = made(place, inodes);
    if (gap !== undefined) return { at: `cannot make the cgroup ${folderOf(place)}`, gap };
  }
  if (leaveTo !== null) {
    const left = writeFile({ place: leaveTo, file: 'cgroup.procs' }, '0');
    if (left.type === 'failed') return { at: `cannot go to the cgroup ${folderOf(leaveTo)}`, gap: left.gap };
  }
  for (const each of enable) {
    const enabled = handOn(each, '+');
    if (enabled.type === 'failed')
      return { at: `${folderOf(each.place)} cannot hand on ${each.controllers.join(' ')}`, gap: enabled.gap };
  }
  for (const each of inherit) {
    const written = writeFile(each, each.text);
    if (written.type === 'failed') return { at: `${folderOf(each.place)} cannot get ${each.file}`, gap: written.gap };
  }
  return undefined;
}

function known(undo: CgroupUndo, inodes: ReadonlyMap<CgroupPlace, bigint>): CgroupUndo {
  const inode = inodes.get(undo.place);
  return undo.op !== 'cgroup' || inode === undefined ? undo : { ...undo, place: { ...undo.place, inode } };
}

function made(place: CgroupPlace, inodes: Map<CgroupPlace, bigint>): Gap | undefined {
  try {
    inodes.set(place, makeCgroup(place));
    return undefined;
  } catch (error) {
    const thrown = gapOfThrown(folderOf(place), error);
    if (thrown.ok) throw error;
    return thrown.gap;
  }
}

/** What was handed on for us alone is so no longer, if no other cgroup is below it. `ours`: of which those are no others. */
export function takeControllersBack(
  enabling: Pick<Enabling, 'place' | 'controllers'>,
  ours: readonly CgroupPlace[],
): void {
  if (!isOver(enabling.place, ours)) return;
  handOn(enabling, '-');
}

function handOn(
  { place, controllers }: Pick<Enabling, 'place' | 'controllers'>,
  sign: '+' | '-',
): ReturnType<typeof writeFile> {
  const text = controllers.map((each) => `${sign}${each}`).join(' ');
  return writeFile({ place, file: 'cgroup.subtree_control' }, text);
}

/** False: something of it is left. Nobody but us was in it. */
function removed({ make, leaveTo, leaveFrom, enable }: CgroupMaking): boolean {
  const ours = make.filter((place) => place !== leaveTo).toReversed();
  const gone = ours.map(isRemoved);
  for (const each of enable) if (each.restore) takeControllersBack(each, make);
  if (leaveTo === null || leaveFrom === null) return gone.every(Boolean);
  writeFile({ place: leaveFrom, file: 'cgroup.procs' }, '0');
  return [...gone, isRemoved(leaveTo)].every(Boolean);
}

/** Is nothing below it any more, but what is ours? */
function isOver(place: CgroupPlace, ours: readonly CgroupPlace[]): boolean {
  try {
    const names = new Set(ours.filter(({ mount }) => mount === place.mount).map(({ below }) => below));
    return namesBelow(place).every((name) => names.has(place.below === '' ? name : `${place.below}/${name}`));
  } catch {
    return false;
  }
}

function isRemoved(place: CgroupPlace): boolean {
  const outcome = removeCgroup(place);
  return outcome === 'removed' || outcome === 'gone';
}

function folderOf({ mount, below }: CgroupPlace): string {
  return `${mount === '/' ? '' : mount}/${below}`;
}
