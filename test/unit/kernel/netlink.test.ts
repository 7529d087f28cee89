import { describe, expect, it } from 'vitest';
import {
  decodeAttributes,
  decodeMessages,
  encodeAttribute,
  encodeMessage,
} from '../../../src/kernel/netlink/message.ts';
import { decodeNsidReply, encodeNsidRequest } from '../../../src/kernel/netlink/nsid.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));

describe('netlink messages', () => {
  it('are framed as the kernel has them', () => {
    const message = encodeMessage(90, 1, [new Uint8Array(4), encodeAttribute(3, Uint8Array.of(7, 0, 0, 0))]);
    expect(hex(message)).toBe('1c0000005a0001000100000000000000000000000800030007000000');
    expect(decodeMessages(message, 'x')).toMatchObject({ ok: true, value: [{ type: 90, flags: 1 }] });
  });

  it('pad attributes to four bytes', () => {
    const body = encodeMessage(1, 0, [encodeAttribute(1, Uint8Array.of(1)), encodeAttribute(2, Uint8Array.of(2, 3))]);
    const decoded = decodeAttributes(body.subarray(16), 'x');
    expect(decoded).toEqual({
      ok: true,
      value: [
        { type: 1, body: Uint8Array.of(1) },
        { type: 2, body: Uint8Array.of(2, 3) },
      ],
    });
  });

  it.each(['00', '0f000000000000000000000000000000', 'ff000000000000000000000000000000'])(
    'refuse the length in %s',
    (text) => {
      expect(decodeMessages(unhex(text), 'x')).toMatchObject({ ok: false, gap: { reason: 'malformed' } });
    },
  );

  it.each(['00', '03000100', 'ff000100'])('refuse the attribute %s', (text) => {
    expect(decodeAttributes(unhex(text), 'x')).toMatchObject({ ok: false, gap: { reason: 'malformed' } });
  });
});

describe('ids of network namespaces', () => {
  it('are asked for by a descriptor that the host fills in', () => {
    const request = encodeNsidRequest('/run/netns/blue');
    expect(request.descriptor).toEqual({ door: '/run/netns/blue', offset: 24 });
    expect(request.message.length).toBe(28);
  });

  it('are read from a reply of Linux 6.18: 7, and unassigned', () => {
    const reply = (id: string): Uint8Array => unhex(`1c0000005800000001000000000000000000000008000100${id}`);
    expect(decodeNsidReply([reply('07000000')], 'x')).toEqual({ ok: true, value: 7 });
    expect(decodeNsidReply([reply('ffffffff')], 'x')).toEqual({ ok: true, value: -1 });
    expect(decodeNsidReply([], 'x')).toMatchObject({ ok: false });
  });
});
