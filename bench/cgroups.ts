// Two thousand cgroups, as on a host that is full of containers: listed, and drawn as a tree.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeCgroup } from './engine.ts';
import { pidOfRemains, remainsName } from './remains.ts';
import { timeOf, type Report } from './report.ts';
import { bare, command, peer, type Runtime } from './rows.ts';
import { benchTop } from './top.ts';
import type { Workshop } from './workshop.ts';

const COUNT = 2000;

/** Of them while `cgroup top` looks. */
const FOLLOWED = 1000;

/** Where an engine makes a cgroup for each container. */
const CONTROLLERS = ['memory', 'cpu', 'cpuacct', 'pids', 'name=systemd'];

/** Cgroups are made in each of them: of v1 in five hierarchies, else in that of v2 with what it has of these controllers. */
function hierarchies(): { readonly version: 1 | 2; readonly folders: readonly string[] } {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const v1 = mounts.flatMap((line) => {
    const [, folder, options] = /^(?:\S+ ){4}(\S+) .* - cgroup \S+ (\S+)$/.exec(line) ?? [];
    const isWanted = options?.split(',').some((option) => CONTROLLERS.includes(option)) === true;
    return folder !== undefined && isWanted ? [folder] : [];
  });
  if (v1.length > 0) return { version: 1, folders: v1 };
  const v2 = mounts
    .map((line) => /^(?:\S+ ){4}(\S+) .* - cgroup2 /.exec(line)?.[1])
    .filter((each) => each !== undefined);
  return { version: 2, folders: v2.slice(0, 1) };
}

function handOn(folder: string): void {
  const offered = readFileSync(join(folder, 'cgroup.controllers'), 'utf8').trim().split(' ');
  const wanted = offered.filter((name) => ['cpu', 'memory', 'pids', 'io'].includes(name));
  writeFileSync(join(folder, 'cgroup.subtree_control'), wanted.map((name) => `+${name}`).join(' '));
}

/** Removes what a bench that was killed has left. */
function begin(folder: string, version: 1 | 2): void {
  for (const name of readdirSync(folder)) {
    const pid = pidOfRemains(name);
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeCgroup(join(folder, name));
  }
  const top = join(folder, remainsName());
  mkdirSync(top);
  if (version === 2) handOn(top);
}

function make(folders: readonly string[], from: number, to: number): void {
  for (const folder of folders) {
    for (let index = from; index < to; index += 1) mkdirSync(join(folder, remainsName(), `g${index}`));
  }
}

export async function benchCgroups(
  workshop: Workshop,
  report: Report,
  runtimes: readonly Runtime[],
  rounds: number,
): Promise<void> {
  const { version, folders } = hierarchies();
  try {
    for (const folder of folders) begin(folder, version);
    make(folders, 0, FOLLOWED);
    await benchTop(workshop, report, runtimes, `${FOLLOWED} cgroups of v${version}`);
    make(folders, FOLLOWED, COUNT);
    const theirs = peer('systemd-cgtop', '--batch', '--iterations=1', '--depth=3');
    const rows = [
      ...runtimes.flatMap((runtime) => [
        bare(runtime),
        command(runtime, 'cgroup', 'ls'),
        command(runtime, 'cgroup', 'tree'),
        command(runtime, 'cgroup', 'ls', '--empty'),
      ]),
      theirs,
    ];
    const measured = await workshop.measure(rows, rounds);
    report.table(`${COUNT} cgroups of v${version}, each in ${folders.length} hierarchies`, rows, measured);
    for (const runtime of runtimes) {
      const row = command(runtime, 'cgroup', 'ls');
      const value = timeOf(measured, row) - timeOf(measured, bare(runtime));
      report.demand({ name: `${row.name}, over bare node`, value, limit: version === 1 ? 350 : 150, unit: 'ms' });
    }
  } finally {
    for (const top of folders.map((folder) => join(folder, remainsName()))) if (existsSync(top)) removeCgroup(top);
  }
}
