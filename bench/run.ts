// npm run bench: nstool beside its peers on this machine, and the budgets that it has to keep. See README.md.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { constants, cpus, loadavg, release, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Workshop, type Row, type Series } from './workshop.ts';

const here = fileURLToPath(new URL('.', import.meta.url));
const nstool = join(here, '../bin/nstool.cjs');
const KINDS = ['mnt', 'net', 'ipc', 'user', 'pid', 'uts', 'cgroup', 'time'];
const MASK = '3fffffffff';
const GROUPS = 300;
const PROCESSES_IN_GROUP = 10;
/** A series is noisy when its middle half is wider than this part of its median. */
const NOISY = 0.2;

interface Runtime {
  readonly name: string;
  readonly path: string;
  readonly major: number;
}

interface Budget {
  readonly name: string;
  readonly value: number;
  readonly limit: number;
  readonly unit: 'ms' | 'times' | 'MB';
  /** Else the value has to be at most the limit. */
  readonly atLeast?: boolean;
}

type Measured = ReadonlyMap<string, Series>;

const lines: string[] = [];
const budgets: Budget[] = [];

function say(line = ''): void {
  lines.push(line);
  console.log(line);
}

function median(numbers: readonly number[]): number {
  return quantile(numbers, 0.5);
}

function quantile(numbers: readonly number[], part: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const low = sorted[Math.floor(at)] ?? NaN;
  const high = sorted[Math.ceil(at)] ?? NaN;
  return low + (high - low) * (at % 1);
}

/** The median of a row, in milliseconds. */
function timeOf(measured: Measured, name: string): number {
  return median(measured.get(name)?.times ?? []);
}

