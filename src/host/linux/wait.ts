// Waiting for one child of ours, by waitid(2).

import { libc } from '../ffi/libc.ts';

const P_PID = 1;
const WNOHANG = 1;
const WEXITED = 4;
const WNOWAIT = 0x0100_0000;
const CLD_EXITED = 1;
/** Offsets in a siginfo_t of 64 bits, which has 128 bytes. */
const SIGINFO = { length: 128, code: 8, pid: 16, status: 24 } as const;

/** How a process ended: one of them is null. */
export interface Exit {
  /** null: a signal ended it. */
  readonly status: number | null;
  /** The number of that signal. */
  readonly signal: number | null;
}

/** Blocks until it has ended. */
export function waitForEnd(pid: number): void {
  wait(pid, 0);
}

/** undefined: it runs. `leave`: it stays a zombie, so that its pid cannot be another's. */
export function hasEnded(pid: number, { leave }: { readonly leave: boolean }): Exit | undefined {
  const view = wait(pid, leave ? WNOHANG | WNOWAIT : WNOHANG);
  if (view.getInt32(SIGINFO.pid, true) === 0) return undefined;
  const status = view.getInt32(SIGINFO.status, true);
  const exited = view.getInt32(SIGINFO.code, true) === CLD_EXITED;
  return { status: exited ? status : null, signal: exited ? null : status };
}

function wait(pid: number, options: number): DataView {
  const info = new Uint8Array(SIGINFO.length);
  libc().waitid(P_PID, pid, info, WEXITED | options);
  return new DataView(info.buffer);
}
