// Network namespaces at a bridge, each with a veth: all of them with their links, and which leads to which.

import { timeOf, type Report } from './report.ts';
import { bare, command, peer, topology, type Runtime } from './rows.ts';
import type { Row, Workshop } from './workshop.ts';

/** How many, and what finding and matching them may take after start-up. Unit: ms. */
const SIZES = [
  { count: 100, limit: 60 },
  { count: 500, limit: 400 },
] as const;

export async function benchNetwork(
  workshop: Workshop,
  report: Report,
  runtimes: readonly Runtime[],
  rounds: number,
): Promise<void> {
  for (const { count, limit } of SIZES) {
    const pid = await workshop.named(count, BRIDGED);
    const within = (row: Row): Row => ({
      ...row,
      command: ['nsenter', `--mount=/proc/${pid}/ns/mnt`, `--net=/proc/${pid}/ns/net`, ...row.command],
    });
    const shown = (runtime: Runtime): Row => within(command(runtime, 'net', 'show'));
    const looked = (runtime: Runtime): Row => within(topology(runtime));
    const theirs = within(peer('ip', '-all', 'netns', 'exec', 'ip', '-j', '-d', 'link'));
    const rows = [...runtimes.flatMap((runtime) => [within(bare(runtime)), looked(runtime), shown(runtime)]), theirs];
    const measured = await workshop.measure(rows, rounds);
    report.table(`${count} network namespaces at a bridge`, rows, measured);
    for (const row of runtimes.map(looked)) {
      report.demand({ name: `${row.name}, ${count}`, value: timeOf(measured, row), limit, unit: 'ms' });
    }
    await workshop.disperse();
  }
}

/** In the shell that has made the namespaces. */
const BRIDGED = `ip link add br0 type bridge && ip link set br0 up &&
  for i in $(seq $COUNT); do
    echo "link add v$i up master br0 type veth peer name eth0 netns bench$i"
  done | ip -batch -`;
