// The kernel's process events, on datagrams that it wrote (Linux 6.18), and on what it does not write.

import { describe, expect, it } from 'vitest';
import { decodeProcessEvents, encodeListen } from '../../../src/kernel/netlink/process-events.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(' ', ''), 'hex'));

const HEADER = '4c00000003000000 0100000000000000 0100000001000000 0100000000000000 28000000';

const event = (what: string, facts: string): Uint8Array =>
  bytes(`${HEADER} ${what} 01000000 c44867c7ff050000 ${facts.replaceAll(' ', '').padEnd(48, '0')}`);

const decode = (datagram: Uint8Array): unknown => decodeProcessEvents(datagram, 'x');

describe('process events', () => {
  it.each([
    ['00000000', '00000000', [{ type: 'answer', errno: 0 }]],
    ['00000000', '01000000', [{ type: 'answer', errno: 1 }]],
    ['01000000', '05330000 05330000 08330000 08330000', [{ type: 'fork', parent: 13061, pid: 13064 }]],
    // A thread.
    ['01000000', '05330000 05330000 09330000 08330000', [{ type: 'change', pid: 13064 }]],
    ['02000000', '08330000 08330000', [{ type: 'change', pid: 13064 }]],
    ['04000000', '09330000 08330000 e8030000 e8030000', [{ type: 'change', pid: 13064 }]],
    ['00020000', '08330000 08330000 7368', [{ type: 'change', pid: 13064 }]],
    ['00000080', '08330000 08330000 00000000 11000000 05330000 05330000', [{ type: 'exit', pid: 13064 }]],
    // The end of a thread, a core dump, and what no kernel has yet.
    ['00000080', '09330000 08330000', []],
    ['00000040', '08330000 08330000', []],
    ['00100000', '08330000 08330000', []],
  ])('of what %s and %s are read', (what, facts, events) => {
    expect(decode(event(what, facts))).toEqual({ ok: true, value: events });
  });

  it('of other senders are passed over', () => {
    const other = event('00000000', '');
    other[16] = 2;
    expect(decode(other)).toEqual({ ok: true, value: [] });
  });

  it('that are too short are malformed', () => {
    expect(decode(bytes('1400000003000000000000000000000001000000'))).toMatchObject({ ok: false });
    const short = event('01000000', '').slice(0, 60);
    short[0] = 60;
    expect(decode(short)).toMatchObject({
      ok: false,
      gap: { reason: 'malformed', text: 'a process event of 44 bytes' },
    });
  });

  it('are asked for as the kernel takes it', () => {
    const request = '280000000300000001000000000000000100000001000000000000000000000004000000';
    expect(Buffer.from(encodeListen(true)).toString('hex')).toBe(`${request}01000000`);
    expect(Buffer.from(encodeListen(false)).toString('hex')).toBe(`${request}02000000`);
  });
});
