// The processes of a namespace, each below its parent where that is one of them, too.

import type { Holder } from '../../namespaces/holder.ts';
import { readPidIds } from '../pid-pairs.ts';
import type { NamespaceLook } from './namespace-look.ts';
import { many, type Field } from './report.ts';

interface Shown {
  readonly pid: number;
  /** Its number in the pid namespace. Absent (null) in namespaces of other kinds, and where it is the one here. */
  readonly inside: number | null;
  readonly ppid: number | null;
  readonly comm: string | null;
}

/** People see the first of many. */
const SHOWN = 20;
/** Deeper ones are drawn as if they were this deep. */
const DEEPEST = 30;

export function processesField(look: NamespaceLook): Field {
  const { host, pid, kind, namespace, gaps } = look;
  const pairs = kind === 'pid' && pid !== undefined ? readPidIds(host, pid, gaps).pairs : null;
  const processes = (pairs ?? namespace.pids.map((here) => ({ here, inside: null }))).map(({ here, inside }): Shown => {
    const stat = look.statOf(here);
    return { pid: here, inside, ppid: stat?.ppid ?? null, comm: stat?.comm ?? null };
  });
  const value = processes.map(({ pid, inside, ppid, comm }) => ({ pid, inside, ppid, comm }));
  return { key: 'processes', value, lines: linesOf(processes) };
}

/** Threads that are in it without their process. */
export function threadsField(look: NamespaceLook): Field {
  const threads = threadsOf(look).map(({ pid, tid }) => ({ pid, tid, comm: look.statOf(tid)?.comm ?? null }));
  return many(
    'threads',
    threads,
    ({ pid, tid, comm }) => ({ pid, tid, comm }),
    ({ pid, tid, comm }) => `${tid} ${comm ?? '-'} of process ${pid}`,
  );
}

export function hasThreads(look: NamespaceLook): boolean {
  return threadsOf(look).length > 0;
}

function threadsOf({ namespace }: NamespaceLook): readonly Extract<Holder, { type: 'thread' }>[] {
  return namespace.holders.filter((holder) => holder.type === 'thread');
}

function linesOf(processes: readonly Shown[]): readonly string[] {
  if (processes.length === 0) return ['none that we see'];
  const lines = inOrder(processes).map(({ process: { pid, inside, comm }, depth }) => {
    const both = inside === null ? '' : ` (inside ${inside})`;
    return `${'  '.repeat(Math.min(depth, DEEPEST))}${pid} ${comm ?? '-'}${both}`;
  });
  const more = lines.length - SHOWN;
  return more <= 0 ? lines : [...lines.slice(0, SHOWN), `and ${more} more`];
}

/** Parents before their children, without recursion: a chain of processes may be long. */
function inOrder(processes: readonly Shown[]): readonly { readonly process: Shown; readonly depth: number }[] {
  const pids = new Set(processes.map(({ pid }) => pid));
  const children = new Map<number | null, Shown[]>();
  for (const process of processes) {
    const { pid, ppid } = process;
    const above = ppid !== null && ppid !== pid && pids.has(ppid) ? ppid : null;
    children.set(above, [...(children.get(above) ?? []), process]);
  }
  const ordered: { process: Shown; depth: number }[] = [];
  const waiting = (children.get(null) ?? []).map((process) => ({ process, depth: 0 })).toReversed();
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { process, depth } = next;
    ordered.push(next);
    const below = children.get(process.pid) ?? [];
    waiting.push(...below.map((child) => ({ process: child, depth: depth + 1 })).toReversed());
  }
  return ordered;
}
