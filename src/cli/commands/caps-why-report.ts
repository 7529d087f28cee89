// What `caps why` found out, as text and as JSON.

import type { ExecHazard } from '../../capabilities/exec-hazard.ts';
import { capabilityNames } from '../../capabilities/names.ts';
import type { Denial } from '../../capabilities/denials.ts';
import { ERRNO } from '../../kernel/abi/errno.ts';
import { isComplete, type CountedGap } from '../../kernel/gap-tally.ts';
import type { AuditRecord } from '../../kernel/text/audit-record.ts';
import type { Column } from '../../render/columns.ts';
import { escapeControls } from '../../render/escape.ts';
import { renderJson } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import { gapJson } from '../gap-text.ts';

/** The command that was run, and how it ended: both null when it was not waited for. */
export interface TracedCommand {
  readonly words: readonly string[];
  readonly pid: number;
  readonly status: number | null;
  readonly signal: string | null;
}

export interface NamedDenial extends Omit<Denial, 'call'> {
  /** Its name. */
  readonly call: string | null;
  /** The inode of the user namespace; null: unknown, or not asked for. */
  readonly namespace: bigint | null;
}

export interface WhyReport {
  readonly command: TracedCommand | undefined;
  readonly denials: readonly NamedDenial[];
  /** What security modules logged of the threads that were seen. */
  readonly records: readonly AuditRecord[];
  readonly hazards: readonly ExecHazard[];
  readonly gaps: readonly CountedGap[];
}

const columns: readonly Column<NamedDenial>[] = [
  { key: 'cause', help: 'the capability that was missing, seccomp, or other', type: 'string', get: causeOf },
  {
    key: 'user_namespace',
    help: 'where the capability was missing; unknown when no check that we provoked was in it',
    type: 'number',
    get: ({ namespace }) => namespace,
  },
  { key: 'call', help: 'the system call', type: 'string', get: ({ call }) => call },
  { key: 'result', help: 'how the call ended', type: 'string', get: resultOf },
  { key: 'count', help: 'how often', type: 'number', get: ({ count }) => count },
  { key: 'tid', help: 'the first thread', type: 'number', get: ({ tid }) => tid },
  { key: 'program', help: 'what it executed', type: 'string', shrinks: true, get: ({ program }) => program },
];

function causeOf({ cause }: NamedDenial): string {
  if (cause.by !== 'capability') return cause.by;
  return capabilityNames[cause.capability] ?? String(cause.capability);
}

function resultOf({ errno }: NamedDenial): string {
  return errno === null ? '-' : errnoName(errno);
}

function errnoName(errno: number): string {
  return Object.entries(ERRNO).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
}

/** As it happens. */
export function denialLine(denial: NamedDenial): string {
  const where = denial.namespace === null ? '' : ` in user:[${denial.namespace}]`;
  const call = denial.call ?? 'no system call';
  const what = `${denial.program ?? '-'}(${denial.tid}): ${causeOf(denial)}${where}: ${call} ${resultOf(denial)}`;
  return `${escapeControls(what)}\n`;
}

export function whyReport(report: WhyReport, asJson: boolean): string {
  return asJson ? json(report) : text(report);
}

function text({ command, denials, records, hazards }: WhyReport): string {
  const lines: string[] = [];
  const refused = denials.filter(({ errno }) => errno !== null);
  if (refused.length === 0) lines.push('no call failed for want of a capability');
  else lines.push(renderTable(refused, columns, { headings: true }).trimEnd());
  if (refused.some(isRefusedExec)) lines.push(...execLines(hazards));
  lines.push(...records.map(({ tid, text: said }) => escapeControls(`a security module logged of ${tid}: ${said}`)));
  lines.push(...tried(denials));
  if (command !== undefined) lines.push(endOf(command));
  return `${lines.join('\n')}\n`;
}

/** Nothing is asked for then: the file wants to give what nobody may have. */
function isRefusedExec({ cause, call, errno }: NamedDenial): boolean {
  return cause.by === 'other' && (call === 'execve' || call === 'execveat') && errno === ERRNO.EPERM;
}

const HAZARD = 'execve EPERM without a capability asked for: the capabilities of a file go beyond the bounding set';

function execLines(hazards: readonly ExecHazard[]): readonly string[] {
  if (hazards.length === 0) return [HAZARD];
  return hazards.map(({ path, capabilities }) =>
    escapeControls(`${HAZARD}: ${path} has ${capabilities} (a guess: the command line names it)`),
  );
}

/** A line for each capability without which the calls did not fail. */
function tried(denials: readonly NamedDenial[]): readonly string[] {
  const byCapability = new Map<string, { count: number; readonly calls: Set<string> }>();
  for (const denial of denials.filter(({ errno }) => errno === null)) {
    const cause = causeOf(denial);
    const entry = byCapability.get(cause) ?? { count: 0, calls: new Set() };
    entry.count += denial.count;
    entry.calls.add(denial.call ?? 'no call');
    byCapability.set(cause, entry);
  }
  return [...byCapability].map(
    ([cause, { count, calls }]) =>
      `missing too, but no call failed (a guess: the kernel only tried): ${cause}, ${count} times, in ${[...calls].join(' ')}`,
  );
}

function endOf({ words, status, signal }: TracedCommand): string {
  const name = escapeControls(words[0] ?? '');
  if (signal !== null)
    return `${name} was ended by ${signal}${signal === 'SIGSYS' ? ', as a seccomp filter does it' : ''}`;
  return status === null ? `${name} goes on` : `${name} ended with status ${status}`;
}

function json({ command, denials, records, hazards, gaps }: WhyReport): string {
  return renderJson({
    schema: 1,
    complete: isComplete(gaps),
    gaps: gaps.map(gapJson),
    command: command === undefined ? null : { ...command },
    denials: denials.map((denial) => ({
      cause: denial.cause.by,
      capability: denial.cause.by === 'capability' ? causeOf(denial) : null,
      user_namespace: denial.namespace,
      call: denial.call,
      errno: denial.errno === null ? null : errnoName(denial.errno),
      guess: denial.errno === null,
      count: denial.count,
      tid: denial.tid,
      program: denial.program,
    })),
    file_capabilities: denials.some(isRefusedExec) ? hazards.map((hazard) => ({ ...hazard })) : [],
    security_modules: records.map(({ tid, text: said }) => ({ tid, said })),
  });
}
