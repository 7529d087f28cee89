// The acting part of `holders`: what --release would do or has done, as rows, JSON and a verdict.

import { NsError } from '../../kernel/error.ts';
import type { ReleaseOperation, ReleaseOutcome, ReleasePlan } from '../../kernel/release.ts';
import { discoverNamespaces } from '../../namespaces/discover/discover.ts';
import type { Namespace, Scan } from '../../namespaces/discover/scan.ts';
import type { Holder } from '../../namespaces/holder.ts';
import { countHolders, holdersOf } from '../../namespaces/holders.ts';
import { isReleasable, releasePlan } from '../../namespaces/release.ts';
import type { Column } from '../../render/columns.ts';
import { rowJson, type Json } from '../../render/json.ts';
import { renderTable } from '../../render/text-table.ts';
import { flag, type Context, type Invocation } from '../define-command.ts';
import { reasons } from '../gap-text.ts';

/** Errors: USAGE. */
export function requireReleasable(invocation: Invocation, recording: string | undefined): void {
  if (flag(invocation, 'yes') && !flag(invocation, 'release')) {
    throw new NsError('USAGE', {
      what: '--yes goes with --release',
      tryThis: `nstool holders ${invocation.operands[0] ?? ''} --release --yes`,
    });
  }
  if (flag(invocation, 'release') && (flag(invocation, 'from') || recording !== undefined)) {
    throw new NsError('USAGE', { what: 'a recorded host cannot be changed', tryThis: 'leave --release out' });
  }
}

interface ReleaseRow {
  readonly act: string;
  readonly path: string;
  /** Inode of the mount namespace; null: ours. */
  readonly mountNamespace: bigint | null;
  readonly outcome: 'planned' | ReleaseOutcome['type'];
  readonly errno: string | null;
  readonly why: string;
}

const columns: readonly Column<ReleaseRow>[] = [
  { key: 'act', type: 'string', help: 'unmount or remove', get: (row) => row.act },
  { key: 'path', type: 'string', help: 'where', get: (row) => row.path },
  { key: 'mnt', type: 'number', help: 'in which mount namespace; null: ours', get: (row) => row.mountNamespace },
  { key: 'outcome', type: 'string', help: 'planned, released, gone, failed', get: (row) => row.outcome },
  { key: 'errno', type: 'string', help: 'what the kernel said', get: (row) => row.errno },
  { key: 'why', type: 'string', help: 'the reason', get: (row) => row.why },
];

export interface Release {
  readonly rows: readonly ReleaseRow[];
  /** What keeps it still, or would, counted by sort. */
  readonly keptBy: readonly string[];
  readonly notes: readonly string[];
  readonly status: 0 | 1;
}

/** Without --yes it changes nothing. */
export async function release(
  scan: Scan,
  namespace: Namespace,
  invocation: Invocation,
  context: Context,
): Promise<Release> {
  const plan = releasePlan(scan, namespace);
  if (!flag(invocation, 'yes')) return planned(plan, holdersOf(scan, namespace));
  const outcomes = await context.release(plan);
  const rows = plan.operations.map((operation, index) => rowOf(operation, outcomes[index]));
  const left = leftHolders(scan, plan);
  const isLeft = rows.some(({ act, outcome }) => act === 'remove' && outcome === 'failed') || left.some(isReleasable);
  const isDone = rows.length > 0 && !isLeft;
  return { rows, keptBy: countHolders(left), notes: [verdict(plan, left)], status: isDone ? 0 : 1 };
}

function planned(plan: ReleasePlan, holders: readonly Holder[]): Release {
  const left = holders.filter((holder) => !isReleasable(holder));
  const rows = plan.operations.map((operation) => rowOf(operation, undefined));
  const act = rows.length === 0 ? [] : ['nothing was changed; --yes does it'];
  return { rows, keptBy: countHolders(left), notes: [...act, verdict(plan, left)], status: 0 };
}

/** Looks again: an inode may belong to another namespace by now. */
function leftHolders({ host, kinds }: Scan, { namespace: { kind, inode, id } }: ReleasePlan): readonly Holder[] {
  const scan = discoverNamespaces(host, kinds, { deep: true });
  const found = scan.namespaces.get(`${kind}:[${inode}]`);
  return found === undefined || (found.id ?? id) !== id ? [] : holdersOf(scan, found);
}

function verdict({ namespace: { kind, inode }, operations }: ReleasePlan, left: readonly Holder[]): string {
  const name = `${kind}:[${inode}]`;
  if (left.length > 0) {
    const nothing = operations.length === 0 ? 'no name or mount to release; ' : '';
    return `${nothing}${name} is kept by ${countHolders(left).join(', ')}`;
  }
  return `nothing else that was found keeps ${name}`;
}

function rowOf(operation: ReleaseOperation, outcome: ReleaseOutcome | undefined): ReleaseRow {
  const failed = outcome?.type === 'failed' ? outcome.gap : undefined;
  return {
    act: operation.op,
    path: operation.path,
    mountNamespace: operation.op === 'unmount' ? (operation.within?.inode ?? null) : null,
    outcome: outcome?.type ?? 'planned',
    errno: failed?.errno ?? null,
    why: failed === undefined ? operation.reason : `${failed.what}: ${reasons[failed.reason]}`,
  };
}

export function releaseText({ rows }: Release): string {
  return rows.length === 0 ? '' : `\n${renderTable(rows, columns, { headings: true })}`;
}

export function releaseJson({ rows, keptBy }: Release): Json {
  return { operations: rows.map((row) => rowJson(row, columns)), kept_by: keptBy };
}
