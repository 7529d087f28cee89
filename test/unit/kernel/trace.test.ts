import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DenialTally, type Denial } from '../../../src/capabilities/denials.ts';
import { NamespaceProbe } from '../../../src/capabilities/namespace-probe.ts';
import { systemCallName } from '../../../src/kernel/abi/system-call-names.ts';
import { TRACE_EVENTS, traceDecoder, type TraceEvent, type TraceEventName } from '../../../src/kernel/trace/event.ts';
import { parseTraceFormat, type TraceFormat } from '../../../src/kernel/trace/format.ts';
import { decodeTracePage } from '../../../src/kernel/trace/page.ts';

const fixture = (name: string): Buffer => readFileSync(new URL(`../../../fixtures/trace/${name}`, import.meta.url));

function format(name: TraceEventName): TraceFormat {
  const file = `${TRACE_EVENTS[name].path.split('/')[1]}.format`;
  const parsed = parseTraceFormat(fixture(file), file);
  if (!parsed.ok) throw new Error(file);
  return parsed.value;
}

const formats = {
  capability: format('capability'),
  enter: format('enter'),
  exit: format('exit'),
  exec: format('exec'),
  fork: format('fork'),
};

const decode = traceDecoder(formats);
if (typeof decode !== 'function') throw new Error(decode.missing);

const pages = fixture('pages.base64')
  .toString()
  .trim()
  .split('\n')
  .map((line) => Buffer.from(line, 'base64'));

describe('a recorded trace', () => {
  const events = pages.flatMap((page) => decodeTracePage(page).events.flatMap(({ data }) => decode(data) ?? []));

  test('formats tell where fields are', () => {
    expect(formats.capability.fields.get('target_ns')).toEqual({ offset: 16, size: 8 });
    expect(formats.capability.fields.get('cap')).toEqual({ offset: 32, size: 4 });
    expect(formats.exec.fields.get('filename')).toEqual({ offset: 8, size: 4 });
    expect(formats.enter.fields.get('args')).toEqual({ offset: 16, size: 48 });
  });

  test('every event of a page is read, and its times never go back', () => {
    const times = pages.flatMap((page) => decodeTracePage(page).events.map(({ time }) => time));
    expect(times.length).toBe(events.length);
    expect(times.toSorted((a, b) => a - b)).toEqual(times);
    expect(times.length).toBeGreaterThan(100);
  });

  test('programs, calls and what is missing', () => {
    const files = events.flatMap((event) => (event.type === 'exec' ? [Buffer.from(event.file).toString()] : []));
    expect(files).toEqual(expect.arrayContaining(['/usr/bin/setpriv', '/usr/bin/hostname']));
    const tally = new DenialTally(
      () => {},
      () => null,
    );
    for (const event of events) tally.take(event);
    tally.finish();
    expect(tally.list().map(({ program, call, errno }) => [program, systemCallName('x64', call ?? -1), errno])).toEqual(
      expect.arrayContaining([
        ['hostname', 'sethostname', 1],
        ['hostname', 'brk', null],
      ]),
    );
  });

  test('a page that is cut anywhere is read as far as it goes', () => {
    const [page = Buffer.alloc(0)] = pages;
    const whole = decodeTracePage(page).events.length;
    for (let length = 0; length < page.length; length += 7) {
      const { events: some } = decodeTracePage(page.subarray(0, length));
      expect(some.length).toBeLessThanOrEqual(whole);
      for (const { data } of some) decode(data);
    }
  });

  test('any bytes are a page', () => {
    for (let seed = 1; seed < 300; seed += 1) {
      const bytes = Buffer.alloc(4096);
      for (let at = 0, state = seed; at < bytes.length; at += 4) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        bytes.writeUInt32LE(state, at);
      }
      for (const { data } of decodeTracePage(bytes).events) decode(data);
    }
  });
});

describe('overwritten events', () => {
  const page = (commit: number, stored: bigint): Uint8Array => {
    const bytes = Buffer.alloc(4096);
    bytes.writeUInt32LE(commit >>> 0, 8);
    bytes.writeBigUInt64LE(stored, 16);
    return bytes;
  };
  test.each([
    [0, 0n, 0],
    [0x8000_0000, 77n, 1],
    [0xc000_0000, 77n, 77],
    [0xc000_0000, 0n, 1],
  ])('%i', (commit, stored, lost) => {
    expect(decodeTracePage(page(commit, stored)).lost).toBe(lost);
  });
});

test('a kernel without a field is told', () => {
  const broken = { ...formats, exit: { id: 5, fields: new Map() } };
  expect(traceDecoder(broken)).toEqual({ missing: 'raw_syscalls/sys_exit: common_pid' });
});

const SOMEWHERE = 0xffff888012345678n;

function denialsOf(events: readonly TraceEvent[]): readonly Denial[] {
  const tally = new DenialTally(
    () => {},
    () => 'old',
  );
  for (const event of events) tally.take(event);
  tally.finish();
  return tally.list();
}

