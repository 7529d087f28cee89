import { describe, expect, it } from 'vitest';
import { valueOf } from '../../../src/kernel/host.ts';
import {
  encodeAlias,
  encodeNewAddress,
  encodeNewBridge,
  encodeNewDefaultRoute,
  encodeNewVeth,
  encodeRemoveLink,
  encodeUp,
} from '../../../src/kernel/netlink/change.ts';
import { attributeMap, decodeMessages, textOf } from '../../../src/kernel/netlink/message.ts';

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');

function attributes(bytes: Uint8Array | undefined): ReadonlyMap<number, Uint8Array> {
  return valueOf(attributeMap(bytes ?? new Uint8Array(), 'x')) ?? new Map<number, Uint8Array>();
}

describe('changes of a network', () => {
  it('switch a link on', () => {
    const header = '200000001000050001000000' + '00000000';
    expect(hex(encodeUp(7).message)).toBe(`${header}00000000070000000100000001000000`);
  });

  it('remove a link', () => {
    expect(hex(encodeRemoveLink(7).message)).toBe(
      '20000000110005000100000000000000' + '00000000070000000000000000000000',
    );
  });

  it('give a link an alias, with its end', () => {
    const body = encodeAlias(7, 'ab').message.subarray(32);
    expect(hex(body)).toBe('0700140061620000');
  });

  it('add an address, as IFA_LOCAL and IFA_ADDRESS', () => {
    const { message } = encodeNewAddress(7, Uint8Array.of(192, 168, 10, 1), 24);
    expect(hex(message)).toBe(
      '28000000' + '1400' + '0506' + '0100000000000000' + '0218000007000000' + '08000200c0a80a01' + '08000100c0a80a01',
    );
  });

  it('add a default route to the main table', () => {
    const { message } = encodeNewDefaultRoute(Uint8Array.of(192, 168, 10, 1));
    expect(hex(message)).toBe(
      '24000000' + '1800' + '0506' + '0100000000000000' + '02000000fe03000100000000' + '08000500c0a80a01',
    );
  });

  it('make a bridge with its address and group in the same message', () => {
    const { message } = encodeNewBridge({ name: 'br', mac: '02:00:00:00:00:01', group: 5, mtu: null });
    expect(hex(message.subarray(32))).toBe(
      '0700030062720000' +
        '0a0001000200000000010000' +
        '08001b0005000000' +
        '10001280' +
        '0b00010062726964676500' +
        '00',
    );
  });

  it('make a pair, its other end in another namespace', () => {
    const link = { name: 'out', mac: '02:00:00:00:00:01', group: 5, mtu: 1400 };
    const peer = { name: 'eth0', mac: '02:00:00:00:00:02', group: 5, mtu: 1400, namespace: 9 };
    const { message } = encodeNewVeth(link, peer, 3);
    const [decoded] = valueOf(decodeMessages(message, 'x')) ?? [];
    const own = attributes(decoded?.body.subarray(16));
    expect([textOf(own.get(3)), hex(own.get(10)), hex(own.get(4))]).toEqual(['out', '03000000', '78050000']);
    const info = attributes(own.get(18));
    expect(textOf(info.get(1))).toBe('veth');
    const other = attributes(attributes(info.get(2)).get(1)?.subarray(16));
    expect([textOf(other.get(3)), hex(other.get(1)), hex(other.get(28)), hex(other.get(27))]).toEqual([
      'eth0',
      '020000000002',
      '09000000',
      '05000000',
    ]);
  });
});
