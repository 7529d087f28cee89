// What it takes to look on: how much of a processor `cgroup top` and its peer have while they run.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Report } from './report.ts';
import { command, peer, type Runtime } from './rows.ts';
import type { Row, Workshop } from './workshop.ts';

/** Until what is only done at first is over. Milliseconds. */
const WARM_UP = 8000;

/** Ten looks, and one for which all cgroups are found anew. Milliseconds. */
const MEASURED = 20_000;

/** Budget: 5 % of a processor at 1,000 cgroups and the default delay of 2 seconds. */
export async function benchTop(
  workshop: Workshop,
  report: Report,
  runtimes: readonly Runtime[],
  where: string,
): Promise<void> {
  const theirs = await percentOf(
    peer('systemd-cgtop', '--batch', '--iterations=0', '--delay=2', '--depth=3'),
    workshop,
  );
  report.remark(`${where}: systemd-cgtop -b takes ${theirs.toFixed(2)} % of a processor`);
  for (const runtime of runtimes) {
    const row = command(runtime, 'cgroup', 'top', '--ndjson');
    // eslint-disable-next-line no-await-in-loop -- one beside the other would measure both
    const value = await percentOf(row, workshop);
    report.demand({ name: `${row.name}, of a processor, ${where}`, value, limit: 5, unit: '%' });
  }
}

async function percentOf({ command: [file, ...words] }: Row, workshop: Workshop): Promise<number> {
  const child = spawn(file, words, { stdio: 'ignore' });
  try {
    await sleep(WARM_UP, undefined, { signal: workshop.stop });
    const [before, began] = [ticksOf(child.pid), performance.now()];
    await sleep(MEASURED, undefined, { signal: workshop.stop });
    const seconds = (performance.now() - began) / 1000;
    // A tick is a hundredth of a second.
    return (ticksOf(child.pid) - before) / seconds;
  } finally {
    child.kill('SIGKILL');
  }
}

/** In the kernel and outside of it. Source: proc_pid_stat(5). */
function ticksOf(pid: number | undefined): number {
  const fields =
    readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8')
      .split(') ')[1]
      ?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}