function runtimeOf(path: string): Runtime {
  const version = execFileSync(path, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim();
  // As an installation with this Node has it.
  execFileSync(path, [fileURLToPath(new URL('../scripts/compile-bundle.cjs', import.meta.url))], { stdio: 'ignore' });
  return { name: `node ${version}`, path, major: Number(version.split('.')[0]) };
}

function command(runtime: Runtime, ...words: string[]): Row {
  return { name: `${runtime.name}: nstool ${words.join(' ')}`, command: [runtime.path, nstool, ...words] };
}

function bare(runtime: Runtime): Row {
  return { name: `${runtime.name}: -e 0`, command: [runtime.path, '-e', '0'] };
}

function walk(runtime: Runtime): Row {
  return { name: `${runtime.name}: the walk of ls`, command: [runtime.path, join(here, 'walk.mjs')], inside: true };
}

/** Another program, by its command line. */
function peer(...words: [string, ...string[]]): Row {
  return { name: words.join(' '), command: words };
}

function loop(workshop: Workshop): Row {
  return { name: 'readlinks (C)', command: [workshop.program('readlinks'), ...KINDS] };
}

function sayTable(title: string, rows: readonly Row[], measured: Measured): void {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length;
  const rounds = measured.get(rows[0]?.name ?? '')?.times.length ?? 0;
  const width = Math.max(...rows.map((row) => row.name.length));
  say();
  say(`${title}: ${processes} processes; ${rounds} rounds; load ${loadavg()[0]?.toFixed(1)}`);
  say(`${''.padEnd(width)}  ${['median', 'fastest', 'middle half', 'peak'].map((head) => head.padStart(15)).join('')}`);
  for (const row of rows) {
    const { times, peaks } = measured.get(row.name) ?? { times: [], peaks: [] };
    const [low, high] = [quantile(times, 0.25), quantile(times, 0.75)];
    const peak = Math.max(...peaks);
    const noisy = high - low > NOISY * median(times) ? '  noisy' : '';
    const cells = [
      `${median(times).toFixed(1)} ms`,
      Math.min(...times).toFixed(1),
      `${low.toFixed(1)}-${high.toFixed(1)}`,
      Number.isNaN(peak) ? '-' : `${peak.toFixed(1)} MB`,
    ];
    say(`${row.name.padEnd(width)}  ${cells.map((cell) => cell.padStart(15)).join('')}${noisy}`);
  }
}

function sayMachine(runtimes: readonly Runtime[]): void {
  const [cpu] = cpus();
  const utilLinux = execFileSync('lsns', ['--version'], { encoding: 'utf8' })
    .trim()
    .replace(/^.* from /, '');
  say(`nstool bench, ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`);
  say(`${cpus().length} cores (${cpu?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}`);
  say(`${runtimes.map((runtime) => runtime.name).join(', ')}; ${utilLinux}`);
}

/** Start-up: what a person waits for on an idle host. */
async function benchIdle(workshop: Workshop, runtimes: readonly Runtime[], rounds: number): Promise<void> {
  const pid = String(await workshop.crowd(1, 2));
  const rows = [
    ...runtimes.flatMap((runtime) => [
      bare(runtime),
      command(runtime, 'ls'),
      command(runtime, 'caps', 'decode', MASK),
      command(runtime, 'enter', pid, '--net', 'true'),
    ]),
    peer('lsns'),
    peer('capsh', `--decode=${MASK}`),
    peer('nsenter', '-t', pid, '-n', 'true'),
  ];
  const measured = await workshop.measure(rows, rounds);
  sayTable('idle', rows, measured);
  for (const runtime of runtimes) {
    const overBare = (limit: number, ...words: string[]): void => {
      const { name } = command(runtime, ...words);
      const value = timeOf(measured, name) - timeOf(measured, bare(runtime).name);
      budgets.push({ name: `${name}, over bare node`, value, limit, unit: 'ms' });
    };
    overBare(30, 'ls');
    overBare(20, 'caps', 'decode', MASK);
    overBare(20, 'enter', pid, '--net', 'true');
  }
}

/** Returns the medians of `nstool ls`, by runtime. */
async function benchCrowd(
  workshop: Workshop,
  runtimes: readonly Runtime[],
  rounds: number,
  groups: number,
): Promise<ReadonlyMap<Runtime, number>> {
  await workshop.crowd(groups, PROCESSES_IN_GROUP);
  const rows = [
    ...runtimes.flatMap((runtime) => [
      bare(runtime),
      command(runtime, 'ls'),
      command(runtime, 'ls', '-t', 'net'),
      walk(runtime),
    ]),
    loop(workshop),
    peer('lsns'),
    peer('lsns', '-t', 'net'),
  ];
  const measured = await workshop.measure(rows, rounds);
  sayTable(`${groups} groups of six fresh namespaces`, rows, measured);
  for (const runtime of runtimes) {
    const { name } = command(runtime, 'ls');
    budgets.push(
      {
        name: `${name}, faster than lsns`,
        value: timeOf(measured, 'lsns') / timeOf(measured, name),
        limit: runtime.major < 22 ? 2.2 : 3,
        unit: 'times',
        atLeast: true,
      },
      {
        name: `${walk(runtime).name}, over the C loop`,
        value: timeOf(measured, walk(runtime).name) / timeOf(measured, loop(workshop).name),
        limit: 2,
        unit: 'times',
      },
      { name: `${name}, peak memory`, value: Math.max(...(measured.get(name)?.peaks ?? [])), limit: 120, unit: 'MB' },
    );
  }
  return new Map(runtimes.map((runtime) => [runtime, timeOf(measured, command(runtime, 'ls').name)]));
}

/** The second crowd joins the first. */
async function benchTwice(
  workshop: Workshop,
  runtimes: readonly Runtime[],
  rounds: number,
  groups: number,
  before: ReadonlyMap<Runtime, number>,
): Promise<void> {
  await workshop.crowd(groups, PROCESSES_IN_GROUP);
  const rows = [...runtimes.map((runtime) => command(runtime, 'ls')), loop(workshop)];
  const measured = await workshop.measure(rows, rounds);
  sayTable(`${2 * groups} groups of six fresh namespaces`, rows, measured);
  for (const [runtime, once] of before) {
    const { name } = command(runtime, 'ls');
    budgets.push({
      name: `${name}, twice the processes`,
      value: timeOf(measured, name) / once,
      limit: 2.2,
      unit: 'times',
    });
  }
}

/** Whether all are kept. */
function sayBudgets(): boolean {
  const width = Math.max(...budgets.map((budget) => budget.name.length));
  let kept = true;
  say();
  for (const { name, value, limit, unit, atLeast = false } of budgets) {
    const isKept = atLeast ? value >= limit : value <= limit;
    kept &&= isKept;
    const bound = `${atLeast ? 'at least' : 'at most'} ${limit} ${unit}`;
    say(
      `${isKept ? 'kept  ' : 'MISSED'}  ${name.padEnd(width)}  ${value.toFixed(2).padStart(7)} ${unit.padEnd(5)}  ${bound}`,
    );
  }
  return kept;
}

function save(name: string): void {
  const file = join(here, 'results', `${name}.md`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `# ${name}\n\n\`\`\`text\n${lines.join('\n')}\n\`\`\`\n`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      node: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string', default: '21' },
      groups: { type: 'string', default: String(GROUPS) },
      save: { type: 'string' },
    },
  });
  if (process.getuid?.() !== 0) throw new Error('needs root, to make namespaces and to enter them');
  if (!existsSync(join(here, '../dist/nstool.cjs'))) throw new Error('nstool is not built: npm run build');
  const runtimes = [process.execPath, ...values.node].map(runtimeOf);
  const rounds = Number(values.rounds);
  const groups = Number(values.groups);

  const stop = new AbortController();
  const interrupt = (signal: NodeJS.Signals): void => {
    process.exitCode = 128 + constants.signals[signal];
    stop.abort();
  };
  // More than once: tsx passes on what the terminal has sent to both of us, and cleaning up is not to be cut short.
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt).on('SIGHUP', interrupt);
  const workshop = await Workshop.open(here, stop.signal);
  try {
    sayMachine(runtimes);
    await benchIdle(workshop, runtimes, 2 * rounds);
    const medians = await benchCrowd(workshop, runtimes, rounds, groups);
    await benchTwice(workshop, runtimes, rounds, groups, medians);
  } finally {
    await workshop.close();
  }
  process.exitCode = sayBudgets() ? 0 : 1;
  if (values.save !== undefined) save(values.save);
}

await main().catch((error: unknown) => {
  const interrupted = process.exitCode !== undefined;
  console.error(`bench: ${interrupted ? 'interrupted' : error instanceof Error ? error.message : String(error)}`);
  process.exitCode ??= 2;
});
