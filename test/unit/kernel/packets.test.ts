import { describe, expect, it } from 'vitest';
import { decodeDnsAnswer, encodeDnsQuestion, isDnsName } from '../../../src/kernel/packets/dns.ts';
import { checksum, decodeIcmp, decodeIpv4, encodeEcho } from '../../../src/kernel/packets/icmp.ts';

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));

describe('ICMP', () => {
  const echo = { id: 0x1234, sequence: 1, payload: bytes('0102030405') };
  const to4 = Uint8Array.of(192, 0, 2, 9);
  const sent = encodeEcho('inet', echo);
  /** An error of a router about it: type, code and what stands in its second word. */
  const error4 = (head: string, quoted = sent, target = to4): Uint8Array =>
    Uint8Array.from([
      ...bytes(head),
      ...bytes('45000021000040004001 0000 c0000202'),
      ...target,
      ...quoted.subarray(0, 8),
    ]);

  it('makes an echo whose checksum is right', () => {
    expect(Buffer.from(sent).toString('hex')).toBe('0800dcc4123400010102030405');
    expect(checksum(sent)).toBe(0);
    expect(Buffer.from(encodeEcho('inet6', echo)).toString('hex')).toBe('80000000123400010102030405');
  });

  it('knows the checksum of RFC 1071', () => {
    expect(checksum(bytes('0001f203f4f5f6f7'))).toBe(0x220d);
  });

  it('takes a reply only with the same number and payload', () => {
    const wanted = { ...echo, to: to4 };
    const reply = Uint8Array.from(sent);
    reply[0] = 0;
    expect(decodeIcmp('inet', reply, wanted)).toEqual({ type: 'reply' });
    expect(decodeIcmp('inet', reply, { ...wanted, id: 0x1235 })).toBeUndefined();
    expect(decodeIcmp('inet', reply, { ...wanted, id: null })).toEqual({ type: 'reply' });
    expect(decodeIcmp('inet', reply, { ...wanted, sequence: 2 })).toBeUndefined();
    expect(decodeIcmp('inet', reply.subarray(0, 12), wanted)).toBeUndefined();
    expect(decodeIcmp('inet', reply.subarray(0, 7), wanted)).toBeUndefined();
    // The question itself, which a host hears on its loopback.
    expect(decodeIcmp('inet', sent, wanted)).toBeUndefined();
    expect(decodeIcmp('inet6', reply, wanted)).toBeUndefined();
  });

  it.each([
    ['0300000000000000', 'ENETUNREACH', null],
    ['0301000000000000', 'EHOSTUNREACH', null],
    ['0303000000000000', 'ECONNREFUSED', null],
    ['030d000000000000', 'EHOSTUNREACH', null],
    ['0304000000000578', 'EMSGSIZE', 1400],
    ['0304000000000000', 'EMSGSIZE', null],
    ['0b00000000000000', 'EHOSTUNREACH', null],
    ['0c00000000000000', 'EPROTO', null],
  ])('reads what a router says: %s', (head, errno, mtu) => {
    expect(decodeIcmp('inet', error4(head), { ...echo, to: to4 })).toEqual({ type: 'error', errno, mtu });
  });

  it('does not take an error about something else', () => {
    const wanted = { ...echo, to: to4 };
    const other = encodeEcho('inet', { ...echo, id: 7 });
    expect(decodeIcmp('inet', error4('0301000000000000', other), wanted)).toBeUndefined();
    expect(decodeIcmp('inet', error4('0301000000000000', sent, Uint8Array.of(192, 0, 2, 8)), wanted)).toBeUndefined();
    expect(decodeIcmp('inet', error4('0301000000000000').subarray(0, 30), wanted)).toBeUndefined();
    expect(decodeIcmp('inet', error4('0500000000000000'), wanted)).toBeUndefined();
  });

  it('reads an error of IPv6', () => {
    const to = bytes('20010db8000000000000000000000009');
    const header = [...bytes('60000000000d3a40'), ...bytes('20010db8000000000000000000000002'), ...to];
    const about = (head: string): Uint8Array =>
      Uint8Array.from([...bytes(head), ...header, ...encodeEcho('inet6', echo)]);
    const wanted = { ...echo, to };
    expect(decodeIcmp('inet6', about('0200000000000500'), wanted)).toEqual({
      type: 'error',
      errno: 'EMSGSIZE',
      mtu: 1280,
    });
    expect(decodeIcmp('inet6', about('0101000000000000'), wanted)).toMatchObject({ errno: 'EACCES' });
    expect(decodeIcmp('inet6', about('0103000000000000'), wanted)).toMatchObject({ errno: 'EHOSTUNREACH' });
    expect(decodeIcmp('inet6', about('0104000000000000'), wanted)).toMatchObject({ errno: 'ECONNREFUSED' });
    expect(decodeIcmp('inet6', about('0101000000000000'), { ...wanted, to: bytes('00'.repeat(16)) })).toBeUndefined();
  });

  it('takes the message out of a packet with options', () => {
    const packet = bytes('46000021000040004001 0000 c0000201 c0000202 01010101 0000dfc0');
    expect(decodeIpv4(packet)).toMatchObject({ from: '192.0.2.1', message: bytes('0000dfc0') });
    expect(decodeIpv4(packet.subarray(0, 23))).toBeUndefined();
    expect(decodeIpv4(bytes('60'))).toBeUndefined();
    expect(decodeIpv4(new Uint8Array())).toBeUndefined();
  });
});

