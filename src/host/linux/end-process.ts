// Ends a command that was started, with those of its session that it left behind.

import { readFileSync, readlinkSync } from 'node:fs';
import { valueOf } from '../../kernel/host.ts';
import type { NetworkUndo } from '../../kernel/journal.ts';
import type { NetworkUndone } from '../../kernel/network-plan.ts';
import { parseStat } from '../../kernel/text/stat.ts';

const PAUSE_MS = 5;
/** For who wants to end in good order. */
const PATIENCE_MS = 1000;

type ProcessUndo = Extract<NetworkUndo, { op: 'process' }>;

export function endProcess(undo: ProcessUndo, dryRun: boolean): NetworkUndone {
  const own = BigInt(/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? 0);
  if (undo.pidNamespace !== own) return { state: 'left', why: `it is of pid:[${undo.pidNamespace}], and we are not` };
  if (!isThere(undo)) return { state: 'gone', why: null };
  if (dryRun) return { state: 'planned', why: null };
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    send(undo.pid, signal);
    for (let waited = 0; waited < PATIENCE_MS && isThere(undo); waited += PAUSE_MS) pause();
    if (!isThere(undo)) return { state: 'removed', why: null };
  }
  return { state: 'left', why: 'it does not end' };
}

/** It leads a group of processes. */
function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** One that nobody waits for has ended. */
function isThere({ pid, start }: ProcessUndo): boolean {
  try {
    const stat = valueOf(parseStat(readFileSync(`/proc/${pid}/stat`), 'stat'));
    return stat?.startTicks === start && stat.state !== 'Z';
  } catch {
    return false;
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
}
