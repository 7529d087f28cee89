// Start-up: what a person waits for on an idle host.

import { timeOf, type Report } from './report.ts';
import { bare, command, peer, renamed, type Runtime } from './rows.ts';
import type { Row, Workshop } from './workshop.ts';

const MASK = '3fffffffff';

export async function benchIdle(
  workshop: Workshop,
  report: Report,
  runtimes: readonly Runtime[],
  rounds: number,
): Promise<void> {
  const pid = String((await workshop.crowd(1, 2)).pid);
  const resolver = String(await workshop.resolver());
  const measures = (runtime: Runtime): readonly (readonly [row: Row, limit: number])[] => [
    [command(runtime, 'ls'), 30],
    [command(runtime, 'ls', '--deep'), 80],
    [command(runtime, 'caps', 'decode', MASK), 20],
    [renamed(command(runtime, 'cgroup', 'show', pid), pid, 'PID'), 20],
    [command(runtime, 'cgroup', 'run', '--', 'true'), 25],
    [renamed(command(runtime, 'enter', pid, '--net', '--no-dns', 'true'), pid, 'PID'), 20],
    [renamed(command(runtime, 'enter', resolver, '--net', 'true'), resolver, 'PID'), 30],
  ];
  const rows = [
    ...runtimes.flatMap((runtime) => [bare(runtime), ...measures(runtime).map(([row]) => row)]),
    peer('lsns'),
    peer('capsh', `--decode=${MASK}`),
    renamed(peer('nsenter', '-t', pid, '-n', 'true'), pid, 'PID'),
  ];
  const measured = await workshop.measure(rows, rounds);
  report.table('idle', rows, measured);
  for (const runtime of runtimes) {
    for (const [row, limit] of measures(runtime)) {
      const value = timeOf(measured, row) - timeOf(measured, bare(runtime));
      report.demand({ name: `${row.name}, over bare node`, value, limit, unit: 'ms' });
    }
  }
}
