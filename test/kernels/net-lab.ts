// Labs with what only a machine of one's own has: a network card that is moved in and given back, also after SIGKILL, and
// a kernel that makes links worse than they are.

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandLine, nstool, run } from '../support/program.ts';
import { answer } from './answers.ts';
import { sh } from './ls.ts';
import { test } from './test.ts';
import { until } from './until.ts';

const FILE = '/tmp/lab.yaml';

function up(file: string, ...options: readonly string[]): string {
  writeFileSync(FILE, file);
  const { status, stdout, stderr } = nstool(['net', 'up', '-f', FILE, ...options]);
  equal(status, 0, stderr);
  return stdout + stderr;
}

function down(name: string): void {
  const { status, stderr } = nstool(['net', 'down', name]);
  deepEqual([status, stderr], [0, '']);
}

interface Shown {
  readonly ifname: string;
  readonly flags: readonly string[];
  readonly mtu: number;
  readonly address: string;
  readonly master?: string;
  readonly ifalias?: string;
  readonly group: string;
  readonly addr_info: readonly { readonly scope: string; readonly local: string; readonly prefixlen: number }[];
}

/** All links of a network, as ip(8) shows them. `node`: absent, for our own. */
function links(node?: string): readonly unknown[] {
  const shown = JSON.parse(sh(`ip ${node === undefined ? '' : `-n ${node}`} -j addr`)) as readonly Shown[];
  return shown.map(({ ifname, flags, mtu, address, master, ifalias, group, addr_info: all }) => {
    const nets = all.filter(({ scope }) => scope === 'global').map(({ local, prefixlen }) => `${local}/${prefixlen}`);
    return { ifname, isUp: flags.includes('UP'), mtu, address, master, ifalias, group, nets };
  });
}

function state(): unknown {
  const names = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  return [links(), sh('ip -j route show table main'), names];
}

/** Of the network card, which appears with its driver and goes with it. */
async function withCard(act: (name: string) => void | Promise<void>): Promise<void> {
  const before = new Set(readdirSync('/sys/class/net'));
  // Newer kernels have the first one built in.
  run(['modprobe', '-q', 'virtio_pci']);
  sh('modprobe virtio_net');
  const found = (): string | undefined => readdirSync('/sys/class/net').find((name) => !before.has(name));
  try {
    await until(() => found() !== undefined);
    const name = found() ?? '';
    sh(`ip link set ${name} mtu 1400 up`);
    await act(name);
  } finally {
    // Of a test that failed.
    nstool(['net', 'down', 'wan']);
    sh('modprobe -r virtio_net');
  }
}

test('net up: a network card is moved in, called as the lab says, and given back as it was', async () => {
  await withCard((name) => {
    const before = state();
    const card = links().find((link) => (link as Shown).ifname === name) as Shown;
    const lab = `name: wan\nnodes: [r]\nlinks: [{ physical: r:up0 192.0.2.2/24, from: ${name}, mtu: 1280 }]\n`;
    up(lab);
    ok(!existsSync(`/sys/class/net/${name}`));
    const inside = links('r').filter((link) => (link as Shown).ifname !== 'lo');
    deepEqual(inside, [{ ...card, ifname: 'up0', mtu: 1280, nets: ['192.0.2.2/24'] }]);
    match(up(lab), /nothing was changed/);
    down('wan');
    deepEqual(state(), before);
    // One that is off comes back off.
    sh(`ip link set ${name} down`);
    const off = state();
    up(lab);
    down('wan');
    deepEqual(state(), off);
  });
});

