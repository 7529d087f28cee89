// Who is in a cgroup, and to whom it was handed. Source: cgroups(7), "Cgroups v2 delegation".

import type { GapTally } from '../kernel/gap-tally.ts';
import { valueOf } from '../kernel/host.ts';
import { parseFlatKeyed } from '../kernel/text/flat-keyed.ts';
import { decodeText } from '../kernel/text/text.ts';
import type { Group } from './groups.ts';
import { readFrom } from './read.ts';

/** Without those of the cgroups below. */
export interface Members {
  /** null: closed to us, as of a threaded cgroup, whose processes are counted by the domain it is of. */
  readonly processes: number | null;
  readonly threads: number | null;
  /** domain, threaded, `domain threaded`, `domain invalid`. null: v1, or a root. */
  readonly type: string | null;
  /** Has it processes, or one below it? null: v1, or a root. */
  readonly populated: boolean | null;
  /** Since: Linux 5.2. null: not told. */
  readonly frozen: boolean | null;
  /** How many cgroups are below it. null: v1. */
  readonly descendants: bigint | null;
  /** Removed, but something still holds them: often page cache. null: v1. */
  readonly dying: bigint | null;
  /** How long it was frozen in all. Unit: microseconds. Since: Linux 6.18. null: v1, or not told. */
  readonly frozen_usec: bigint | null;
  /** The same by controller. Since: Linux 6.12. Empty: v1, or not told. */
  readonly by_controller: readonly SubsystemCount[];
}

/** How many cgroups a controller acts on, this one and those below, and how many of them are dying. */
export interface SubsystemCount {
  readonly controller: string;
  readonly cgroups: bigint | null;
  readonly dying: bigint | null;
}

export function readMembers(group: Group, gaps: GapTally): Members {
  const [own] = group.levels;
  const threadFile = group.version === 1 ? 'tasks' : 'cgroup.threads';
  const count = (name: string): number | null => {
    const bytes = group.files.read(`${own.folder}/${name}`);
    if (bytes.ok) return lines(bytes.value);
    // The kernel says so of a threaded cgroup, and that is its type below.
    if (bytes.gap.errno !== 'EOPNOTSUPP' && bytes.gap.reason !== 'gone') gaps.add('file of a cgroup', bytes.gap);
    return null;
  };
  const members = { processes: count('cgroup.procs'), threads: count(threadFile) };
  if (group.version === 1) {
    const untold = { type: null, populated: null, frozen: null, descendants: null, dying: null, frozen_usec: null };
    return { ...members, ...untold, by_controller: [] };
  }
  const type = valueOf(group.files.read(`${own.folder}/cgroup.type`));
  const events = readFrom(group, own, 'cgroup.events', parseFlatKeyed, gaps);
  const stat = readFrom(group, own, 'cgroup.stat', parseFlatKeyed, gaps);
  return {
    ...members,
    type: type === undefined ? null : decodeText(type).trim(),
    populated: flagOf(events?.get('populated')),
    frozen: flagOf(events?.get('frozen')),
    descendants: stat?.get('nr_descendants') ?? null,
    dying: stat?.get('nr_dying_descendants') ?? null,
    frozen_usec: readFrom(group, own, 'cgroup.stat.local', parseFlatKeyed, gaps)?.get('frozen_usec') ?? null,
    by_controller: subsystems(stat ?? new Map<string, bigint>()),
  };
}

function subsystems(stat: ReadonlyMap<string, bigint>): readonly SubsystemCount[] {
  const counted = [...stat.keys()].flatMap((key) => /^nr_(?:dying_)?subsys_(.+)$/.exec(key)?.[1] ?? []);
  return [...new Set(counted)].map((controller) => ({
    controller,
    cgroups: stat.get(`nr_subsys_${controller}`) ?? null,
    dying: stat.get(`nr_dying_subsys_${controller}`) ?? null,
  }));
}

/** Of thousands of processes at once. */
function lines(bytes: Uint8Array): number {
  let count = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) count += 1;
  return count;
}

function flagOf(number: bigint | undefined): boolean | null {
  return number === undefined ? null : number !== 0n;
}

/** Whose the files are, as uids here. */
export interface Ownership {
  /** Of the directory: who may make cgroups below it. */
  readonly folder: number | null;
  /** Of cgroup.procs: who may move processes there. */
  readonly procs: number | null;
  /** Of cgroup.subtree_control: who may hand controllers on. null: v1. */
  readonly subtree_control: number | null;
  /** The uid it was handed to: all of that is his, and he is not root. null: nobody, or not told. */
  readonly delegated_to: number | null;
}

export function readOwnership({ files, levels: [own], version }: Group): Ownership {
  const uid = (path: string): number | null => valueOf(files.status(path))?.uid ?? null;
  const folder = uid(own.folder);
  const procs = uid(`${own.folder}/cgroup.procs`);
  const subtree = version === 1 ? null : uid(`${own.folder}/cgroup.subtree_control`);
  const isHis = folder !== null && folder !== 0 && procs === folder && (version === 1 || subtree === folder);
  return { folder, procs, subtree_control: subtree, delegated_to: isHis ? folder : null };
}
