// A host of containers: 5,000 processes in 500 of them, then 10,000 in 1,000.

import { Engine } from './engine.ts';
import { cpuOf, peakOf, type Report } from './report.ts';
import { bare, command, type Runtime } from './rows.ts';
import { PROCESSES_IN_GROUP, type Measured, type Row, type Workshop } from './workshop.ts';

const HALF = 500;

export async function benchContainers(
  workshop: Workshop,
  report: Report,
  runtimes: readonly Runtime[],
  rounds: number,
): Promise<void> {
  const engine = await Engine.start(workshop.folder);
  try {
    const half = await benchMore(workshop, report, runtimes, rounds, engine);
    const whole = await benchMore(workshop, report, runtimes, rounds, engine);
    for (const row of runtimes.flatMap((runtime) => looks(runtime))) {
      report.demand({ name: `${row.name}, peak memory`, value: peakOf(whole, row), limit: 200, unit: 'MB' });
    }
    for (const runtime of runtimes) demandLinear(report, runtime, half, whole);
  } finally {
    await workshop.disperse();
    engine.stop();
  }
}

function looks(runtime: Runtime): readonly Row[] {
  return [
    command(runtime, 'ls'),
    command(runtime, 'ls', '--deep'),
    command(runtime, 'ls', '-o', '+NAME'),
    command(runtime, 'show', 'container:web-17'),
    command(runtime, 'audit', '--all'),
  ];
}

/** With 500 containers more. */
async function benchMore(
  workshop: Workshop,
  report: Report,
  runtimes: readonly Runtime[],
  rounds: number,
  engine: Engine,
): Promise<Measured> {
  await workshop.crowd(HALF, PROCESSES_IN_GROUP, engine.make(HALF));
  const rows = runtimes.flatMap((runtime) => [bare(runtime), ...looks(runtime)]);
  const measured = await workshop.measure(rows, rounds);
  report.table(`${engine.count} containers`, rows, measured);
  return measured;
}

/** By processor time, without start-up: that is the same for both, and would hide a part of the growth. */
function demandLinear(report: Report, runtime: Runtime, half: Measured, whole: Measured): void {
  const over = (measured: Measured, row: Row): number => cpuOf(measured, row) - cpuOf(measured, bare(runtime));
  for (const row of looks(runtime)) {
    const value = over(whole, row) / over(half, row);
    report.demand({ name: `${row.name}, twice the containers (processor)`, value, limit: 2.2, unit: 'times' });
  }
}
