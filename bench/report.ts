// What the bench prints: tables of what was measured, then the budgets, kept or missed.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import type { Runtime } from './rows.ts';
import type { Measured, Row } from './workshop.ts';

/** A series is noisy when its middle half is wider than this part of its median. */
const NOISY = 0.2;

export interface Budget {
  readonly name: string;
  readonly value: number;
  readonly limit: number;
  readonly unit: 'ms' | 'times' | 'MB' | '%';
  /** Else the value has to be at most the limit. */
  readonly atLeast?: boolean;
}

/** The median of a row, in milliseconds. */
export function timeOf(measured: Measured, row: Row): number {
  return quantile(timesOf(measured, row), 0.5);
}

/** The median of its processor time, in milliseconds. */
export function cpuOf(measured: Measured, { name }: Row): number {
  return quantile(measured.get(name)?.map((run) => run.cpu) ?? [], 0.5);
}

/** The highest peak of a row, in MiB. */
export function peakOf(measured: Measured, { name }: Row): number {
  return Math.max(...(measured.get(name)?.map((run) => run.peak) ?? []));
}

function timesOf(measured: Measured, { name }: Row): readonly number[] {
  return measured.get(name)?.map((run) => run.time) ?? [];
}

function quantile(numbers: readonly number[], part: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const low = sorted[Math.floor(at)] ?? NaN;
  const high = sorted[Math.ceil(at)] ?? NaN;
  return low + (high - low) * (at % 1);
}

export class Report {
  private readonly lines: string[] = [];
  private readonly budgets: Budget[] = [];

  demand(...budgets: readonly Budget[]): void {
    this.budgets.push(...budgets);
  }

  machine(runtimes: readonly Runtime[]): void {
    const [cpu] = cpus();
    const utilLinux = execFileSync('lsns', ['--version'], { encoding: 'utf8' })
      .trim()
      .replace(/^.* from /, '');
    this.say(`nstool bench, ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC`);
    this.say(
      `${cpus().length} cores (${cpu?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release()}`,
    );
    this.say(`${runtimes.map((runtime) => runtime.name).join(', ')}; ${utilLinux}`);
  }

  /** What is no row of a table. */
  remark(text: string): void {
    this.say();
    this.say(text);
  }

  table(title: string, rows: readonly Row[], measured: Measured): void {
    const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length;
    const rounds = measured.get(rows[0]?.name ?? '')?.length ?? 0;
    const width = Math.max(...rows.map((row) => row.name.length));
    const heads = ['median', 'fastest', 'middle half', 'processor', 'peak'].map((head) => head.padStart(15));
    this.say();
    this.say(`${title}: ${processes} processes; ${rounds} rounds; load ${loadavg()[0]?.toFixed(1)}`);
    this.say(`${''.padEnd(width)}  ${heads.join('')}`);
    for (const row of rows) {
      const times = timesOf(measured, row);
      const [low, high] = [quantile(times, 0.25), quantile(times, 0.75)];
      const [cpu, peak] = [cpuOf(measured, row), peakOf(measured, row)];
      const noisy = high - low > NOISY * timeOf(measured, row) ? '  noisy' : '';
      const cells = [
        `${timeOf(measured, row).toFixed(1)} ms`,
        Math.min(...times).toFixed(1),
        `${low.toFixed(1)}-${high.toFixed(1)}`,
        Number.isNaN(cpu) ? '-' : `${cpu.toFixed(1)} ms`,
        Number.isNaN(peak) ? '-' : `${peak.toFixed(1)} MB`,
      ];
      this.say(`${row.name.padEnd(width)}  ${cells.map((cell) => cell.padStart(15)).join('')}${noisy}`);
    }
  }

  /** Prints the budgets. Returns whether all are kept. */
  verdict(): boolean {
    const width = Math.max(...this.budgets.map((budget) => budget.name.length));
    let kept = true;
    this.say();
    for (const { name, value, limit, unit, atLeast = false } of this.budgets) {
      const isKept = atLeast ? value >= limit : value <= limit;
      kept &&= isKept;
      const shown = `${name.padEnd(width)}  ${value.toFixed(2).padStart(7)} ${unit.padEnd(5)}`;
      this.say(`${isKept ? 'kept  ' : 'MISSED'}  ${shown}  ${atLeast ? 'at least' : 'at most'} ${limit} ${unit}`);
    }
    return kept;
  }

  save(folder: string, name: string): void {
    const file = join(folder, `${name}.md`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `# ${name}\n\n\`\`\`text\n${this.lines.join('\n')}\n\`\`\`\n`);
  }

  private say(line = ''): void {
    this.lines.push(line);
    console.log(line);
  }
}
