// What takes a journal's entry back: the old values of files of cgroups, where these still say what we wrote.

import type { CgroupWrite } from '../kernel/cgroup-plan.ts';
import { valueOf, type Host } from '../kernel/host.ts';
import type { CgroupUndo } from '../kernel/journal.ts';
import { restoringText } from './limit-files.ts';

export type UndoneFile = Extract<CgroupUndo, { op: 'cgroup file' }>;

export interface UndoStep {
  readonly undo: UndoneFile;
  /**
   * back: our value is there, and the old one is to be written. already: the old one is there. changed: another is, which
   * we did not write. held: the value there is that of a later set, whose undo comes first. gone: the cgroup is no more.
   * unknown: it cannot be read.
   */
  readonly state: 'back' | 'already' | 'changed' | 'held' | 'gone' | 'unknown';
  /** What the file says; null: that is not told. */
  readonly current: string | null;
  /** Of the later set. null: none holds it. */
  readonly heldBy: string | null;
}

/** Those of a set that stands. */
export interface LaterSet {
  readonly id: string;
  readonly undo: readonly UndoneFile[];
}

/** In the order in which they are to be done: backwards. `later`: what was set after it, in that order. */
export function undoSteps(
  host: Host,
  undo: readonly UndoneFile[],
  later: readonly LaterSet[] = [],
): readonly UndoStep[] {
  return stepsAlone(host, undo).map((step, _, steps) => {
    // Of a file that was written more than once, what it says now is with the first of its steps.
    const current = steps.find((other) => keyOf(other.undo) === keyOf(step.undo))?.current ?? null;
    const holder = current === null ? undefined : later.findLast((set) => holds(set, step.undo, current));
    return holder === undefined ? step : { ...step, state: 'held', current, heldBy: holder.id };
  });
}

function holds({ undo }: LaterSet, { place, file, text }: UndoneFile, current: string): boolean {
  const own = undo.findLast(
    (each) =>
      each.file === file &&
      each.place.mount === place.mount &&
      each.place.inode === place.inode &&
      deviceIn(each.text) === deviceIn(text),
  );
  return own !== undefined && comesFrom(own, current);
}

function stepsAlone(host: Host, undo: readonly UndoneFile[]): readonly UndoStep[] {
  // Of a file that was written more than once: what it will say by then.
  const said = new Map<string, string>();
  return [...undo.entries()].toReversed().map(([index, each]) => {
    const key = keyOf(each);
    const step = stepOf(host, each, said.get(key));
    if (step.current === null) return step;
    said.set(key, step.state === 'back' ? each.previous : step.current);
    // It had not come to this one when it was stopped.
    const before = undo.slice(0, index).filter((other) => keyOf(other) === key);
    return step.state === 'changed' && before.some((other) => isPartOf(other, step.current ?? ''))
      ? { ...step, state: 'already' }
      : step;
  });
}

/** `why`: for people. */
export function undoWrite({ undo, current }: UndoStep, limit: number, why: string): CgroupWrite {
  const { place, file, previous } = undo;
  return { place, file, text: previous, previous: current ?? previous, reason: why, limit };
}

function keyOf(undo: UndoneFile): string {
  return `${folderOf(undo)}/${undo.file}`;
}

function isPartOf(undo: UndoneFile, current: string): boolean {
  return current === undo.previous || comesFrom(undo, current);
}

export function folderOf({ place: { mount, below } }: Pick<CgroupUndo, 'place'>): string {
  return below === '' ? mount : `${mount === '/' ? '' : mount}/${below}`;
}

/** Where its hierarchy is not mounted (any more, or in our mount namespace) nothing is known of it. */
export function isMounted(host: Host, { place }: Pick<CgroupUndo, 'place'>): boolean {
  return host.stat(`${place.mount}/cgroup.procs`).ok;
}

function stepOf(host: Host, undo: UndoneFile, said: string | undefined): UndoStep {
  if (!isMounted(host, undo)) return { undo, state: 'unknown', current: null, heldBy: null };
  const folder = folderOf(undo);
  const inode = valueOf(host.stat(folder))?.ino;
  if (inode === undefined || (undo.place.inode !== null && inode !== undo.place.inode))
    return { undo, state: 'gone', current: null, heldBy: null };
  const current = said ?? valueOf(textOf(host, folder, undo));
  if (current === undefined) return { undo, state: 'unknown', current: null, heldBy: null };
  if (current === undo.previous) return { undo, state: 'already', current, heldBy: null };
  return { undo, state: comesFrom(undo, current) ? 'back' : 'changed', current, heldBy: null };
}

/** Of a file with a line for each device. null: of another. */
function deviceIn(text: string): string | null {
  return /^(\d+:\d+) /.exec(text)?.[1] ?? null;
}

function textOf(host: Host, folder: string, { file, text }: UndoneFile): ReturnType<typeof restoringText> {
  const device = deviceIn(text);
  const read = (name: string): ReturnType<Host['readFile']> => host.readFile(`${folder}/${name}`);
  return restoringText({ read }, file, device);
}

/** The largest page of a machine: limits on memory are cut to whole ones. */
const LARGEST_PAGE = 65_536n;

/** Is it what the kernel makes of the text that we wrote? */
export function comesFrom({ file, text }: Pick<UndoneFile, 'file' | 'text'>, current: string): boolean {
  if (current === text) return true;
  if (file === 'io.max') {
    const words = new Set(current.split(' '));
    return text.split(' ').every((word) => words.has(word));
  }
  if (!file.startsWith('memory.') || !/^\d+$/.test(text) || !/^\d+$/.test(current)) return false;
  const cut = BigInt(text) - BigInt(current);
  return cut >= 0n && cut < LARGEST_PAGE;
}
