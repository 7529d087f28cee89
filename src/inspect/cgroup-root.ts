// The root of a cgroup namespace in each hierarchy, as a path that we see. Nothing tells it, but a process below it has
// two names: ours, and one that starts at the root. Source: cgroup_namespaces(7).

import { gap, value, type Reading } from '../kernel/host.ts';
import { parseCgroup, type CgroupMembership } from '../kernel/text/cgroup.ts';
import { readInside, type Inside } from '../namespaces/inside.ts';

export interface CgroupRoot {
  readonly hierarchy: number;
  readonly controllers: readonly string[];
  /** From the root of our own cgroup namespace. Absent (null): no process that was asked lies below it. */
  readonly path: string | null;
}

/** Of thousands of processes the others lie where the first do. */
const MAX_ASKED = 16;

/** `pids`: processes in the namespace, most of which lie below its root. */
export function readCgroupRoots(inside: Inside, pids: readonly number[]): Reading<readonly CgroupRoot[]> {
  const roots = new Map<number, CgroupRoot>();
  let refused: Reading<never> | undefined;
  for (const pid of inside.door === undefined ? ['self'] : pids.slice(0, MAX_ASKED)) {
    const found = rootsBy(inside, `/proc/${pid}/cgroup`);
    if (!found.ok) {
      refused ??= found;
      continue;
    }
    for (const root of found.value) {
      if ((roots.get(root.hierarchy)?.path ?? null) === null) roots.set(root.hierarchy, root);
    }
    if ([...roots.values()].every(({ path }) => path !== null)) break;
  }
  if (roots.size > 0) return value([...roots.values()]);
  return refused ?? gap({ reason: 'unsupported', what: 'root of a cgroup namespace: no process that we see is in it' });
}

function rootsBy(inside: Inside, path: string): Reading<readonly CgroupRoot[]> {
  const here = parsed(inside.host.readFile(path), path);
  if (!here.ok) return here;
  if (inside.door === undefined) {
    return value(here.value.map(({ hierarchy, controllers }) => ({ hierarchy, controllers, path: '/' })));
  }
  const there = parsed(readInside(inside, path), path);
  if (!there.ok) return there;
  const named = new Map(there.value.map((membership) => [membership.hierarchy, membership.path]));
  return value(
    here.value.map(({ hierarchy, controllers, path: ours }) => {
      return { hierarchy, controllers, path: rootOf(ours, named.get(hierarchy)) };
    }),
  );
}

function parsed(bytes: Reading<Uint8Array>, path: string): Reading<readonly CgroupMembership[]> {
  return bytes.ok ? parseCgroup(bytes.value, path) : bytes;
}

/** null: it lies beyond the root, or moved between the two looks. */
function rootOf(ours: string, theirs: string | undefined): string | null {
  if (theirs === undefined || theirs === '/..' || theirs.startsWith('/../')) return null;
  if (theirs === '/') return ours;
  if (!ours.endsWith(theirs)) return null;
  return ours.slice(0, -theirs.length) || '/';
}
