// A busy host: 3,000 processes in 1,800 namespaces, and twice as many.

import { readlinkSync } from 'node:fs';
import { peakOf, timeOf, type Report } from './report.ts';
import { bare, command, peer, renamed, walk, type Runtime } from './rows.ts';
import { PROCESSES_IN_GROUP, type Crowd, type Row, type Workshop } from './workshop.ts';

const KINDS = ['mnt', 'net', 'ipc', 'user', 'pid', 'uts', 'cgroup', 'time'];

export async function benchBusy(
  workshop: Workshop,
  report: Report,
  runtimes: readonly Runtime[],
  rounds: number,
  groups: number,
): Promise<void> {
  const crowd = await workshop.crowd(groups, PROCESSES_IN_GROUP);
  const once = await benchListing(workshop, report, runtimes, rounds, groups);
  await benchCapabilities(workshop, report, runtimes, rounds);
  await benchLooks(workshop, report, runtimes, Math.max(3, Math.ceil(rounds / 3)), crowd);
  await benchTwice(workshop, report, runtimes, rounds, groups, once);
}

function loop(workshop: Workshop): Row {
  return { name: 'readlinks (C)', command: [workshop.program('readlinks'), ...KINDS] };
}

/** Returns the medians of `nstool ls`, by runtime. */
async function benchListing(
  workshop: Workshop,
  report: Report,
  runtimes: readonly Runtime[],
  rounds: number,
  groups: number,
): Promise<ReadonlyMap<Runtime, number>> {
  const lsns = peer('lsns');
  const floor = loop(workshop);
  const rows = [
    ...runtimes.flatMap((runtime) => [
      bare(runtime),
      command(runtime, 'ls'),
      command(runtime, 'ls', '-t', 'net'),
      walk(runtime),
    ]),
    floor,
    lsns,
    peer('lsns', '-t', 'net'),
  ];
  const measured = await workshop.measure(rows, rounds);
  report.table(`${groups} groups of six fresh namespaces`, rows, measured);
  for (const runtime of runtimes) {
    const ls = command(runtime, 'ls');
    const inside = walk(runtime);
    const faster = timeOf(measured, lsns) / timeOf(measured, ls);
    const overFloor = timeOf(measured, inside) / timeOf(measured, floor);
    const limit = runtime.major < 22 ? 2.2 : 3;
    report.demand(
      { name: `${ls.name}, faster than lsns`, value: faster, limit, unit: 'times', atLeast: true },
      { name: `${inside.name}, over the C loop`, value: overFloor, limit: 2, unit: 'times' },
      { name: `${ls.name}, peak memory`, value: peakOf(measured, ls), limit: 120, unit: 'MB' },
    );
  }
  return new Map(runtimes.map((runtime) => [runtime, timeOf(measured, command(runtime, 'ls'))]));
}

/** All of the crowd have capabilities: none is passed over. */
async function benchCapabilities(
  workshop: Workshop,
  report: Report,
  runtimes: readonly Runtime[],
  rounds: number,
): Promise<void> {
  const pscap = peer('pscap', '-a');
  const rows = [...runtimes.flatMap((runtime) => [bare(runtime), command(runtime, 'caps', 'ls')]), pscap];
  const measured = await workshop.measure(rows, rounds);
  report.table('capabilities of the same', rows, measured);
  for (const runtime of runtimes) {
    const ls = command(runtime, 'caps', 'ls');
    const value = timeOf(measured, ls) - timeOf(measured, bare(runtime));
    report.demand(
      { name: `${ls.name}, over bare node`, value, limit: 150, unit: 'ms' },
      {
        name: `${ls.name}, over bare node, to pscap -a`,
        value: value / timeOf(measured, pscap),
        limit: 1,
        unit: 'times',
      },
    );
  }
}

/** What looks everywhere, or at one thing. */
async function benchLooks(
  workshop: Workshop,
  report: Report,
  runtimes: readonly Runtime[],
  rounds: number,
  { pid, empty }: Crowd,
): Promise<void> {
  const inode = /[0-9]+/.exec(readlinkSync(`/proc/${pid}/ns/net`))?.[0] ?? '';
  const measures = (runtime: Runtime): readonly (readonly [row: Row, limit: number | undefined])[] => [
    [command(runtime, 'ls', '--deep'), 2000],
    [renamed(command(runtime, 'show', `${pid}`), `${pid}`, 'PID'), 1000],
    [renamed(command(runtime, 'show', `net:${inode}`), inode, 'INODE'), 1000],
    [renamed(command(runtime, 'show', `net:${empty}`), empty, 'EMPTY'), 1000],
    [renamed(command(runtime, 'holders', `net:${inode}`), inode, 'INODE'), 1000],
    [renamed(command(runtime, 'holders', `net:${empty}`), empty, 'EMPTY'), 1000],
    [command(runtime, 'ls', '-o', '+NAME,CGROUP'), undefined],
    [command(runtime, 'audit', '--all'), 3000],
  ];
  const rows = runtimes.flatMap((runtime) => measures(runtime).map(([row]) => row));
  const measured = await workshop.measure(rows, rounds);
  report.table('there too', rows, measured);
  for (const [row, limit] of runtimes.flatMap(measures)) {
    if (limit !== undefined) report.demand({ name: row.name, value: timeOf(measured, row), limit, unit: 'ms' });
  }
}

/** The second crowd joins the first. */
async function benchTwice(
  workshop: Workshop,
  report: Report,
  runtimes: readonly Runtime[],
  rounds: number,
  groups: number,
  before: ReadonlyMap<Runtime, number>,
): Promise<void> {
  await workshop.crowd(groups, PROCESSES_IN_GROUP);
  const rows = [...runtimes.map((runtime) => command(runtime, 'ls')), loop(workshop)];
  const measured = await workshop.measure(rows, rounds);
  report.table(`${2 * groups} groups of six fresh namespaces`, rows, measured);
  for (const [runtime, once] of before) {
    const ls = command(runtime, 'ls');
    const value = timeOf(measured, ls) / once;
    report.demand({ name: `${ls.name}, twice the processes`, value, limit: 2.2, unit: 'times' });
  }
}
