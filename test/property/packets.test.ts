// What comes in by a probe may be anything: the codecs are total, and take only what is about their own question.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeDnsAnswer, encodeDnsQuestion } from '../../src/kernel/packets/dns.ts';
import { checksum, decodeIcmp, decodeIpv4, encodeEcho } from '../../src/kernel/packets/icmp.ts';

const seconds = Number(process.env['FC_SECONDS'] ?? 0);
const parameters: fc.Parameters<unknown> =
  seconds > 0
    ? { numRuns: Infinity, interruptAfterTimeLimit: seconds * 1000, markInterruptAsFailure: false }
    : { numRuns: 500, seed: 20_260_702 };

const number = fc.nat(0xffff);
const echo = fc.record({ id: number, sequence: number, payload: fc.uint8Array({ maxLength: 40 }) });
const label = fc.stringMatching(/^[\w-]{1,12}$/);
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
const question = fc.record({ id: number, name, type: fc.constantFrom('A' as const, 'AAAA' as const) });

describe('packets', () => {
  it('are read to the end or not at all, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), echo, fc.uint8Array({ maxLength: 16 }), (bytes, sent, to) => {
        decodeIpv4(bytes);
        for (const family of ['inet', 'inet6'] as const) decodeIcmp(family, bytes, { ...sent, to });
      }),
      parameters,
    );
  });

  it('of an echo are taken for a reply of no other', () => {
    fc.assert(
      fc.property(echo, echo, (sent, other) => {
        const reply = encodeEcho('inet', sent);
        expect(checksum(reply.length % 2 === 0 ? reply : Uint8Array.from([...reply, 0]))).toBe(0);
        reply[0] = 0;
        const to = new Uint8Array(4);
        expect(decodeIcmp('inet', reply, { ...sent, to })).toEqual({ type: 'reply' });
        const isSame = sent.id === other.id && sent.sequence === other.sequence;
        if (!isSame) expect(decodeIcmp('inet', reply, { ...other, to })).toBeUndefined();
      }),
      parameters,
    );
  });

  it('of a name server that were changed give an answer or none', () => {
    const change = fc.tuple(fc.nat(), fc.nat(255));
    const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7];
    fc.assert(
      fc.property(question, fc.array(change, { maxLength: 6 }), fc.nat(), (asked, changes, cut) => {
        const whole = Uint8Array.from([...encodeDnsQuestion(asked), ...record, ...record]);
        whole.set([0x81, 0x80, 0, 1, 0, 2], 2);
        for (const [at, byte] of changes) whole[at % whole.length] = byte;
        const answer = decodeDnsAnswer(whole.subarray(0, cut % (whole.length + 1)), asked);
        expect(answer?.addresses.length ?? 0).toBeLessThanOrEqual(2);
      }),
      parameters,
    );
  });
});
