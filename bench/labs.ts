// A network of one's own made from nothing: in a network namespace, /run and /etc that are new for each run, so that
// nothing has to be taken away in between.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { timeOf, type Report } from './report.ts';
import { bare, command, peer, renamed, type Runtime } from './rows.ts';
import type { Row, Workshop } from './workshop.ts';

const NODES = 100;

export async function benchLabs(
  workshop: Workshop,
  report: Report,
  runtimes: readonly Runtime[],
  rounds: number,
): Promise<void> {
  const file = join(workshop.folder, 'lab.yaml');
  writeFileSync(file, labOf(NODES));
  const measures = (runtime: Runtime): readonly (readonly [row: Row, limit: number])[] => [
    [fresh(command(runtime, 'net', 'up')), 30],
    [fresh(renamed(command(runtime, 'net', 'up', '-f', file), file, `${NODES} nodes`)), 500],
  ];
  const rows = [
    ...runtimes.flatMap((runtime) => [fresh(bare(runtime)), ...measures(runtime).map(([row]) => row)]),
    { ...fresh(peer('sh', '-ec', BY_HAND)), name: 'the same as net up, by ip(8)' },
  ];
  const measured = await workshop.measure(rows, rounds);
  report.table('a network of one’s own', rows, measured);
  for (const runtime of runtimes) {
    for (const [row, limit] of measures(runtime)) {
      const value = timeOf(measured, row) - timeOf(measured, fresh(bare(runtime)));
      report.demand({ name: `${row.name}, over bare node`, value, limit, unit: 'ms' });
    }
  }
}

/** Why do two namespaces at a bridge not reach each other? They do, so that all of it is looked at. */
export async function benchDoctor(
  workshop: Workshop,
  report: Report,
  runtimes: readonly Runtime[],
  rounds: number,
): Promise<void> {
  const pid = await workshop.named(2, PAIR);
  const within = (row: Row): Row => ({
    ...row,
    command: ['nsenter', `--mount=/proc/${pid}/ns/mnt`, `--net=/proc/${pid}/ns/net`, ...row.command],
  });
  const asked = (runtime: Runtime): Row => within(command(runtime, 'net', 'doctor', 'bench1', '--to', 'bench2'));
  const rows = runtimes.flatMap((runtime) => [within(bare(runtime)), asked(runtime)]);
  const measured = await workshop.measure(rows, rounds);
  report.table('two network namespaces at a bridge', rows, measured);
  for (const runtime of runtimes) {
    const value = timeOf(measured, asked(runtime)) - timeOf(measured, within(bare(runtime)));
    report.demand({ name: `${asked(runtime).name}, over bare node`, value, limit: 60, unit: 'ms' });
  }
  await workshop.disperse();
}

/** In the shell that has made the namespaces. */
const PAIR = `ip link add br0 type bridge && ip link set br0 up &&
  for i in 1 2; do
    ip link add v$i up master br0 type veth peer name eth0 netns bench$i &&
    ip -n bench$i addr add 192.0.2.$i/24 dev eth0 && ip -n bench$i link set eth0 up || exit
  done`;

/** The same for every row. */
const FRESH = `
mount -t tmpfs run /run
mount -t tmpfs lib /var/lib
mkdir /run/upper /run/work
mount -t overlay -o lowerdir=/etc,upperdir=/run/upper,workdir=/run/work etc /etc
exec "$@"`;

function fresh(row: Row): Row {
  const before = ['unshare', '--net', '--mount', '--propagation', 'private', 'sh', '-ec', FRESH, 'fresh'] as const;
  return { ...row, command: [...before, ...row.command] };
}

const BY_HAND = `
ip netns add ns1
ip -n ns1 link set lo up
ip link add nstool0 type bridge
ip addr add 192.168.10.1/24 dev nstool0
ip link set nstool0 up
ip link add veth-ns1 master nstool0 type veth peer name eth0 netns ns1
ip link set veth-ns1 up
ip -n ns1 addr add 192.168.10.11/24 dev eth0
ip -n ns1 link set eth0 up
ip -n ns1 route add default via 192.168.10.1
mkdir -p /etc/netns/ns1
echo nameserver 8.8.8.8 > /etc/netns/ns1/resolv.conf`;

/** So many network namespaces at one bridge. */
function labOf(count: number): string {
  const names = Array.from({ length: count }, (_, index) => `n${index}`);
  const nodes = ['  br0: { kind: bridge }', ...names.map((name) => `  ${name}: {}`)];
  return ['name: hundred', 'nodes:', ...nodes, 'links:', ...names.map((name) => `  - ${name}-br0`), ''].join('\n');
}
