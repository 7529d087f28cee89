import { describe, expect, it } from 'vitest';
import { valueOf } from '../../../src/kernel/host.ts';
import {
  encodeAlias,
  encodeNewAddress,
  encodeNewBridge,
  encodeNewRoute,
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
    expect(hex(encodeUp(7).message)).toBe('2000000010000500010000000000000000000000070000000100000001000000');
  });

  it('remove a link', () => {
    expect(hex(encodeRemoveLink(7).message)).toBe('2000000011000500010000000000000000000000070000000000000000000000');
  });

  it('give a link an alias, with its end', () => {
    const body = encodeAlias(7, 'ab').message.subarray(32);
    expect(hex(body)).toBe('0700140061620000');
  });

  it('add an address, as IFA_LOCAL and IFA_ADDRESS', () => {
    const { message } = encodeNewAddress(7, Uint8Array.of(192, 168, 10, 1), 24);
    expect(hex(message)).toBe('28000000140005060100000000000000021800000700000008000200c0a80a0108000100c0a80a01');
  });

  it('add a default route to the main table', () => {
    const { message } = encodeNewRoute({
      destination: new Uint8Array(4),
      prefixLength: 0,
      gateway: Uint8Array.of(192, 168, 10, 1),
      ifindex: null,
      metric: null,
      table: null,
    });
    expect(hex(message)).toBe('2400000018000506010000000000000002000000fe0300010000000008000500c0a80a01');
  });

  it('make a bridge with its address and group in the same message', () => {
    const { message } = encodeNewBridge({ name: 'br', mac: '02:00:00:00:00:01', group: 5, mtu: null });
    expect(hex(message.subarray(32))).toBe(
      '07000300627200000a000100020000000001000008001b0005000000100012800b0001006272696467650000',
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
