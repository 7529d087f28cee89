// A hundred network namespaces with names and no process: a command in each of them.

import { timeOf, type Report } from './report.ts';
import { bare, command, peer, type Runtime } from './rows.ts';
import type { Row, Workshop } from './workshop.ts';

const COUNT = 100;

export async function benchNamed(
  workshop: Workshop,
  report: Report,
  runtimes: readonly Runtime[],
  rounds: number,
): Promise<void> {
  const pid = await workshop.named(COUNT);
  // Their names are in a mount namespace of their own, where nobody else's are.
  const within = (row: Row): Row => ({ ...row, command: ['nsenter', `--mount=/proc/${pid}/ns/mnt`, ...row.command] });
  const each = (runtime: Runtime): Row =>
    within(command(runtime, 'each', '-t', 'net', '-Q', 'NAME =~ "^netns:bench"', 'true'));
  const theirs = within(peer('ip', '-all', 'netns', 'exec', 'true'));
  const rows = [...runtimes.flatMap((runtime) => [within(bare(runtime)), each(runtime)]), theirs];
  const measured = await workshop.measure(rows, rounds);
  report.table(`${COUNT} named network namespaces`, rows, measured);
  for (const row of runtimes.map(each)) {
    const value = timeOf(measured, row);
    report.demand(
      { name: row.name, value, limit: 450, unit: 'ms' },
      { name: `${row.name}, over ${theirs.name}`, value: value / timeOf(measured, theirs), limit: 4, unit: 'times' },
    );
  }
}