test('net up: a network card that a killed one had moved comes back by gc', async () => {
  await withCard(async (name) => {
    const before = state();
    // So many that there is time to be killed in.
    const pairs = Array.from({ length: 60 }, () => 'r-s').join(', ');
    writeFileSync(FILE, `name: wan\nnodes: [r, s]\nlinks: [{ physical: r:up0, from: ${name} }, ${pairs}]\n`);
    const [file = '', ...words] = commandLine(['net', 'up', '-f', FILE]);
    const child = spawn(file, words, { stdio: 'ignore' });
    const ended = new Promise((done) => child.once('close', done));
    // eslint-disable-next-line no-await-in-loop -- until it is moved
    while (existsSync(`/sys/class/net/${name}`) && child.exitCode === null) await sleep(2);
    child.kill('SIGKILL');
    await ended;
    equal(child.signalCode, 'SIGKILL');
    ok(!existsSync(`/sys/class/net/${name}`), 'it was killed too late');
    const { status, stdout, stderr } = nstool(['gc']);
    equal(status, 0, stdout + stderr);
    deepEqual(state(), before);
  });
});

test('net up: a network card with its namespace gone, which the kernel gave back, is as it was by net down', async () => {
  await withCard(async (name) => {
    const before = state();
    const { address } = links().find((link) => (link as Shown).ifname === name) as Shown;
    up(`name: wan\nnodes: [r]\nlinks: [{ physical: r:up0 192.0.2.2/24, from: ${name}, mtu: 1280 }]\n`);
    sh('ip netns delete r');
    // It comes back in the kernel's own time, and as the kernel has it.
    await until(() => links().some((link) => (link as Shown).address === address));
    down('wan');
    deepEqual(state(), before);
  });
});

const DELAY_MS = 30;
const far = (impair: string): string =>
  `name: far\nnodes: [a, b]\nlinks: [{ ends: [a, b]${impair} }]\nexpect: [a reach b]\n`;

function roundTrip(): number {
  const { expectations } = answer(['net test', 'far']) as {
    readonly expectations: readonly { readonly told: string }[];
  };
  return Number(/answers in ([\d.]+) ms/.exec(expectations[0]?.told ?? '')?.[1]);
}

interface Queue {
  readonly kind: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

function queue(node: string): Queue | undefined {
  return (JSON.parse(sh(`tc -n ${node} -j qdisc show dev eth0`)) as readonly Queue[])[0];
}

test('net up: links are worse than they are, as tc tells it and a packet feels it, and better again', () => {
  const before = state();
  const all = 'jitter: 2ms, loss: 1%, duplicate: 0.5%, reorder: 25%, rate: 10mbit';
  up(far(`, impair: { delay: 20ms, ${all} }`));
  // What tc itself makes of the same words.
  sh('ip netns add c; ip -n c link add eth0 type veth');
  sh('tc -n c qdisc add dev eth0 root netem delay 20ms 2ms loss 1% duplicate 0.5% reorder 25% rate 10mbit');
  for (const node of ['a', 'b']) deepEqual([queue(node)?.kind, queue(node)?.options], ['netem', queue('c')?.options]);
  sh('ip netns delete c');
  const told = (queue('a')?.options ?? {}) as Readonly<Record<string, Record<string, number>>>;
  const { delay, 'loss-random': lost, rate } = told;
  deepEqual([delay?.['delay'], delay?.['jitter'], lost?.['loss'], rate?.['rate']], [0.02, 0.002, 0.01, 1_250_000]);
  match(up(far(`, impair: { delay: 20ms, ${all} }`)), /nothing was changed/);
  // Some kernels take no second one while one duplicates.
  up(far(', impair: { duplicate: 1% }'));
  // Another, in place of what somebody made of it.
  sh('tc -n a qdisc replace dev eth0 root netem delay 1ms corrupt 1%; tc -n b qdisc replace dev eth0 root pfifo');
  const slow = far(`, impair: { delay: ${DELAY_MS}ms }`);
  up(slow);
  match(up(slow), /nothing was changed/);
  deepEqual([queue('a')?.options, queue('a')?.kind], [queue('b')?.options, 'netem']);
  // There and back.
  ok(roundTrip() >= 2 * DELAY_MS);
  up(far(''));
  deepEqual([queue('a')?.kind, queue('b')?.kind], ['noqueue', 'noqueue']);
  match(up(far('')), /nothing was changed/);
  down('far');
  deepEqual(state(), before);
});
