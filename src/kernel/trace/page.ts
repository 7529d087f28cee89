// A page of the ring buffer, as trace_pipe_raw gives it. Source: kernel/trace/ring_buffer.c, include/linux/ring_buffer.h,
// events/header_page and events/header_event of tracefs; of machines of 64 bits, little-endian.

export interface RawEvent {
  /** In nanoseconds of the instance's clock. */
  readonly time: number;
  readonly data: DataView;
}

export interface TracePage {
  readonly events: readonly RawEvent[];
  /** So many that came before were overwritten; 1 where the kernel does not say how many. */
  readonly lost: number;
}

const HEADER_LENGTH = 16;
const AT_COMMIT = 8;
/** In what says how long the page is. Source: RB_MISSED_EVENTS, RB_MISSED_STORED. */
const MISSED = 0x8000_0000;
const STORED = 0x4000_0000;
const LENGTH = 0x3fff_ffff;

const TYPE_BITS = 5;
const DELTA_BITS = 27;
const TYPE = { padding: 29, timeExtend: 30, timeStamp: 31 } as const;

/** What is not whole is left out: a page is read only when it is. */
export function decodeTracePage(bytes: Uint8Array): TracePage {
  if (bytes.length < HEADER_LENGTH) return { events: [], lost: 0 };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const commit = view.getUint32(AT_COMMIT, true);
  const end = Math.min(HEADER_LENGTH + (commit & LENGTH), bytes.length);
  return { events: eventsOf(view, end), lost: lostBefore(view, commit, end) };
}

function lostBefore(view: DataView, commit: number, end: number): number {
  if ((commit & MISSED) === 0) return 0;
  const isStored = (commit & STORED) !== 0 && end + 8 <= view.byteLength;
  return isStored ? Math.max(longAt(view, end), 1) : 1;
}

function eventsOf(view: DataView, end: number): readonly RawEvent[] {
  const events: RawEvent[] = [];
  let time = longAt(view, 0);
  for (let at = HEADER_LENGTH; at + 4 <= end;) {
    const word = view.getUint32(at, true);
    const [type, delta] = [word & (2 ** TYPE_BITS - 1), word >>> TYPE_BITS];
    const next = at + 4 <= end - 4 ? view.getUint32(at + 4, true) : 0;
    if (type === TYPE.timeExtend || type === TYPE.timeStamp) {
      const long = next * 2 ** DELTA_BITS + delta;
      time = type === TYPE.timeExtend ? time + long : long;
      at += 8;
      continue;
    }
    time += delta;
    if (type === TYPE.padding) {
      // Nothing follows it in the page.
      if (delta === 0) break;
      at += 4 + next;
      continue;
    }
    // A longer one has its length, with that of itself, in a word of its own.
    const [from, length] = type === 0 ? [at + 8, next - 4] : [at + 4, type * 4];
    if (length <= 0 || from + length > end) break;
    events.push({ time, data: new DataView(view.buffer, view.byteOffset + from, length) });
    at = from + length + ((4 - (length % 4)) % 4);
  }
  return events;
}

/** Exact up to 2^53, that is for 104 days of nanoseconds, and to some nanoseconds after that. */
function longAt(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}