describe('DNS', () => {
  const question = { id: 0xabcd, name: 'www.example.test', type: 'A' } as const;
  const asked = 'abcd 0100 0001 0000 0000 0000 03777777 076578616d706c65 0474657374 00 0001 0001';
  const name = '03777777 076578616d706c65 0474657374 00 0001 0001';

  it('asks for recursion', () => {
    expect(encodeDnsQuestion(question)).toEqual(bytes(asked));
    expect(encodeDnsQuestion({ ...question, type: 'AAAA' }).at(-3)).toBe(28);
  });

  it('takes names that can be asked for', () => {
    for (const good of ['a', 'a.b', 'xn--bcher-kva.test', '_tcp.test', 'A-1.test', 'a'.repeat(63)])
      expect(isDnsName(good), good).toBe(true);
    const bad = ['', '.', 'a.', '.a', 'a..b', 'a b', 'a'.repeat(64), 'ü.test', 'a\n', `${'a.'.repeat(127)}a`, '*.a'];
    for (const word of bad) expect(isDnsName(word), word).toBe(false);
  });

  it('reads an answer that follows an alias', () => {
    const answer = bytes(`abcd 8180 0001 0003 0000 0000 ${name}
      c00c 0005 0001 0000003c 0006 03616e79 c010
      c02e 0001 0001 0000003c 0004 c0000207
      c02e 0001 0001 0000003c 0004 c0000208`);
    expect(decodeDnsAnswer(answer, question)).toEqual({
      rcode: 'NOERROR',
      addresses: ['192.0.2.7', '192.0.2.8'],
      cut: false,
    });
    expect(decodeDnsAnswer(answer.subarray(0, -1), question)).toBeUndefined();
  });

  it('reads refusals, also without a question', () => {
    expect(decodeDnsAnswer(bytes(`abcd 8183 0001 0000 0000 0000 ${name}`), question)?.rcode).toBe('NXDOMAIN');
    expect(decodeDnsAnswer(bytes('abcd 8182 0000 0000 0000 0000'), question)?.rcode).toBe('SERVFAIL');
    expect(decodeDnsAnswer(bytes('abcd 818b 0000 0000 0000 0000'), question)?.rcode).toBe('RCODE11');
    expect(decodeDnsAnswer(bytes('abcd 8180 0000 0000 0000 0000'), question)).toBeUndefined();
  });

  it('says where there is more', () => {
    const record = 'c00c 0001 0001 0000003c 0004 c0000207';
    const much = bytes(`abcd 8180 0001 0100 0000 0000 ${name} ${record.repeat(256)}`);
    expect(decodeDnsAnswer(much, question)).toMatchObject({ cut: true });
    expect(decodeDnsAnswer(much, question)?.addresses).toHaveLength(64);
    expect(decodeDnsAnswer(bytes(`abcd 8380 0001 0000 0000 0000 ${name}`), question)).toMatchObject({ cut: true });
  });

  it('takes no other answer', () => {
    const good = `8180 0001 0001 0000 0000 ${name} c00c 0001 0001 0000003c 0004 c0000207`;
    expect(decodeDnsAnswer(bytes(`abcd ${good}`), question)).toBeDefined();
    // Another number, a question, another name, another type.
    expect(decodeDnsAnswer(bytes(`abce ${good}`), question)).toBeUndefined();
    expect(decodeDnsAnswer(bytes(asked), question)).toBeUndefined();
    expect(decodeDnsAnswer(bytes(`abcd ${good}`), { ...question, name: 'xww.example.test' })).toBeUndefined();
    expect(decodeDnsAnswer(bytes(`abcd ${good}`), { ...question, type: 'AAAA' })).toBeUndefined();
    // Names that point to each other, or are not names.
    expect(decodeDnsAnswer(bytes(`abcd 8180 0001 0001 0000 0000 ${name} 40`), question)).toBeUndefined();
    expect(decodeDnsAnswer(bytes(`abcd 8180 0001 ffff 0000 0000 ${name} c00c`), question)).toBeUndefined();
  });
});
