// From what the kernel tells of system calls and of capabilities that were asked for: what was refused, and why.

import { decodeText } from '../kernel/text/text.ts';
import type { TraceEvent } from '../kernel/trace/event.ts';

/** What refused a system call. */
export type Cause =
  /** A capability that was missing in a namespace, which is an address in the kernel. */
  | { readonly by: 'capability'; readonly capability: number; readonly namespace: bigint }
  /** A filter of seccomp(2): the call never began. */
  | { readonly by: 'seccomp' }
  /** Neither. */
  | { readonly by: 'other' };

/** The same refusal of threads that execute one program. */
export interface Denial {
  readonly cause: Cause;
  /** The file's name without its directories, or what `nameOf` says; null: unknown. */
  readonly program: string | null;
  /** Of the first such thread. */
  readonly tid: number;
  /** The number of the system call; null: outside of one, as far as was seen. */
  readonly call: number | null;
  /** With which errno the call failed; null: it did not, so that the kernel may just have tried. */
  readonly errno: number | null;
  count: number;
}

interface Asked {
  readonly capability: number;
  readonly namespace: bigint;
}

interface Thread {
  /** The call it is in. */
  call: number | null;
  program: string | null;
  /** Only of a thread that was seen between two calls can be said that a call did not begin. */
  isKnown: boolean;
  readonly missing: Asked[];
}

const EPERM = 1;
const EACCES = 13;

/** Results from here on are for the kernel itself: the call is begun again. Source: include/linux/errno.h. */
const RESTART = 512;

/** A hostile program can have as many names and calls as it likes. */
const MOST = 10_000;

export class DenialTally {
  private readonly threads = new Map<number, Thread>();
  private readonly denials = new Map<string, Denial>();
  /** Events that could not be read in time. */
  lost = 0;
  /** Denials that were not kept, as there were too many different ones. */
  dropped = 0;
  private readonly onNew: (denial: Denial) => void;
  private readonly nameOf: (tid: number) => string | null;

  /** `onNew` hears of the first of each kind; `nameOf` is asked of a thread that was there before. */
  constructor(onNew: (denial: Denial) => void, nameOf: (tid: number) => string | null) {
    this.onNew = onNew;
    this.nameOf = nameOf;
  }

  take(event: TraceEvent): void {
    if (event.type === 'lost') {
      this.lost += event.count;
      // What was missed could have been the beginning of a call.
      for (const thread of this.threads.values()) Object.assign(thread, { call: null, isKnown: false });
      return;
    }
    const thread = this.threadOf(event.tid);
    switch (event.type) {
      case 'exec':
        thread.program = lastPart(event.file);
        return;
      case 'fork':
        this.threads.set(event.child, newThread(thread.program));
        return;
      case 'enter':
        this.settle(event.tid, thread, null);
        thread.call = event.call;
        thread.isKnown = true;
        return;
      case 'capability':
        if (!event.granted && !isIn(thread.missing, event)) thread.missing.push(event);
        return;
      case 'exit': {
        // No call at all: a signal came.
        if (event.call < 0) return;
        const errno = event.result < 0 && event.result > -RESTART ? -event.result : null;
        if (thread.call === event.call || !thread.isKnown) this.end(event, thread, errno);
        else if (errno !== null) this.add(event.tid, thread.program, { by: 'seccomp' }, event.call, errno);
        thread.call = null;
        thread.isKnown = true;
      }
    }
  }

  /** When no more will come. */
  finish(): void {
    for (const [tid, thread] of this.threads) this.settle(tid, thread, null);
  }

  /** Was this one of the threads? */
  hasSeen(tid: number): boolean {
    return this.threads.has(tid);
  }

  list(): readonly Denial[] {
    return [...this.denials.values()];
  }

  private threadOf(tid: number): Thread {
    const known = this.threads.get(tid);
    if (known !== undefined) return known;
    const thread = newThread(this.nameOf(tid));
    this.threads.set(tid, thread);
    return thread;
  }

  private end(event: { readonly tid: number; readonly call: number }, thread: Thread, errno: number | null): void {
    const isAsked = thread.missing.length > 0;
    this.settle(event.tid, { ...thread, call: event.call }, errno);
    if (!isAsked && thread.isKnown && (errno === EPERM || errno === EACCES))
      this.add(event.tid, thread.program, { by: 'other' }, event.call, errno);
  }

  private settle(tid: number, { missing, call, program }: Thread, errno: number | null): void {
    for (const { capability, namespace } of missing.splice(0))
      this.add(tid, program, { by: 'capability', capability, namespace }, call, errno);
  }

  private add(tid: number, program: string | null, cause: Cause, call: number | null, errno: number | null): void {
    const what = cause.by === 'capability' ? `${cause.capability} ${cause.namespace}` : cause.by;
    const key = `${what} ${call} ${errno} ${program ?? ''}`;
    const known = this.denials.get(key);
    if (known !== undefined) {
      known.count += 1;
    } else if (this.denials.size >= MOST) {
      this.dropped += 1;
    } else {
      const denial = { cause, program, tid, call, errno, count: 1 };
      this.denials.set(key, denial);
      this.onNew(denial);
    }
  }
}

function newThread(program: string | null): Thread {
  return { call: null, program, isKnown: false, missing: [] };
}

function lastPart(file: Uint8Array): string {
  return decodeText(file.subarray(file.lastIndexOf(0x2f) + 1));
}

function isIn(missing: readonly Asked[], { capability, namespace }: Asked): boolean {
  return missing.some((one) => one.capability === capability && one.namespace === namespace);
}
