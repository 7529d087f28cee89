// Single lines of /proc/PID/status.

import { describe, expect, it } from 'vitest';
import {
  capabilityLines,
  holdsCapabilities,
  nameLine,
  parseCapabilityLines,
  statusLine,
} from '../../../src/kernel/text/status-lines.ts';

const ZERO = '0000000000000000';

function status(sets: Readonly<Record<string, string>>, name = 'sh'): string {
  const lines = Object.entries({ CapInh: ZERO, CapPrm: ZERO, CapEff: ZERO, CapBnd: '000001ffffffffff', ...sets });
  const masks = lines.map(([key, mask]) => `${key}:\t${mask}\n`).join('');
  return `Name:\t${name}\nUmask:\t0022\nTgid:\t7\nUid:\t0\t1\t2\t3\n${masks}NoNewPrivs:\t0\n`;
}

describe('a line', () => {
  it('is found by its whole key', () => {
    expect(nameLine(status({}))).toBe('sh');
    expect(statusLine(status({}), '\nUid:\t')).toBe('0\t1\t2\t3');
    expect(statusLine(status({}), '\nid:\t')).toBeUndefined();
    expect(statusLine('Name:\tsh\nPid:\t9', '\nPid:\t')).toBe('9');
    expect(nameLine('')).toBeUndefined();
  });

  it('is not forged by a name', () => {
    expect(statusLine(status({}, 'Uid:\t9\\nUid:\t9'), '\nUid:\t')).toBe('0\t1\t2\t3');
  });
});

describe('capabilities', () => {
  it.each(['CapInh', 'CapPrm', 'CapEff', 'CapAmb'])('of %s are some', (set) => {
    expect(holdsCapabilities(status({ CapAmb: ZERO }))).toBe(false);
    expect(holdsCapabilities(status({ CapAmb: ZERO, [set]: '8000000000000000' }))).toBe(true);
    expect(holdsCapabilities(status({ CapAmb: ZERO, [set]: '0000000000000001' }))).toBe(true);
  });

  it('are the five masks', () => {
    const text = status({ CapInh: '0000000000000001', CapAmb: 'ffffffffffffffff' });
    expect(parseCapabilityLines(capabilityLines(text), 'status')).toEqual({
      ok: true,
      value: { inheritable: 1n, permitted: 0n, effective: 0n, bounding: 0x1ffffffffffn, ambient: (1n << 64n) - 1n },
    });
    expect(capabilityLines(text)).not.toContain('NoNewPrivs');
  });

  it('have no ambient set before Linux 4.3', () => {
    expect(holdsCapabilities(status({}))).toBe(false);
    expect(parseCapabilityLines(capabilityLines(status({})), 'f')).toMatchObject({ ok: true, value: { ambient: 0n } });
  });

  it.each(['', 'Name:\tsh\n', status({ CapEff: 'xyz' }), status({ CapEff: `${ZERO}0` })])(
    'are malformed in %j',
    (text) => {
      expect(holdsCapabilities(text) || text.includes(`${ZERO}0`)).toBe(true);
      expect(parseCapabilityLines(text, 'status')).toMatchObject({ ok: false, gap: { reason: 'malformed' } });
    },
  );
});
