import { kernelReport, type KernelReport } from '../../inspect/kernel-report.ts';
import { isComplete } from '../../kernel/gap-tally.ts';
import type { Column } from '../../render/columns.ts';
import { renderJson } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import { flag, type CommandDefinition, type Context } from '../define-command.ts';
import { gapJson, gapNote } from '../gap-text.ts';
import { version } from '../installation.ts';

export const versionCommand: CommandDefinition = {
  name: 'version',
  summary: 'the version; with -v what this kernel has and lacks',
  operands: '',
  arity: [0, 0],
  description: [
    'With -v what a report about a problem needs: the kernel, its cgroups, its limits, each kind of namespace.',
  ],
  options: [
    { long: 'verbose', short: 'v', help: 'the kernel, the eight kinds of namespace, what cannot be done here' },
    { long: 'json', short: 'J', help: 'the same as JSON' },
  ],
  examples: [
    { line: 'nstool version', does: 'the version' },
    { line: 'nstool version -v', does: 'what this host has' },
  ],
  exitStatus: [[0, 'printed']],
  async run(invocation, context) {
    const asJson = flag(invocation, 'json');
    if (!asJson && !flag(invocation, 'verbose')) return { stdout: `nstool ${version()}\n`, status: 0 };
    const report = kernelReport(await context.host());
    const stdout = asJson ? json(report) : await verbose(report, context);
    return { stdout, notes: report.gaps.map(gapNote), status: 0 };
  },
};

async function verbose(report: KernelReport, context: Context): Promise<string> {
  const unknown = (value: string | number | null): string => (value === null ? '-' : String(value));
  const lines = [
    `nstool ${version()}, node ${process.versions.node}, ${process.arch}`,
    `kernel ${unknown(report.release)}`,
    `cgroups ${unknown(report.cgroups)}`,
    `last capability ${unknown(report.lastCapability)}`,
    ...report.userNamespaceSysctls.map(({ name, value }) => `${name} ${value ?? '(this kernel has none)'}`),
  ];
  const lacks = report.lacks.map((line) => `cannot: ${line}`);
  return [...lines, '', `${await kindTable(report, context)}${lacks.join('\n')}`].join('\n');
}

const HEAD = ['kind', 'flag', 'isolates', 'since', 'here', 'limit'];

/** Boxed for eyes; in a pipe a kind a line. */
async function kindTable({ kinds }: KernelReport, context: Context): Promise<string> {
  const rows = kinds.map(({ kind, flag: name, isolates, since, present, maximum }) => [
    kind,
    name,
    isolates,
    `Linux ${since}`,
    present === null ? '-' : present ? 'yes' : 'no',
    maximum === null ? '-' : String(maximum),
  ]);
  if (context.stdout.isTerminal) return (await import('../../render/table.ts')).renderBoxed(HEAD, rows);
  const columns = HEAD.map(
    (key, index) =>
      ({ key, help: key, type: 'string', get: (row) => row[index] ?? null }) satisfies Column<readonly string[]>,
  );
  return renderTable(rows, columns, { headings: true });
}

function json(report: KernelReport): string {
  const { release, cgroups, lastCapability, userNamespaceSysctls, kinds, lacks, gaps } = report;
  return renderJson({
    schema: 1,
    complete: isComplete(gaps),
    gaps: gaps.map(gapJson),
    version: version(),
    node: process.versions.node,
    arch: process.arch,
    kernel: release,
    cgroups,
    last_capability: lastCapability,
    sysctls: Object.fromEntries(userNamespaceSysctls.map((entry) => [entry.name, entry.value])),
    namespaces: kinds.map(({ kind, flag: name, isolates, since, present, maximum }) => {
      return { type: kind, flag: name, isolates, since, present, limit: maximum };
    }),
    lacks,
  });
}
