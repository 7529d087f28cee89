// All programs of /usr, asked for their capabilities; the names and inodes are in memory after the first round.

import { cpuOf, timeOf, type Report } from './report.ts';
import { bare, command, peer, type Runtime } from './rows.ts';
import type { Workshop } from './workshop.ts';

const FOLDER = '/usr';

export async function benchFiles(
  workshop: Workshop,
  report: Report,
  runtimes: readonly Runtime[],
  rounds: number,
): Promise<void> {
  const search = (runtime: Runtime) => command(runtime, 'caps', 'file', 'get', '-r', FOLDER);
  const theirs = peer('getcap', '-r', FOLDER);
  const rows = [...runtimes.flatMap((runtime) => [bare(runtime), search(runtime)]), theirs];
  const measured = await workshop.measure(rows, rounds);
  report.table(`files below ${FOLDER}`, rows, measured);
  for (const runtime of runtimes) {
    const row = search(runtime);
    const over = (of: typeof timeOf): number =>
      (of(measured, row) - of(measured, bare(runtime))) / of(measured, theirs);
    const name = `${row.name}, over bare node, of ${theirs.name}`;
    report.demand(
      { name, value: over(timeOf), limit: 1.2, unit: 'times' },
      { name: `${name}, processor`, value: over(cpuOf), limit: 1.2, unit: 'times' },
    );
  }
}
