// How a cgroup shares processors with its siblings when all want them. Source: Documentation/admin-guide/cgroup-v2.rst,
// "cpu.weight", kernel/sched/core.c.

import type { GapTally } from '../kernel/gap-tally.ts';
import { valueOf } from '../kernel/host.ts';
import { parseAmount } from '../kernel/text/cgroup-bound.ts';
import { MAX_LISTED } from './files.ts';
import { controlledBy, type Group, type Groups, type Level } from './groups.ts';
import { readFrom } from './read.ts';

export interface CpuWeight {
  readonly path: string;
  readonly version: 1 | 2;
  readonly file: string;
  /** Shares on v1, weight on v2. null: closed to us. */
  readonly set: number | null;
  /** It runs only when nobody else wants to. Since: Linux 5.15. null: not told. */
  readonly idle: boolean | null;
  /** Cgroups beside it, itself included, whether they have processes or not. null: unknown. */
  readonly siblings: number | null;
  /** Its part of what they all weigh, 0 to 1: what it gets of its parent's time if all of them want it. null: unknown. */
  readonly share: number | null;
}

/** undefined: it is in the root, or the controller acts on nothing. */
export function readCpuWeight(groups: Groups, gaps: GapTally): CpuWeight | undefined {
  const alone = readOwnWeight(groups, gaps);
  const [, parent] = controlledBy(groups, 'cpu')?.levels ?? [];
  if (alone === undefined) return undefined;
  const { group, own, file, set, idle } = alone;
  const weights = parent === undefined ? null : siblingWeights(group, parent, file, gaps);
  const mine = set === null ? null : realWeight(group.version, Number(set), idle === 1n);
  const all = weights?.reduce((sum, weight) => sum + weight, 0) ?? 0;
  return {
    path: own.path,
    version: group.version,
    file,
    set: set === null ? null : Number(set),
    idle: idle == null ? null : idle === 1n,
    siblings: weights?.length ?? null,
    share: mine === null || weights === null || all === 0 ? null : mine / all,
  };
}

/** What was set on it, without its siblings. */
export interface OwnWeight extends Pick<CpuWeight, 'file'> {
  readonly group: Group;
  readonly own: Level;
  /** null: closed to us. */
  readonly set: bigint | null;
  readonly idle: bigint | null | undefined;
}

/** As readCpuWeight, for who has no need of its share. */
export function readOwnWeight(groups: Groups, gaps: GapTally): OwnWeight | undefined {
  const controlled = controlledBy(groups, 'cpu');
  const [own, parent] = controlled?.levels ?? [];
  if (controlled === undefined || own === undefined) return undefined;
  const { group } = controlled;
  const file = group.version === 1 ? 'cpu.shares' : 'cpu.weight';
  const set = readFrom(group, own, file, parseAmount, gaps);
  const isRoot = parent === undefined && group.isWhole;
  if (set === undefined || isRoot) return undefined;
  return { group, own, file, set, idle: readFrom(group, own, 'cpu.idle', parseAmount, gaps) };
}

/** An idle one weighs 3, where 1024 is the default of v1, whatever its file says (WEIGHT_IDLEPRIO). */
function realWeight(version: 1 | 2, set: number, isIdle: boolean): number {
  if (!isIdle) return set;
  return version === 1 ? 3 : (3 * 100) / 1024;
}

/** null: one of them is unknown, or there are too many. */
function siblingWeights(group: Group, parent: Level, file: string, gaps: GapTally): readonly number[] | null {
  const names = group.files.list(parent.folder);
  if (!names.ok) {
    gaps.add('sibling of a cgroup', names.gap);
    return null;
  }
  const folders = names.value.filter((name) => isFolder(group, `${parent.folder}/${name}`));
  if (folders.length >= MAX_LISTED) {
    gaps.add('sibling of a cgroup', { reason: 'unsupported', what: `more than ${MAX_LISTED} in ${parent.folder}` });
    return null;
  }
  const weights: number[] = [];
  for (const name of folders) {
    const level = { path: `${parent.path}/${name}`, folder: `${parent.folder}/${name}` };
    const weight = readFrom(group, level, file, parseAmount, gaps);
    // It was removed meanwhile.
    if (weight === undefined) continue;
    if (weight === null) return null;
    const idle = valueOf(group.files.read(`${level.folder}/cpu.idle`));
    weights.push(realWeight(group.version, Number(weight), idle?.[0] === 0x31));
  }
  return weights;
}

function isFolder({ files }: Group, path: string): boolean {
  return ((valueOf(files.status(path))?.mode ?? 0) & S_IFMT) === S_IFDIR;
}

/** Source: inode(7). */
const S_IFMT = 0o170_000;
const S_IFDIR = 0o040_000;