const asked = (capability: number, granted = false, tid = 7): TraceEvent => ({
  type: 'capability',
  tid,
  capability,
  namespace: SOMEWHERE,
  granted,
});
const enter = (call: number, tid = 7): TraceEvent => ({ type: 'enter', tid, call });
const exit = (call: number, result: number, tid = 7): TraceEvent => ({ type: 'exit', tid, call, result });
const missing = (capability: number): Denial['cause'] => ({ by: 'capability', capability, namespace: SOMEWHERE });

describe('denials', () => {
  test('what a failing call asked for in vain', () => {
    expect(denialsOf([enter(41), asked(13), exit(41, -1)])).toEqual([
      { cause: missing(13), program: 'old', tid: 7, call: 41, errno: 1, count: 1 },
    ]);
  });

  test('asked twice in a call it counts once, in two calls twice', () => {
    const once = [enter(41), asked(13), asked(13), exit(41, -1)];
    expect(denialsOf([...once, ...once])).toMatchObject([{ count: 2 }]);
  });

  test('a call that went on is a guess; what was granted is none', () => {
    expect(denialsOf([enter(9), asked(21), exit(9, 4096), enter(12), asked(21, true), exit(12, -12)])).toMatchObject([
      { cause: missing(21), call: 9, errno: null },
    ]);
  });

  test('a call that never began was refused by seccomp', () => {
    expect(denialsOf([enter(1), exit(1, 3), exit(170, -1)])).toMatchObject([
      { cause: { by: 'seccomp' }, call: 170, errno: 1 },
    ]);
    expect(denialsOf([enter(170), exit(170, 0), exit(170, -38)])).toMatchObject([
      { cause: { by: 'seccomp' }, call: 170, errno: 38 },
    ]);
  });

  test('a thread that was in the middle of a call when it was seen first was refused nothing', () => {
    expect(denialsOf([exit(170, -1)])).toEqual([]);
    expect(denialsOf([{ type: 'fork', tid: 1, child: 7 }, exit(56, 0)])).toEqual([]);
  });

  test('after lost events nothing is concluded', () => {
    expect(denialsOf([enter(1), { type: 'lost', count: 5 }, exit(170, -1)])).toEqual([]);
  });

  test('a failure without any capability is other, if it is one of permission', () => {
    expect(denialsOf([enter(1), exit(1, 1), enter(59), exit(59, -1), enter(2), exit(2, -2)])).toMatchObject([
      { cause: { by: 'other' }, call: 59, errno: 1 },
    ]);
  });

  test('a call that the kernel begins again, and no call at all, are none', () => {
    expect(denialsOf([enter(35), exit(35, -516), enter(219), exit(219, -4), exit(-1, -4)])).toEqual([]);
  });

  test('a child is called as its maker until it executes something', () => {
    const file = new TextEncoder().encode('/usr/bin/evil\u001b[2J');
    const events: TraceEvent[] = [
      { type: 'exec', tid: 1, file: new TextEncoder().encode('/bin/sh') },
      { type: 'fork', tid: 1, child: 7 },
      enter(41),
      asked(13),
      exit(41, -1),
      { type: 'exec', tid: 7, file },
      enter(41),
      asked(13),
      exit(41, -1),
    ];
    expect(denialsOf(events).map(({ program }) => program)).toEqual(['sh', 'evil\u001b[2J']);
  });

  test('threads are kept apart', () => {
    expect(denialsOf([enter(41, 1), enter(2, 2), asked(13, false, 1), exit(2, 5, 2), exit(41, -1, 1)])).toMatchObject([
      { cause: missing(13), tid: 1, call: 41 },
    ]);
  });

  test('so many different ones are kept, the rest is counted', () => {
    const tally = new DenialTally(
      () => {},
      () => null,
    );
    for (let call = 0; call < 10_050; call += 1)
      for (const event of [enter(call), asked(1), exit(call, -1)]) tally.take(event);
    expect([tally.list().length, tally.dropped]).toEqual([10_000, 50]);
  });
});

test('a probe finds the address of each namespace, whatever else is asked', () => {
  const probe = new NamespaceProbe();
  const name = (number: number): string => ({ 95: 'umask', 257: 'openat' })[number] ?? 'other';
  const at = (namespace: bigint): TraceEvent => ({
    type: 'capability',
    tid: 9,
    capability: 21,
    namespace,
    granted: true,
  });
  const events = [at(1n), enter(257), at(2n), enter(95), enter(257), asked(1), at(3n), enter(9), at(4n), enter(95)];
  for (const event of [...events, enter(257), at(5n)]) probe.take(event, name);
  expect([...probe.found]).toEqual([
    [3n, 0],
    [5n, 1],
  ]);
});

test.each([
  ['x64', 0, 'read'],
  ['x64', 257, 'openat'],
  ['x64', 334, 'rseq'],
  ['x64', 424, 'pidfd_send_signal'],
  ['x64', 457, 'statmount'],
  ['x64', 400, '#400'],
  ['x64', 9999, '#9999'],
  ['arm64', 56, 'openat'],
  ['arm64', 222, 'mmap'],
  ['arm64', 79, 'newfstatat'],
  ['arm64', 435, 'clone3'],
] as const)('%s %i is %s', (architecture, number, name) => {
  expect(systemCallName(architecture, number)).toBe(name);
});
