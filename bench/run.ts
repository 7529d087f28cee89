// npm run bench: nstool beside its peers on this machine, and the budgets that it has to keep. See README.md.

import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { benchBusy } from './busy.ts';
import { benchCgroups } from './cgroups.ts';
import { benchContainers } from './containers.ts';
import { benchFiles } from './files.ts';
import { benchIdle } from './idle.ts';
import { benchDoctor, benchLabs } from './labs.ts';
import { benchNamed } from './named.ts';
import { benchNetwork } from './network.ts';
import { Report } from './report.ts';
import { runtimeOf, type Runtime } from './rows.ts';
import { Workshop } from './workshop.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const GROUPS = 300;
const HOSTS = ['idle', 'files', 'named', 'busy', 'containers', 'cgroups', 'network', 'labs'] as const;

type HostName = (typeof HOSTS)[number];

interface Options {
  readonly runtimes: readonly Runtime[];
  readonly rounds: number;
  readonly groups: number;
  readonly hosts: readonly HostName[];
  readonly save: string | undefined;
}

function optionsOf(): Options {
  const { values } = parseArgs({
    options: {
      node: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string', default: '21' },
      groups: { type: 'string', default: String(GROUPS) },
      host: { type: 'string', multiple: true, default: [...HOSTS] },
      save: { type: 'string' },
    },
  });
  const hosts = HOSTS.filter((name) => values.host.includes(name));
  const unknown = values.host.find((word) => !HOSTS.some((name) => name === word));
  if (unknown !== undefined) throw new Error(`unknown host '${unknown}': ${HOSTS.join(', ')}`);
  return {
    runtimes: [process.execPath, ...values.node].map(runtimeOf),
    rounds: Number(values.rounds),
    groups: Number(values.groups),
    hosts,
    save: values.save,
  };
}

async function benchHost(name: HostName, workshop: Workshop, report: Report, options: Options): Promise<void> {
  const { runtimes, rounds, groups } = options;
  try {
    switch (name) {
      case 'idle':
        return await benchIdle(workshop, report, runtimes, 2 * rounds);
      case 'files':
        return await benchFiles(workshop, report, runtimes, Math.max(3, Math.ceil(rounds / 3)));
      case 'named':
        return await benchNamed(workshop, report, runtimes, rounds);
      case 'busy':
        return await benchBusy(workshop, report, runtimes, rounds, groups);
      case 'cgroups':
        return await benchCgroups(workshop, report, runtimes, rounds);
      case 'network':
        return await benchNetwork(workshop, report, runtimes, Math.max(3, Math.ceil(rounds / 2)));
      case 'labs':
        await benchLabs(workshop, report, runtimes, rounds);
        return await benchDoctor(workshop, report, runtimes, rounds);
      case 'containers':
        return await benchContainers(workshop, report, runtimes, Math.max(3, Math.ceil(rounds / 4)));
    }
  } finally {
    await workshop.disperse();
  }
}

async function main(): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('needs root, to make namespaces and to enter them');
  if (!existsSync(join(here, '../dist/nstool.cjs'))) throw new Error('nstool is not built: npm run build');
  const options = optionsOf();

  const stop = new AbortController();
  const interrupt = (signal: NodeJS.Signals): void => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort();
  };
  // More than once: tsx passes on what the terminal has sent to both of us, and cleaning up is not to be cut short.
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt).on('SIGHUP', interrupt);
  const workshop = await Workshop.open(here, stop.signal);
  const report = new Report();
  try {
    report.machine(options.runtimes);
    for (const name of options.hosts) await benchHost(name, workshop, report, options);
  } finally {
    await workshop.close();
  }
  process.exitCode = report.verdict() ? 0 : 1;
  if (options.save !== undefined) report.save(join(here, 'results'), options.save);
}

await main().catch((error: unknown) => {
  const interrupted = process.exitCode !== undefined;
  console.error(`bench: ${interrupted ? 'interrupted' : error instanceof Error ? error.message : String(error)}`);
  process.exitCode ??= 2;
});
