// Masks of /proc/PID/status, and offsets of clocks.

import { describe, expect, it } from 'vitest';
import { parseStatusMasks } from '../../../src/kernel/text/status-masks.ts';
import { parseTimensOffsets } from '../../../src/kernel/text/timens-offsets.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('status masks', () => {
  it('reads each of the lines', () => {
    const text = [
      'Name:\tsh',
      'Umask:\t0137',
      'SigBlk:\t0000000000010000',
      'SigIgn:\t0000000000000004',
      'SigCgt:\t0000000000004002',
      'CapInh:\t0000000000000000',
      'CapPrm:\t000001ffffffffff',
      'CapEff:\t00000000a80425fb',
      'CapBnd:\t000001ffffffffff',
      'CapAmb:\t0000000000000000',
      'NoNewPrivs:\t1',
      'Seccomp:\t2',
      'Seccomp_filters:\t3',
      'Speculation_Store_Bypass:\tthread vulnerable',
    ].join('\n');
    expect(parseStatusMasks(bytes(text), 'status')).toEqual({
      ok: true,
      value: {
        blocked: 0x10000n,
        ignored: 4n,
        caught: 0x4002n,
        inheritable: 0n,
        permitted: 0x1ffffffffffn,
        effective: 0xa80425fbn,
        bounding: 0x1ffffffffffn,
        ambient: 0n,
        noNewPrivileges: true,
        seccomp: 2,
        seccompFilters: 3,
        umask: 0o137,
        speculativeStoreBypass: 'thread vulnerable',
      },
    });
  });

  it('has null for lines that an older kernel lacks', () => {
    const read = parseStatusMasks(bytes('Name:\tsh\n'), 'status');
    expect(read.ok && new Set(Object.values(read.value))).toEqual(new Set([null]));
  });

  it('lets the first line of a key win', () => {
    const read = parseStatusMasks(bytes('CapEff:\t1\nCapEff:\t2\n'), 'status');
    expect(read).toMatchObject({ value: { effective: 1n } });
  });

  it.each(['CapEff:\tx', 'SigBlk:\t-1', 'Seccomp:\t2 3', 'CapEff:\t00000000000000000', 'Umask:\t0088'])(
    'refuses %j',
    (line) => {
      expect(parseStatusMasks(bytes(`${line}\n`), 'status')).toMatchObject({ ok: false, gap: { reason: 'malformed' } });
    },
  );
});

describe('timens_offsets', () => {
  it('has seconds that may be negative', () => {
    expect(
      parseTimensOffsets(bytes('monotonic      -172800         0\nboottime        604800 999999999\n'), 'f'),
    ).toEqual({
      ok: true,
      value: [
        { clock: 'monotonic', seconds: -172800n, nanoseconds: 0 },
        { clock: 'boottime', seconds: 604800n, nanoseconds: 999999999 },
      ],
    });
  });

  it.each(['monotonic 1', 'monotonic x 0', 'monotonic 1 0 0', ' monotonic 1 0'])('refuses %j', (line) => {
    expect(parseTimensOffsets(bytes(line), 'f')).toMatchObject({ ok: false, gap: { line: 1 } });
  });
});
