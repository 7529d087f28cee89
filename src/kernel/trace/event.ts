// The trace events that tell of capabilities and system calls.
// Source: include/trace/events/{capability,syscalls,sched}.h, and the format files of the running kernel.

import type { TraceField, TraceFormat } from './format.ts';

interface Traced {
  /** In the initial pid namespace, whoever reads. */
  readonly tid: number;
}

export type TraceEvent =
  | (Traced & { readonly type: 'enter'; readonly call: number })
  | (Traced & { readonly type: 'exit'; readonly call: number; readonly result: number })
  /** A capability was asked for. The namespace is an address in the kernel. */
  | (Traced & {
      readonly type: 'capability';
      readonly capability: number;
      readonly namespace: bigint;
      readonly granted: boolean;
    })
  /** It executes this file from now on. */
  | (Traced & { readonly type: 'exec'; readonly file: Uint8Array })
  /** It made a thread or a process. */
  | (Traced & { readonly type: 'fork'; readonly child: number })
  /** So many events were overwritten before they could be read. */
  | { readonly type: 'lost'; readonly count: number };

/** Of each the directory below `events`, and the fields that are read. */
export const TRACE_EVENTS = {
  capability: { path: 'capability/cap_capable', fields: ['target_ns', 'cap', 'ret'] },
  enter: { path: 'raw_syscalls/sys_enter', fields: ['id'] },
  exit: { path: 'raw_syscalls/sys_exit', fields: ['id', 'ret'] },
  exec: { path: 'sched/sched_process_exec', fields: ['filename'] },
  fork: { path: 'sched/sched_process_fork', fields: ['child_pid'] },
} as const;

export type TraceEventName = keyof typeof TRACE_EVENTS;

type Decode = (data: DataView) => TraceEvent | undefined;

/** Reads an event by its formats; undefined: it is none of them, or too short. Errors: the name of a field that is missing. */
export function traceDecoder(
  formats: Readonly<Record<TraceEventName, TraceFormat>>,
): Decode | { readonly missing: string } {
  const byId = new Map<number, Decode>();
  for (const name of eventNames) {
    const fields: TraceField[] = [];
    for (const key of ['common_pid', ...TRACE_EVENTS[name].fields]) {
      const field = formats[name].fields.get(key);
      if (field === undefined) return { missing: `${TRACE_EVENTS[name].path}: ${key}` };
      fields.push(field);
    }
    const length = Math.max(...fields.map(({ offset, size }) => offset + size));
    const decode = decoders[name](fields.map(({ offset }) => offset));
    byId.set(formats[name].id, (data) => (data.byteLength < length ? undefined : decode(data)));
  }
  return (data) => (data.byteLength < 8 ? undefined : byId.get(data.getUint16(0, true))?.(data));
}

export const eventNames: readonly TraceEventName[] = ['capability', 'enter', 'exit', 'exec', 'fork'];

const decoders: Record<TraceEventName, (offsets: readonly number[]) => Decode> = {
  capability:
    ([pid = 0, namespace = 0, capability = 0, result = 0]) =>
    (data) => ({
      type: 'capability',
      tid: data.getInt32(pid, true),
      capability: data.getInt32(capability, true),
      namespace: data.getBigUint64(namespace, true),
      granted: data.getInt32(result, true) === 0,
    }),
  // Numbers and results of calls are longs; what is looked at fits into the lower half.
  enter:
    ([pid = 0, id = 0]) =>
    (data) => ({
      type: 'enter',
      tid: data.getInt32(pid, true),
      call: data.getInt32(id, true),
    }),
  exit:
    ([pid = 0, id = 0, result = 0]) =>
    (data) => ({
      type: 'exit',
      tid: data.getInt32(pid, true),
      call: data.getInt32(id, true),
      result: Number(data.getBigInt64(result, true)),
    }),
  exec:
    ([pid = 0, file = 0]) =>
    (data) => ({
      type: 'exec',
      tid: data.getInt32(pid, true),
      file: textAt(data, data.getUint32(file, true)),
    }),
  fork:
    ([pid = 0, child = 0]) =>
    (data) => ({
      type: 'fork',
      tid: data.getInt32(pid, true),
      child: data.getInt32(child, true),
    }),
};

/** `__data_loc`: the length, with the zero at the end, in the upper half, and where it begins. */
function textAt(data: DataView, location: number): Uint8Array {
  const [from, length] = [location & 0xffff, location >>> 16];
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice(from, from + length);
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}
