// Cgroups of a test's own, one in each hierarchy, below which `nstool cgroup run` makes its own: what it leaves is seen.

import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { cgroupMounts, inheritCpuset } from './test-cgroups.ts';

const USED = ['cpu', 'cpuacct', 'cpuset', 'memory', 'pids', 'blkio', 'freezer'];

export interface CgroupParents {
  /** For --parent. */
  readonly path: string;
  /** Its directories. */
  readonly folders: readonly string[];
  /** Of the hierarchy that has the controller, in the words of v1. */
  readonly folderOf: (controller: string) => string;
  readonly isV2: (controller: string) => boolean;
  /** What there is below it. */
  readonly left: () => readonly string[];
  readonly end: () => void;
}

export function makeParents(name: string): CgroupParents {
  const mounts = cgroupMounts();
  const path = `/nstool-test-${name}-${process.pid}`;
  const v1 = [...new Set(USED.flatMap((each) => mounts.get(each) ?? []))].map((mount) => `${mount}${path}`);
  const unified = mounts.get('cgroup2');
  const folders = [...v1, ...(unified === undefined ? [] : [`${unified}${path}`])];
  const restore = unified === undefined ? '' : handOn(unified);
  for (const folder of folders) mkdirSync(folder);
  const cpuset = mounts.get('cpuset');
  if (cpuset !== undefined) inheritCpuset(`${cpuset}${path}`);
  return {
    path,
    folders,
    folderOf: (controller) => `${mounts.get(controller) ?? unified ?? ''}${path}`,
    isV2: (controller) => !mounts.has(controller),
    left: () => folders.flatMap((folder) => below(folder).map((each) => `${folder}/${each}`)),
    end: () => {
      for (const folder of folders) rmdirSync(folder);
      if (restore !== '') writeFileSync(`${unified}/cgroup.subtree_control`, restore);
    },
  };
}

/** All that the root of v2 has is handed on; what takes that back. */
function handOn(unified: string): string {
  const words = (file: string): string[] =>
    readFileSync(`${unified}/${file}`, 'utf8').trim().split(' ').filter(Boolean);
  const handed = words('cgroup.subtree_control');
  const missing = words('cgroup.controllers').filter((each) => !handed.includes(each));
  const wanted = missing.filter((each) => ['cpu', 'cpuset', 'memory', 'pids', 'io'].includes(each));
  if (wanted.length > 0) writeFileSync(`${unified}/cgroup.subtree_control`, wanted.map((each) => `+${each}`).join(' '));
  return wanted.map((each) => `-${each}`).join(' ');
}

function below(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.filter((each) => each.isDirectory()).map(({ name }) => name);
}
