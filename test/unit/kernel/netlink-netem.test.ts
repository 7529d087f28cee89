// What makes a link worse than it is: as tc(8) says it, and as the kernel tells it.

import { describe, expect, it } from 'vitest';
import { valueOf } from '../../../src/kernel/host.ts';
import {
  decodeRootQueues,
  encodeNetem,
  encodeRemoveRootQueue,
  isNetem,
  type Netem,
  type RootQueue,
} from '../../../src/kernel/netlink/netem.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));

const none: Netem = { delay: 0, jitter: 0, loss: 0, duplicate: 0, reorder: 0, rate: 0 };
const all: Netem = { delay: 20e6, jitter: 2e6, loss: 1, duplicate: 0.5, reorder: 25, rate: 10e6 };

/**
 * Of iproute2 6.1, by strace(1): tc qdisc replace dev lo root netem delay 20ms 2ms loss 1% duplicate 0.5% reorder 25% rate
 * 10mbit.
 */
const QOPT = 'b4c40400 e8030000 295c8f02 01000000 14ae4701 127a0000';
const REORDER = '0c000300 00000040 00000000';
const RATE = '14000600 d0121300 00000000 00000000 00000000';
const KIND = '0a000100 6e6574656d000000';
/** 20 ms and 2 ms, which tc says only where it is no whole number of ticks. */
const TIMES = '0c000a00 002d310100000000 0c000b00 80841e0000000000';

describe('a netem', () => {
  it('is asked for as tc(8) does, with the exact times', () => {
    const { message } = encodeNetem(7, all);
    const options = bytes(`${QOPT} ${REORDER} ${RATE} ${TIMES}`);
    const header = '00000000 07000000 00000000 ffffffff 00000000';
    expect(hex(message)).toBe(
      hex(bytes(`84000000 2400 0507 01000000 00000000 ${header} ${KIND} 5400 0200 ${hex(options)}`)),
    );
    expect(options.length + 4).toBe(0x54);
  });

  it('has no parts that say nothing', () => {
    const { message } = encodeNetem(7, { ...none, loss: 100 });
    expect(hex(message.subarray(36 + 12))).toBe(
      hex(bytes('1c000200 00000000 e8030000 ffffffff 00000000 00000000 00000000')),
    );
  });

  it('is removed by the root of its link', () => {
    expect(hex(encodeRemoveRootQueue(7).message)).toBe(
      hex(bytes('24000000 2500 0500 01000000 00000000 00000000 07000000 00000000 ffffffff 00000000')),
    );
  });

  /** As the kernel tells of it: all parts, in the order of netem_dump(). */
  function told(options: string, { kind = KIND, parent = 'ffffffff' } = {}): RootQueue | undefined {
    const body = bytes(`${kind} ${lengthOf(options)}0200 ${options}`);
    const whole = bytes(`00000000 07000000 01800000 ${parent} 02000000 ${hex(body)}`);
    const message = bytes(`${wordOf(16 + whole.length)} 2400 0200 01000000 00000000 ${hex(whole)}`);
    return valueOf(decodeRootQueues([message], 'x'))?.[0];
  }
  const lengthOf = (options: string): string => wordOf(4 + bytes(options).length).slice(0, 4);
  const wordOf = (number: number): string => hex(new Uint8Array(Uint32Array.of(number).buffer));
  const ZERO_CORR = '10000100 00000000 00000000 00000000';
  const ZERO_CORRUPT = '0c000400 00000000 00000000';
  const SEED = '0c000f00 0102030405060708';
  const WHOLE = [QOPT, TIMES, ZERO_CORR, REORDER, ZERO_CORRUPT, RATE, SEED].join(' ');

  function isAsWanted(options: string, wanted: Netem): boolean {
    const queue = told(options);
    if (queue === undefined) throw new Error('no queue');
    return isNetem(queue, wanted);
  }

  it('is known again', () => {
    expect(told(WHOLE)).toMatchObject({ ifindex: 7 });
    expect(isAsWanted(WHOLE, all)).toBe(true);
    // Before Linux 4.15 only ticks are told.
    expect(isAsWanted([QOPT, ZERO_CORR, REORDER, ZERO_CORRUPT, RATE].join(' '), all)).toBe(true);
    expect(isAsWanted([QOPT, ZERO_CORR, REORDER, ZERO_CORRUPT, RATE].join(' '), { ...all, delay: 20e6 + 63 })).toBe(
      true,
    );
  });

  it.each(['delay', 'jitter', 'loss', 'duplicate', 'reorder', 'rate'] as const)('is another with another %s', (key) => {
    expect(isAsWanted(WHOLE, { ...all, [key]: all[key] * 1.001 })).toBe(false);
    expect(isAsWanted(WHOLE, { ...all, [key]: 0 })).toBe(false);
  });

  it.each([
    ['a limit', QOPT, QOPT.replace('e803', 'e903')],
    ['a gap', QOPT, QOPT.replace('01000000', '05000000')],
    ['a correlation', ZERO_CORR, ZERO_CORR.replace(/00000000$/, '00000001')],
    ['corruption', ZERO_CORRUPT, ZERO_CORRUPT.replace('00000000 ', '00000001 ')],
    ['an overhead', RATE, RATE.replace(/00000000$/, '04000000')],
    ['a model of loss', SEED, `${SEED} 04000500`],
    ['marks in place of loss', SEED, `${SEED} 08000700 01000000`],
  ])('is another with %s of its own', (_, part, other) => {
    expect(WHOLE).toContain(part);
    expect(isAsWanted(WHOLE.replace(part, other), all)).toBe(false);
  });

  it('is not one of another kind, nor one below another', () => {
    const tbf = '08000100 74626600';
    expect(told(WHOLE, { kind: tbf })).toEqual({ ifindex: 7, netem: null });
    expect(told(WHOLE, { parent: '01000100' })).toBeUndefined();
  });

  it('that is cut short is malformed', () => {
    expect(told(QOPT.slice(0, 20))).toBeUndefined();
  });
});
