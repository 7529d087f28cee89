// The kernel's process events: who forked, executed, changed, ended. Source: include/uapi/linux/cn_proc.h,
// drivers/connector/cn_proc.c. Pids are those of the initial pid namespace: nobody else is told.

import {
  CN_IDX_PROC,
  CN_MSG_LENGTH,
  CN_VAL_PROC,
  PROC_CN_MCAST_IGNORE,
  PROC_CN_MCAST_LISTEN,
  PROC_EVENT,
  PROC_EVENT_HEADER_LENGTH,
} from '../abi/connector.ts';
import { NLMSG_DONE } from '../abi/netlink.ts';
import { gap, value, type Reading } from '../host.ts';
import { decodeMessages, encodeMessage, view } from './message.ts';

/** What happened to a process (thread group); what happens to one of its threads alone is left out. */
export type ProcessEvent =
  | { readonly type: 'fork'; readonly parent: number; readonly pid: number }
  /** It runs another program, or its ids, session, name or tracer changed: it has had a chance to be elsewhere. */
  | { readonly type: 'change'; readonly pid: number }
  | { readonly type: 'exit'; readonly pid: number }
  /** The answer to a request to listen, which all listeners get; 0 is success. */
  | { readonly type: 'answer'; readonly errno: number };

/** Asks for all process events from now on, or for none any more: before Linux 6.6 the kernel counts on being told. */
export function encodeListen(listen: boolean): Uint8Array {
  const body = new Uint8Array(CN_MSG_LENGTH + 4);
  const fields = view(body);
  fields.setUint32(0, CN_IDX_PROC, true);
  fields.setUint32(4, CN_VAL_PROC, true);
  fields.setUint16(16, 4, true);
  fields.setUint32(CN_MSG_LENGTH, listen ? PROC_CN_MCAST_LISTEN : PROC_CN_MCAST_IGNORE, true);
  return encodeMessage(NLMSG_DONE, 0, [body]);
}

/** The events of one datagram, in the order in which they happened. */
export function decodeProcessEvents(datagram: Uint8Array, what: string): Reading<readonly ProcessEvent[]> {
  const messages = decodeMessages(datagram, what);
  if (!messages.ok) return messages;
  const events: ProcessEvent[] = [];
  for (const { body } of messages.value) {
    if (body.length < CN_MSG_LENGTH + PROC_EVENT_HEADER_LENGTH) return tooShort(body, what);
    const fields = view(body);
    if (fields.getUint32(0, true) !== CN_IDX_PROC || fields.getUint32(4, true) !== CN_VAL_PROC) continue;
    const kind = fields.getUint32(CN_MSG_LENGTH, true);
    const facts = body.subarray(CN_MSG_LENGTH + PROC_EVENT_HEADER_LENGTH);
    if (facts.length < lengthOf(kind)) return tooShort(body, what);
    const event = decodeEvent(kind, view(facts));
    if (event !== undefined) events.push(event);
  }
  return value(events);
}

function tooShort(body: Uint8Array, what: string): Reading<never> {
  return gap({ reason: 'malformed', what, text: `a process event of ${body.length} bytes` });
}

/** How much of the union is read. */
function lengthOf(kind: number): number {
  if (kind === PROC_EVENT.NONE) return 4;
  return kind === PROC_EVENT.FORK ? 16 : 8;
}

/** Of each a pid and the number of its process (tgid): a thread that leads none has two. */
function decodeEvent(kind: number, fields: DataView): ProcessEvent | undefined {
  switch (kind) {
    case PROC_EVENT.NONE:
      return { type: 'answer', errno: fields.getUint32(0, true) };
    case PROC_EVENT.FORK: {
      const pid = fields.getUint32(12, true);
      return fields.getUint32(8, true) === pid
        ? { type: 'fork', parent: fields.getUint32(4, true), pid }
        : { type: 'change', pid };
    }
    case PROC_EVENT.EXEC:
    case PROC_EVENT.UID:
    case PROC_EVENT.GID:
    case PROC_EVENT.SID:
    case PROC_EVENT.PTRACE:
    case PROC_EVENT.COMM:
      return { type: 'change', pid: fields.getUint32(4, true) };
    case PROC_EVENT.EXIT: {
      const pid = fields.getUint32(4, true);
      return fields.getUint32(0, true) === pid ? { type: 'exit', pid } : undefined;
    }
    default:
      return undefined;
  }
}
